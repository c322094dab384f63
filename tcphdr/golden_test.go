package tcphdr_test

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tcpprobe/tcphdr"
)

var (
	src4 = netip.MustParseAddr("192.0.2.33")
	dst4 = netip.MustParseAddr("198.51.100.77")
	src6 = netip.MustParseAddr("2001:db8::33")
	dst6 = netip.MustParseAddr("2001:db8:4d::77")
)

// octets reads lines of hexadecimal octets, each with a caption after a semicolon.
func octets(lines string) []byte {
	var b []byte
	for line := range strings.Lines(lines) {
		digits, _, _ := strings.Cut(line, ";")
		part, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			panic(err)
		}
		b = append(b, part...)
	}
	return b
}

// A golden is one segment as a header and as octets. The checksums were computed by hand, elsewhere.
type golden struct {
	name     string
	src, dst netip.Addr
	octets   []byte
	header   tcphdr.Header
	data     []byte
}

var goldens = []golden{
	{
		name: "no options, no data", src: src4, dst: dst4,
		octets: octets(`
			c1 d2        ; source port
			1f 90        ; destination port
			01 23 45 67  ; sequence number
			89 ab cd ef  ; acknowledgment number
			51           ; data offset 5, reserved 000, AE
			aa           ; CWR URG PSH SYN
			fa f0        ; window
			3c 13        ; checksum
			0b 0c        ; urgent pointer`),
		header: tcphdr.Header{
			SrcPort: 0xc1d2, DstPort: 0x1f90,
			Seq: 0x01234567, Ack: 0x89abcdef,
			Flags:  tcphdr.AE | tcphdr.CWR | tcphdr.URG | tcphdr.PSH | tcphdr.SYN,
			Window: 0xfaf0, Checksum: 0x3c13, UrgentPointer: 0x0b0c,
			Options: tcphdr.Options{},
		},
		data: []byte{},
	},
	{
		name: "options padded", src: src4, dst: dst4,
		octets: octets(`
			c1 d2        ; source port
			1f 90        ; destination port
			01 23 45 67  ; sequence number
			89 ab cd ef  ; acknowledgment number
			60           ; data offset 6, reserved 000
			02           ; SYN
			fa f0        ; window
			23 b4        ; checksum
			0b 0c        ; urgent pointer
			03 03 07     ; window scale 7
			00           ; end of option list`),
		header: tcphdr.Header{
			SrcPort: 0xc1d2, DstPort: 0x1f90,
			Seq: 0x01234567, Ack: 0x89abcdef,
			Flags:  tcphdr.SYN,
			Window: 0xfaf0, Checksum: 0x23b4, UrgentPointer: 0x0b0c,
			Options: tcphdr.Options{3, 3, 7, 0},
		},
		data: []byte{},
	},
	{
		name: "options and data of odd length", src: src4, dst: dst4,
		octets: full(0x28, 0xc5),
		header: fullHeader(0x28c5),
		data:   []byte("hello"),
	},
	{
		name: "IPv6", src: src6, dst: dst6,
		octets: full(0xb8, 0xfe),
		header: fullHeader(0xb8fe),
		data:   []byte("hello"),
	},
}

func full(checksum ...byte) []byte {
	b := octets(`
		c1 d2        ; source port
		1f 90        ; destination port
		01 23 45 67  ; sequence number
		89 ab cd ef  ; acknowledgment number
		a0           ; data offset 10, reserved 000
		d2           ; CWR ECE ACK SYN
		fa f0        ; window
		ff ff        ; checksum, put in below
		0b 0c        ; urgent pointer
		02 04 05 b4  ; maximum segment size 1460
		04 02        ; SACK permitted
		08 0a 11 12 13 14 21 22 23 24  ; timestamps
		01           ; no operation
		03 03 07     ; window scale 7
		68 65 6c 6c 6f  ; data`)
	copy(b[16:], checksum)
	return b
}

func fullHeader(checksum uint16) tcphdr.Header {
	return tcphdr.Header{
		SrcPort: 0xc1d2, DstPort: 0x1f90,
		Seq: 0x01234567, Ack: 0x89abcdef,
		Flags:  tcphdr.CWR | tcphdr.ECE | tcphdr.ACK | tcphdr.SYN,
		Window: 0xfaf0, Checksum: checksum, UrgentPointer: 0x0b0c,
		Options: tcphdr.Options{
			2, 4, 0x05, 0xb4,
			4, 2,
			8, 10, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
			1,
			3, 3, 7,
		},
	}
}

// edited returns a copy of b with the octet at the given offset changed.
func edited(b []byte, at int, octet byte) []byte {
	b = slices.Clone(b)
	b[at] = octet
	return b
}

// dirty returns a buffer that holds a prefix and has room for n octets more, none of which is zero.
func dirty(n int) (prefixed, prefix []byte) {
	b := slices.Repeat([]byte{0xee}, 3+n)
	return b[:3], []byte{0xee, 0xee, 0xee}
}

func equal(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got % x\nwant % x", what, got, want)
	}
}
