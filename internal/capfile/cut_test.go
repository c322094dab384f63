package capfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/capfile"
)

// TestCutCaptures cuts the captures of others: small ones at every octet, and the others within their beginning and around the
// borders of their first packets. Every packet that is whole is there, and an error that says where the file ends.
func TestCutCaptures(t *testing.T) {
	const small, beginning, packets = 300, 50, 20
	cuts := 0
	captures(t, func(name string, content []byte) {
		ends, err := packetEnds(content)
		if err != nil && !errors.As(err, new(*capfile.CorruptError)) && !errors.As(err, new(*capfile.TruncatedError)) {
			t.Errorf("%s: %v", name, err)
		}
		for n := range content {
			if len(content) > small && n > beginning && !near(ends[:min(len(ends), packets)], n) {
				continue
			}
			cuts++
			cut(t, name, content[:n:n], ends)
		}
	})
	t.Logf("%d cuts", cuts)
}

// packetEnds returns the octets at which the packets of a file end, and what ended the file itself, unless that is its end.
func packetEnds(content []byte) (ends []int64, err error) {
	r, err := capfile.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for p := new(capfile.Packet); ; {
		switch err := r.Next(p); {
		case err == io.EOF:
			return ends, nil
		case err != nil:
			return ends, err
		case r.Format() == capfile.PCAP:
			ends = append(ends, p.Offset+16+int64(len(p.Data)))
		default:
			length := binary.LittleEndian.Uint32(content[p.Offset+4:])
			if again := p.Offset + int64(length) - 4; again >= int64(len(content)) || binary.LittleEndian.Uint32(content[again:]) != length {
				length = binary.BigEndian.Uint32(content[p.Offset+4:])
			}
			ends = append(ends, p.Offset+int64(length))
		}
	}
}

// near reports whether an octet is close to the end of a packet.
func near(ends []int64, n int) bool {
	i, found := slices.BinarySearch(ends, int64(n)-17)
	for ; i < len(ends) && !found; i++ {
		switch d := int64(n) - ends[i]; {
		case d == -1, d == 0, d == 1, d == 9:
			found = true
		case d < 0:
			return false
		}
	}
	return found
}

// cut reads a file that was cut off, of which the packets that are whole are known.
func cut(t *testing.T, name string, content []byte, ends []int64) {
	t.Helper()
	whole := 0
	for _, end := range ends {
		if end <= int64(len(content)) {
			whole++
		}
	}
	packets := 0
	r, err := capfile.NewReader(bytes.NewReader(content))
	for p := new(capfile.Packet); err == nil; packets++ {
		if err = r.Next(p); err != nil {
			break
		}
	}
	var truncated *capfile.TruncatedError
	switch {
	case packets != whole:
		t.Errorf("%s, %d octets: %d packets and %v, want %d", name, len(content), packets, err, whole)
	case errors.As(err, &truncated):
		if truncated.Offset != int64(len(content)) || truncated.Start > truncated.Offset || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, %d octets: %v", name, len(content), err)
		}
	case err == io.EOF, errors.As(err, new(*capfile.CorruptError)):
	case errors.Is(err, capfile.ErrNotCapture) && len(content) < 12:
	default:
		t.Errorf("%s, %d octets: %v", name, len(content), err)
	}
}

// TestCutSays checks what a file that was cut off says of itself.
func TestCutSays(t *testing.T) {
	pcapng := (&file{order: binary.LittleEndian}).section().on(1, 0, nil).packet(0, 1, 4, "abcd", nil).
		block(0x0bad, func(b *file) { b.octets(strings.Repeat("x", 100)) }).b
	for _, test := range []struct {
		content []byte
		want    string
	}{
		{twoPackets()[:10], "cut off at octet 10, within the file header that begins at octet 0"},
		{twoPackets()[:30], "cut off at octet 30, within packet 1 that begins at octet 24"},
		{twoPackets()[:63], "cut off at octet 63, within packet 2 that begins at octet 44"},
		{pcapng[:20], "cut off at octet 20, within a Section Header Block that begins at octet 0"},
		{pcapng[:40], "cut off at octet 40, within an Interface Description Block that begins at octet 28"},
		{pcapng[:50], "cut off at octet 50, within a block that begins at octet 48"},
		{pcapng[:70], "cut off at octet 70, within packet 1 that begins at octet 48"},
		{pcapng[:180], "cut off at octet 180, within a block of type 0xbad that begins at octet 84"},
		{compress(t, twoPackets())[:7], "cut off at octet 7, within the header of gzip that begins at octet 0"},
	} {
		if _, err := read(test.content); err == nil || err.Error() != test.want {
			t.Errorf("%d octets: %v, want %s", len(test.content), err, test.want)
		}
	}
	// What gzip had written last is there as far as it can be decompressed.
	long := pcap(binary.LittleEndian, capfile.MagicNanoseconds, 4, 0, 1)
	for i := range uint32(10000) {
		long.u32(i, i*i, 4, 4).u32(i * 0x9e3779b9)
	}
	compressed := compress(t, long.b)
	packets, err := read(compressed[:len(compressed)/2])
	if !errors.As(err, new(*capfile.TruncatedError)) || len(packets) < 3000 || len(packets) > 7000 {
		t.Errorf("half of what gzip has: %d packets, %v", len(packets), err)
	}
}

// TestDamaged reads files that cannot be right from some place on.
func TestDamaged(t *testing.T) {
	begin := func() *file {
		return (&file{order: binary.LittleEndian}).section().on(1, 0, nil).packet(0, 1, 4, "abcd", nil)
	}
	for _, test := range []struct {
		content []byte
		packets int
		want    string
	}{
		{pcap(binary.LittleEndian, capfile.MagicMicroseconds, 4, 0, 1).u32(0, 0, 4, 4).octets("abcd").u32(0, 0, 0x7fffffff, 4).b, 1, "damaged at octet 44: packet 2 has 2147483647 octets"},
		{(&file{order: binary.LittleEndian}).u32(capfile.MagicMicroseconds).u16(3, 0).u32(0, 0, 0, 1).b, 0, "damaged at octet 0: version 3.0 of the format is not known"},
		{begin().u32(6, 13).b, 1, "damaged at octet 84: packet 2 has a length of 13 octets"},
		{begin().u32(6, 0).b, 1, "damaged at octet 84: packet 2 has a length of 0 octets"},
		{begin().u32(6, 0x7ffffffc).b, 1, "damaged at octet 84: packet 2 has a length of 2147483644 octets"},
		{begin().u32(6, 16, 0, 20).b, 1, "damaged at octet 84: packet 2 has a length of 16 octets in front and 20 at its end"},
		{begin().u32(6, 16, 0, 16).b, 1, "damaged at octet 84: packet 2 has a body of 4 octets"},
		{begin().u32(5, 16, 0, 16).b, 1, "damaged at octet 84: an Interface Statistics Block has a body of 4 octets"},
		{begin().u32(1, 16, 0, 16).b, 1, "damaged at octet 84: an Interface Description Block has a body of 4 octets"},
		{begin().packet(1, 0, 4, "abcd", nil).b, 1, "damaged at octet 84: packet 2 is of interface 1, which is not described"},
		{begin().block(6, func(b *file) { b.u32(0, 0, 0, 9, 9).octets("abcd") }).b, 1, "damaged at octet 84: packet 2 has 9 octets in a block of 4"},
		{begin().block(capfile.BlockSectionHeader, func(b *file) { b.u32(7).u16(1, 0).u64(0) }).b, 1, "damaged at octet 84: a Section Header Block without its byte-order magic"},
		{begin().block(capfile.BlockSectionHeader, func(b *file) { b.u32(capfile.ByteOrderMagic).u16(2, 0).u64(0) }).b, 1, "damaged at octet 84: version 2.0 of the format is not known"},
		{begin().section().packet(0, 0, 4, "abcd", nil).b, 1, "damaged at octet 112: packet 2 is of interface 0, which is not described"},
		{begin().block(3, func(b *file) {}).b, 1, "damaged at octet 84: packet 2 has a body of 0 octets"},
		{begin().block(2, func(b *file) { b.u32(0) }).b, 1, "damaged at octet 84: packet 2 has a body of 4 octets"},
	} {
		packets, err := read(test.content)
		if !errors.As(err, new(*capfile.CorruptError)) || err.Error() != test.want || len(packets) != test.packets {
			t.Errorf("%d packets, %v; want %d, %s", len(packets), err, test.packets, test.want)
		}
	}
}

// TestNotCapture says what a file is that is no capture of these formats, where that helps.
func TestNotCapture(t *testing.T) {
	for content, want := range map[string]string{
		"":                       "no capture: the file is empty",
		"abc":                    "no capture: 3 octets",
		"#!/bin/sh":              "no capture: the file begins with the octets 23 21 2f 62",
		"\x28\xb5\x2f\xfdrest":   "no capture: the file is compressed by zstd; zstdcat FILE | tcpprobe read - reads it",
		"\xfd7zXZ\x00":           "no capture: the file is compressed by xz; xzcat FILE | tcpprobe read - reads it",
		"BZh91AY":                "no capture: the file is compressed by bzip2; bzcat FILE | tcpprobe read - reads it",
		"\x04\x22\x4d\x18rest":   "no capture: the file is compressed by lz4; lz4cat FILE | tcpprobe read - reads it",
		"snoop\x00\x00\x00":      "no capture: the file is of snoop; editcap FILE NEW.pcapng converts it",
		"GMBUrest":               "no capture: the file is of Network Monitor; editcap FILE NEW.pcapng converts it",
		"\n\r\r\nabcdefghijklmn": "no capture: a Section Header Block without its byte-order magic",
	} {
		if _, err := read([]byte(content)); !errors.Is(err, capfile.ErrNotCapture) || err.Error() != want {
			t.Errorf("%q: %v; want %s", content, err, want)
		}
		if _, err := read(compress(t, []byte(content))); !errors.Is(err, capfile.ErrNotCapture) {
			t.Errorf("%q, compressed: %v", content, err)
		}
	}
}

// TestClaims: a length that a file claims takes no memory unless the octets are there.
func TestClaims(t *testing.T) {
	content := pcap(binary.LittleEndian, capfile.MagicMicroseconds, 4, 0, 1).u32(0, 0, 15<<20, 15<<20).octets("abcd").b
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := read(content)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 || !errors.As(err, new(*capfile.TruncatedError)) {
		t.Errorf("%d octets for a file of %d, %v", n, len(content), err)
	}
}

// TestAllocations reads packets of both formats without allocating.
func TestAllocations(t *testing.T) {
	old := pcap(binary.LittleEndian, capfile.MagicMicroseconds, 4, 0, 1)
	ng := (&file{order: binary.LittleEndian}).section().on(1, 0, nil)
	for i := range uint32(2000) {
		old.u32(i, 0, 60, 1500).octets(strings.Repeat("x", 60))
		ng.packet(0, uint64(i), 1500, strings.Repeat("x", 60), func(b *file) { b.option(capfile.OptionPacketFlags, "\x01\x00\x00\x00") })
	}
	for _, content := range [][]byte{old.b, ng.b} {
		r, err := capfile.NewReader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		var p capfile.Packet
		if n := testing.AllocsPerRun(1000, func() { err = r.Next(&p) }); n != 0 || err != nil {
			t.Errorf("%v: %v allocations, %v", r.Format(), n, err)
		}
	}
}
