package tcphdr_test

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/checksum"
	"tcpprobe/tcphdr"
)

func TestParse(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			h, data, err := tcphdr.Parse(g.octets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.header, h); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			equal(t, "data", data, g.data)
		})
	}
}

func TestParseB81DataOffset(t *testing.T) {
	segment := goldens[2].octets // 20 octets of header, 20 of options, 5 of data
	tests := []struct {
		name    string
		segment []byte
		options int // octets, if it can be read
		data    int
		err     error
	}{
		{"0 words", edited(segment, 12, 0x00), 0, 0, tcphdr.ErrMalformed},
		{"4 words", edited(segment, 12, 0x4f), 0, 0, tcphdr.ErrMalformed},
		{"5 words", edited(segment, 12, 0x50), 0, 25, nil},
		{"11 words, up to the last octet but one", edited(segment, 12, 0xb0), 24, 1, nil},
		{"11 words, all of the segment", edited(segment, 12, 0xb0)[:44], 24, 0, nil},
		{"11 words, one octet too many", edited(segment, 12, 0xb0)[:43], 0, 0, io.ErrUnexpectedEOF},
		{"15 words", edited(segment, 12, 0xf0), 0, 0, io.ErrUnexpectedEOF},
		{"15 words of 60 octets", append(edited(segment, 12, 0xf0), make([]byte, 15)...), 40, 0, nil},
		{"4 words of 19 octets", edited(segment, 12, 0x40)[:19], 0, 0, io.ErrUnexpectedEOF},
		{"nothing", nil, 0, 0, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, data, err := tcphdr.Parse(tt.segment)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if len(h.Options) != tt.options || len(data) != tt.data {
				t.Errorf("%d octets of options and %d of data, want %d and %d",
					len(h.Options), len(data), tt.options, tt.data)
			}
		})
	}
}

func TestParseTruncated(t *testing.T) {
	for _, g := range goldens {
		header := len(g.octets) - len(g.data)
		for n := range header {
			if _, _, err := tcphdr.Parse(g.octets[:n]); err != io.ErrUnexpectedEOF {
				t.Errorf("%s, %d of %d octets: error %v, want %v", g.name, n, header, err, io.ErrUnexpectedEOF)
			}
		}
	}
}

func TestParseB89ReservedBits(t *testing.T) {
	for reserved := range uint8(8) {
		for ae := range uint8(2) {
			segment := edited(goldens[0].octets, 12, 0x50|reserved<<1|ae)
			h, _, err := tcphdr.Parse(segment)
			if err != nil {
				t.Fatal(err)
			}
			if h.Reserved != reserved || h.Flags.Has(tcphdr.AE) != (ae == 1) {
				t.Errorf("octet %#02x: reserved %03b and %v, want %03b and AE %d",
					segment[12], h.Reserved, h.Flags, reserved, ae)
			}
		}
	}
}

func TestParseOptionsHaveNoRoom(t *testing.T) {
	segment := full(0x28, 0xc5)
	h, data, err := tcphdr.Parse(segment)
	if err != nil {
		t.Fatal(err)
	}
	tcphdr.AppendNoOperation(h.Options)
	equal(t, "data after an append to the options", data, []byte("hello"))
}

func TestAppend(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			h := g.header
			h.Checksum = 0xbad0 // not to be looked at
			got, err := h.Append(nil, g.src, g.dst, g.data)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "appended to nothing", got, g.octets)

			b, prefix := dirty(len(g.octets))
			got, err = h.Append(b, g.src, g.dst, g.data)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "appended to a dirty buffer", got, slices.Concat(prefix, g.octets))
			if &got[0] != &b[0] {
				t.Error("left a buffer with room enough")
			}
		})
	}
}

func TestAppendPadsOptions(t *testing.T) {
	for n := range 41 {
		h := tcphdr.Header{Options: slices.Repeat(tcphdr.Options{1}, n)}
		b, prefix := dirty(64)
		segment, err := h.Append(b, src4, dst4, []byte{0xda})
		if err != nil {
			t.Fatal(err)
		}
		segment = segment[len(prefix):]
		offset := 20 + (n+3)/4*4
		if got := int(segment[12]>>4) * 4; got != offset || len(segment) != offset+1 {
			t.Errorf("%d octets of options: data offset %d of %d octets, want %d of %d",
				n, got, len(segment), offset, offset+1)
		}
		equal(t, "options", segment[20:offset], append(h.Options, make([]byte, offset-20-n)...))
		if got := tcphdr.Verify(segment, src4, dst4); got != checksum.Valid {
			t.Errorf("%d octets of options: checksum %v", n, got)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	header := fullHeader(0)
	with := func(edit func(*tcphdr.Header)) tcphdr.Header {
		h := header
		edit(&h)
		return h
	}
	options := func(o ...byte) tcphdr.Header {
		return with(func(h *tcphdr.Header) { h.Options = o })
	}
	tests := []struct {
		name     string
		header   tcphdr.Header
		src, dst netip.Addr
		data     int
		want     string
	}{
		{"41 octets of options", options(make([]byte, 41)...), src4, dst4, 0,
			"tcphdr: malformed segment: 41 octets of options"},
		{"B-80 option of length 0", options(1, 99, 0, 0), src4, dst4, 0,
			"tcphdr: malformed segment: option at octet 1"},
		{"B-80 option of length 1", options(99, 1, 0, 0), src4, dst4, 0,
			"tcphdr: malformed segment: option at octet 0"},
		{"B-80 option cut off", options(2, 4, 5), src4, dst4, 0,
			"tcphdr: malformed segment: option at octet 0"},
		{"B-80 padding other than zero", options(1, 0, 0, 7), src4, dst4, 0,
			"tcphdr: malformed segment: padding 0x07 at octet 3 of the options"},
		{"B-89 reserved bit", with(func(h *tcphdr.Header) { h.Reserved = 0b010 }), src4, dst4, 0,
			"tcphdr: malformed segment: reserved bits 010"},
		{"B-89 reserved bit among the control bits", with(func(h *tcphdr.Header) { h.Flags |= 0x200 }), src4, dst4, 0,
			"tcphdr: malformed segment: control bits 0x2d2"},
		{"no address", header, netip.Addr{}, netip.Addr{}, 0,
			"tcphdr: malformed segment: addresses invalid IP and invalid IP"},
		{"addresses of two families", header, src4, dst6, 0,
			"tcphdr: malformed segment: addresses 192.0.2.33 and 2001:db8:4d::77"},
		{"65536 octets", header, src4, dst4, 65536 - 40,
			"tcphdr: malformed segment: 65536 octets"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, prefix := dirty(100)
			got, err := tt.header.Append(b, tt.src, tt.dst, make([]byte, tt.data))
			if !errors.Is(err, tcphdr.ErrMalformed) || err.Error() != tt.want {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			equal(t, "the buffer", got, prefix)
		})
	}

	if _, err := header.Append(nil, src4, dst4, make([]byte, 65535-40)); err != nil {
		t.Errorf("65535 octets: %v", err)
	}
}

func TestVerify(t *testing.T) {
	tests := []struct {
		name     string
		segment  []byte
		src, dst netip.Addr
		want     checksum.State
	}{
		{"valid", full(0x28, 0xc5), src4, dst4, checksum.Valid},
		{"valid over IPv6", full(0xb8, 0xfe), src6, dst6, checksum.Valid},
		{"sum of the pseudo-header alone", full(0xec, 0xd5), src4, dst4, checksum.Partial},
		{"sum of the pseudo-header alone, over IPv6", full(0x5c, 0x9c), src6, dst6, checksum.Partial},
		{"complement of it", full(0x13, 0x2a), src4, dst4, checksum.Invalid},
		{"other data", edited(full(0x28, 0xc5), 44, 'a'), src4, dst4, checksum.Invalid},
		{"other address", full(0x28, 0xc5), dst6, src6, checksum.Invalid},
		{"19 octets", full(0x28, 0xc5)[:19], src4, dst4, checksum.Unknown},
		{"no octets", nil, src4, dst4, checksum.Unknown},
		{"no address", full(0x28, 0xc5), netip.Addr{}, netip.Addr{}, checksum.Unknown},
		{"addresses of two families", full(0x28, 0xc5), src4, dst6, checksum.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tcphdr.Verify(tt.segment, tt.src, tt.dst); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestVerifyEveryBit(t *testing.T) {
	segment := full(0x28, 0xc5)
	for bit := range 8 * len(segment) {
		got := tcphdr.Verify(edited(segment, bit/8, segment[bit/8]^1<<(bit%8)), src4, dst4)
		if got != checksum.Invalid {
			t.Errorf("bit %d flipped: %v, want invalid", bit, got)
		}
	}
}
