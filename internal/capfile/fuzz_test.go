package capfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"tcpprobe/internal/capfile"
)

// fuzz reads a file, and checks what is true of all of them.
func fuzz(t *testing.T, content []byte) {
	r, err := capfile.NewReader(bytes.NewReader(content))
	last := int64(-1)
	for p := new(capfile.Packet); err == nil; {
		if err = r.Next(p); err != nil {
			break
		}
		if len(p.Data) > p.Length || p.Offset <= last || p.Interface >= len(r.Interfaces()) || r.Interfaces()[p.Interface].LinkType != p.LinkType {
			t.Fatalf("%+v behind octet %d, with %d interfaces", p, last, len(r.Interfaces()))
		}
		last = p.Offset
	}
	var truncated *capfile.TruncatedError
	var corrupt *capfile.CorruptError
	switch {
	case err == io.EOF, errors.Is(err, capfile.ErrNotCapture):
	case errors.As(err, &truncated):
		if truncated.Start > truncated.Offset || truncated.Start < last {
			t.Errorf("%v, behind octet %d", err, last)
		}
	case errors.As(err, &corrupt):
		if corrupt.Offset < last {
			t.Errorf("%v, behind octet %d", err, last)
		}
	default:
		t.Errorf("%T: %v", err, err)
	}
}

func FuzzPCAP(f *testing.F) {
	for _, order := range orders {
		for _, magic := range []uint32{capfile.MagicMicroseconds, capfile.MagicNanoseconds, 0xa1b2cd34} {
			f.Add(pcap(order, magic, 4, 65535, 1).u32(1, 2, 4, 60).octets("abcd").u32(1, 2, 4, 60).octets("abcd").b)
		}
	}
	f.Fuzz(fuzz)
}

func FuzzPCAPNG(f *testing.F) {
	for _, order := range orders {
		b := (&file{order: order}).section().on(1, 65535, func(b *file) {
			b.option(capfile.OptionInterfaceName, "eth0").option(capfile.OptionInterfaceResolution, "\x09")
		})
		b.packet(0, 1, 60, "abcd", func(b *file) { b.option(capfile.OptionComment, "comment").option(capfile.OptionEnd, "") })
		b.block(capfile.BlockNameResolution, func(b *file) { b.option(capfile.RecordIPv4, "\xc0\x00\x02\x50example.com\x00") })
		b.block(capfile.BlockSimplePacket, func(b *file) { b.u32(60).octets("simp") })
		b.block(capfile.BlockPacket, func(b *file) { b.u16(0, 2).u32(0, 9, 4, 4).octets("obso") })
		b.block(capfile.BlockInterfaceStatistics, func(b *file) { b.u32(0, 0, 0).option(capfile.OptionStatisticsReceived, "12345678") })
		b.order = binary.BigEndian
		f.Add(b.section().on(113, 0, nil).packet(0, 1, 4, "abcd", nil).b)
	}
	f.Fuzz(fuzz)
}

func FuzzGzip(f *testing.F) {
	f.Add(compress(f, twoPackets()))
	f.Add(compress(f, (&file{order: binary.LittleEndian}).section().on(1, 0, nil).packet(0, 1, 4, "abcd", nil).b))
	f.Fuzz(func(t *testing.T, content []byte) { fuzz(t, append([]byte{0x1f, 0x8b}, content...)) })
}
