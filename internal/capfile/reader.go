package capfile

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// Reader reads a capture file. It is for one goroutine.
type Reader struct {
	in         input
	format     Format
	gzip       bool
	order      binary.ByteOrder // of the file, or of the section
	pcap       pcapHeader
	section    int // index of the first interface of the section
	interfaces []Interface
	names      map[netip.Addr]string
	number     int   // of packets so far
	err        error // that ended the file
}

// NewReader reads the beginning of a capture file, and finds out its format. It reads no more than it needs: what follows
// may not be written yet.
//
// The error is ErrNotCapture if the file is none of these formats, a *TruncatedError if it ends within its first header, a
// *CorruptError if that cannot be true, and otherwise the error of r.
func NewReader(r io.Reader) (*Reader, error) {
	f := &Reader{in: input{source: r}}
	magic, err := f.magic()
	if err == nil && magic[0] == gzipMagic0 && magic[1] == gzipMagic1 {
		if err := f.decompress(); err != nil {
			return nil, err
		}
		magic, err = f.magic()
	}
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(magic) == BlockSectionHeader { // the same from both sides
		f.format = PCAPNG
		return f, f.beginSection()
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch m := order.Uint32(magic); m {
		case MagicMicroseconds, MagicNanoseconds, magicKuznetzov:
			f.order = order
			return f, f.readFileHeader(m)
		}
	}
	return nil, fmt.Errorf("%w%s", ErrNotCapture, otherFormat(magic))
}

// magic returns the first four octets of the file.
func (f *Reader) magic() ([]byte, error) {
	b, err := f.in.peek(4)
	switch {
	case err == io.EOF && len(b) == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrNotCapture)
	case err == io.EOF:
		return nil, fmt.Errorf("%w: %d octets", ErrNotCapture, len(b))
	case err != nil:
		return nil, f.failed(0, "the file", err)
	}
	return b, nil
}

// The octets with which gzip files begin (RFC 1952 2.3.1).
const gzipMagic0, gzipMagic1 = 0x1f, 0x8b

// decompress puts gzip between the file and what was read of it so far.
func (f *Reader) decompress() error {
	compressed := io.MultiReader(bytes.NewReader(slices.Clone(f.in.buffered())), f.in.source)
	z, err := gzip.NewReader(bufio.NewReader(compressed))
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return &TruncatedError{Within: "the header of gzip", Offset: int64(len(f.in.buffered()))}
		}
		return &CorruptError{Reason: "gzip: " + err.Error(), Err: err}
	}
	f.gzip = true
	f.in = input{source: z}
	return nil
}

// Next reads the next packet. What it holds lasts until the following call.
//
// The error is [io.EOF] at the end of the file, a *TruncatedError where it ends in the middle of something, a *CorruptError
// from where it cannot be read, and otherwise that of the reader below. Once there was one, it is always the same.
func (f *Reader) Next(p *Packet) error {
	if f.err == nil {
		if f.format == PCAPNG {
			f.err = f.nextBlock(p)
		} else {
			f.err = f.nextRecord(p)
		}
	}
	return f.err
}

// Format returns the format of the file.
func (f *Reader) Format() Format { return f.format }

// Compressed reports whether the file is compressed.
func (f *Reader) Compressed() bool { return f.gzip }

// Interfaces returns the interfaces that the file has described so far, those of all its sections in their order. They hold
// until the next packet is read.
func (f *Reader) Interfaces() []Interface { return f.interfaces }

// Name returns the name that the file has given an address so far, as it stands there; empty if it has given none.
func (f *Reader) Name(a netip.Addr) string { return f.names[a] }

// failed returns what to say of an error of the source, which it had while something was read that begins at an octet.
func (f *Reader) failed(start int64, within string, err error) error {
	end := f.in.offset + int64(len(f.in.buffered()))
	var damage flate.CorruptInputError
	switch {
	case err == io.EOF && end == start && start > 0:
		return io.EOF
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return &TruncatedError{Offset: end, Start: start, Within: within}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &damage):
		return &CorruptError{Offset: end, Reason: err.Error(), Err: err}
	}
	return err
}

// packetName names the packet that is about to be read.
func (f *Reader) packetName() string { return fmt.Sprintf("packet %d", f.number+1) }

// otherFormat says what a file is that begins with four octets, where that helps.
func otherFormat(magic []byte) string {
	switch string(magic) {
	case "\x28\xb5\x2f\xfd":
		return ": the file is compressed by zstd; zstdcat FILE | tcpprobe read - reads it"
	case "\xfd7zX":
		return ": the file is compressed by xz; xzcat FILE | tcpprobe read - reads it"
	case "\x04\x22\x4d\x18":
		return ": the file is compressed by lz4; lz4cat FILE | tcpprobe read - reads it"
	case "snoo":
		return ": the file is of snoop; editcap FILE NEW.pcapng converts it"
	case "GMBU":
		return ": the file is of Network Monitor; editcap FILE NEW.pcapng converts it"
	}
	if string(magic[:3]) == "BZh" {
		return ": the file is compressed by bzip2; bzcat FILE | tcpprobe read - reads it"
	}
	return fmt.Sprintf(": the file begins with the octets % x", magic)
}
