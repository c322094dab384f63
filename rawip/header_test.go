package rawip_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/ipv4"

	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
)

var (
	src = netip.MustParseAddr("192.0.2.33")
	dst = netip.MustParseAddr("198.51.100.77")

	compareAddrs = cmpopts.EquateComparable(netip.Addr{})
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

// A golden is one datagram as a header and as octets. The checksums were computed by hand, elsewhere.
type golden struct {
	name    string
	octets  []byte
	header  rawip.Header
	payload []byte
}

var goldens = []golden{
	{
		name: "options",
		octets: octets(`
			46           ; version 4, IHL 6
			b9           ; DSCP 46, ECN 1
			00 22        ; Total Length 34
			d4 31        ; Identification
			40 00        ; don't fragment
			3a           ; Time to Live 58
			06           ; protocol TCP
			d5 2e        ; header checksum
			c0 00 02 21  ; source address 192.0.2.33
			c6 33 64 4d  ; destination address 198.51.100.77
			94 04 15 16  ; router alert
			01 02 03 04 05 06 07 08 09 0a  ; payload`),
		header: rawip.Header{
			TOS: 0xb9, ID: 0xd431, DontFragment: true,
			TTL: 58, Protocol: rawip.ProtocolTCP, Checksum: 0xd52e, Src: src, Dst: dst,
			Options: []byte{0x94, 4, 0x15, 0x16},
		},
		payload: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
	},
	{
		name: "fragment",
		octets: octets(`
			45           ; version 4, IHL 5
			b2           ; DSCP 44, ECN 2
			00 1d        ; Total Length 29
			d4 31        ; Identification
			37 65        ; more fragments, fragment offset 5989
			3a           ; Time to Live 58
			11           ; protocol UDP
			87 e5        ; header checksum
			c0 00 02 21  ; source address 192.0.2.33
			c6 33 64 4d  ; destination address 198.51.100.77
			e1 e2 e3 e4 e5 e6 e7 e8 e9  ; payload`),
		header: rawip.Header{
			TOS: 0xb2, ID: 0xd431, MoreFragments: true, FragmentOffset: 0x1765,
			TTL: 58, Protocol: rawip.ProtocolUDP, Checksum: 0x87e5, Src: src, Dst: dst,
			Options: []byte{},
		},
		payload: []byte{0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9},
	},
}

// edited returns a copy of b with octets changed from the given offset on.
func edited(b []byte, at int, octets ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], octets)
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

func TestParse(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			h, payload, err := rawip.Parse(g.octets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.header, h, compareAddrs); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			equal(t, "payload", payload, g.payload)
		})
	}
}

func TestParseFlags(t *testing.T) {
	tests := []struct {
		octet                        byte
		reserved, dontFragment, more bool
	}{
		{0x17, false, false, false},
		{0x37, false, false, true},
		{0x57, false, true, false},
		{0x97, true, false, false},
		{0xf7, true, true, true},
	}
	for _, tt := range tests {
		h, _, err := rawip.Parse(edited(goldens[1].octets, 6, tt.octet))
		if err != nil {
			t.Fatal(err)
		}
		if h.ReservedFlag != tt.reserved || h.DontFragment != tt.dontFragment || h.MoreFragments != tt.more {
			t.Errorf("octet %#02x: flags %v %v %v", tt.octet, h.ReservedFlag, h.DontFragment, h.MoreFragments)
		}
		if h.FragmentOffset != 0x1765 {
			t.Errorf("octet %#02x: fragment offset %#x, want 0x1765", tt.octet, h.FragmentOffset)
		}
	}
}

func TestTOS(t *testing.T) {
	tests := []struct{ tos, dscp, ecn uint8 }{
		{0x00, 0, 0},
		{0xb9, 46, 1},
		{0x03, 0, 3},
		{0xfc, 63, 0},
	}
	for _, tt := range tests {
		h := rawip.Header{TOS: tt.tos}
		if h.DSCP() != tt.dscp || h.ECN() != tt.ecn {
			t.Errorf("TOS %#02x: DSCP %d, ECN %d, want %d and %d", tt.tos, h.DSCP(), h.ECN(), tt.dscp, tt.ecn)
		}
	}
}

func TestParseB70Lengths(t *testing.T) {
	datagram := goldens[0].octets // 24 octets of header, 10 of payload
	huge := append(slices.Clone(datagram), make([]byte, 65536)...)
	tests := []struct {
		name     string
		datagram []byte
		payload  int // octets
		err      error
		unsized  int // octets of the payload that ParseUnsized finds, or -1 for the same error
	}{
		{"as it is", datagram, 10, nil, 10},
		{"version 6", edited(datagram, 0, 0x66), 0, rawip.ErrMalformed, -1},
		{"version 0", edited(datagram, 0, 0x06), 0, rawip.ErrMalformed, -1},
		{"IHL 4", edited(datagram, 0, 0x44), 0, rawip.ErrMalformed, -1},
		{"IHL 0", edited(datagram, 0, 0x40), 0, rawip.ErrMalformed, -1},
		{"IHL 5", edited(datagram, 0, 0x45), 14, nil, 14},
		{"IHL 8, of 34 octets", edited(datagram, 0, 0x48), 2, nil, 2},
		{"IHL 9, of 34 octets", edited(datagram, 0, 0x49), 0, io.ErrUnexpectedEOF, -1},
		{"Total Length less than the header", edited(datagram, 2, 0, 23), 0, rawip.ErrMalformed, -1},
		{"Total Length of the header", edited(datagram, 2, 0, 24), 0, nil, 0},
		{"Ethernet padding", append(slices.Clone(datagram), make([]byte, 12)...), 10, nil, 10},
		{"one octet short", datagram[:33], 0, io.ErrUnexpectedEOF, -1},
		{"Total Length in the other octet order", edited(datagram, 2, 34, 0), 0, io.ErrUnexpectedEOF, -1},
		{"Total Length 0", edited(datagram, 2, 0, 0), 0, rawip.ErrMalformed, 10},
		{"Total Length 0, of more than 65535 octets", edited(huge, 2, 0, 0), 0, rawip.ErrMalformed, 65546},
		{"nothing", nil, 0, io.ErrUnexpectedEOF, -1},
	}
	for _, tt := range tests {
		t.Run("B-70 "+tt.name, func(t *testing.T) {
			_, payload, err := rawip.Parse(tt.datagram)
			if !errors.Is(err, tt.err) || len(payload) != tt.payload {
				t.Errorf("Parse: %d octets, error %v, want %d and %v", len(payload), err, tt.payload, tt.err)
			}
			_, payload, err = rawip.ParseUnsized(tt.datagram)
			switch {
			case tt.unsized < 0 && !errors.Is(err, tt.err):
				t.Errorf("ParseUnsized: error %v, want %v", err, tt.err)
			case tt.unsized >= 0 && (err != nil || len(payload) != tt.unsized):
				t.Errorf("ParseUnsized: %d octets, error %v, want %d", len(payload), err, tt.unsized)
			}
		})
	}
}

func TestParseTruncated(t *testing.T) {
	for _, g := range goldens {
		for n := range g.octets {
			if _, _, err := rawip.Parse(g.octets[:n]); err != io.ErrUnexpectedEOF {
				t.Errorf("%s, %d octets: error %v, want %v", g.name, n, err, io.ErrUnexpectedEOF)
			}
		}
	}
}

func TestAppend(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			h := g.header
			h.Checksum = 0xbad0 // not to be looked at
			b, prefix := dirty(len(g.octets))
			got, err := h.Append(b, g.payload)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "datagram", got, slices.Concat(prefix, g.octets))
			if &got[0] != &b[0] {
				t.Error("left a buffer with room enough")
			}

			b, prefix = dirty(len(g.octets))
			got, err = h.AppendHeader(b, len(g.payload))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "header alone", got, slices.Concat(prefix, g.octets[:len(g.octets)-len(g.payload)]))
		})
	}
}

func TestAppendPadsOptions(t *testing.T) {
	for n := range 41 {
		h := rawip.Header{Src: src, Dst: dst, Options: slices.Repeat([]byte{1}, n)}
		b, prefix := dirty(64)
		datagram, err := h.Append(b, []byte{0xda})
		if err != nil {
			t.Fatal(err)
		}
		datagram = datagram[len(prefix):]
		header := 20 + (n+3)/4*4
		if got := int(datagram[0]&0xf) * 4; got != header {
			t.Errorf("%d octets of options: header of %d octets, want %d", n, got, header)
		}
		if got := int(binary.BigEndian.Uint16(datagram[2:])); got != header+1 || got != len(datagram) {
			t.Errorf("%d octets of options: Total Length %d of %d octets, want %d", n, got, len(datagram), header+1)
		}
		equal(t, "options", datagram[20:header], append(h.Options, make([]byte, header-20-n)...))
		if got := rawip.VerifyHeader(datagram); got != checksum.Valid {
			t.Errorf("%d octets of options: checksum %v", n, got)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	with := func(edit func(*rawip.Header)) rawip.Header {
		h := goldens[0].header
		edit(&h)
		return h
	}
	tests := []struct {
		name    string
		header  rawip.Header
		payload int
		want    string
	}{
		{"no source address", with(func(h *rawip.Header) { h.Src = netip.Addr{} }), 0,
			"rawip: malformed datagram: source address invalid IP"},
		{"IPv6 source address", with(func(h *rawip.Header) { h.Src = netip.MustParseAddr("2001:db8::33") }), 0,
			"rawip: malformed datagram: source address 2001:db8::33"},
		{"IPv4-mapped destination address", with(func(h *rawip.Header) { h.Dst = netip.AddrFrom16(dst.As16()) }), 0,
			"rawip: malformed datagram: destination address ::ffff:198.51.100.77"},
		{"reserved flag", with(func(h *rawip.Header) { h.ReservedFlag = true }), 0,
			"rawip: malformed datagram: reserved flag 1"},
		{"fragment offset of 14 bits", with(func(h *rawip.Header) { h.FragmentOffset = 8192 }), 0,
			"rawip: malformed datagram: fragment offset 8192"},
		{"41 octets of options", with(func(h *rawip.Header) { h.Options = make([]byte, 41) }), 0,
			"rawip: malformed datagram: 41 octets of options"},
		{"Total Length 65536", goldens[0].header, 65536 - 24,
			"rawip: malformed datagram: payload of 65512 octets"},
		{"negative payload", goldens[0].header, -1,
			"rawip: malformed datagram: payload of -1 octets"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, prefix := dirty(100)
			got, err := tt.header.AppendHeader(b, tt.payload)
			if !errors.Is(err, rawip.ErrMalformed) || err.Error() != tt.want {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			equal(t, "the buffer", got, prefix)

			if tt.payload < 0 {
				return
			}
			got, err = tt.header.Append(b, make([]byte, tt.payload))
			if !errors.Is(err, rawip.ErrMalformed) {
				t.Errorf("with its payload: error %v, want %v", err, rawip.ErrMalformed)
			}
			equal(t, "the buffer", got, prefix)
		})
	}

	if _, err := goldens[0].header.Append(nil, make([]byte, 65535-24)); err != nil {
		t.Errorf("Total Length 65535: %v", err)
	}
}

func TestVerifyHeaderB71(t *testing.T) {
	datagram := goldens[0].octets
	for bit := range 8 * len(datagram) {
		want := checksum.Invalid
		switch {
		case bit/8 >= 24:
			want = checksum.Valid // the payload is not covered
		case bit > 0 && bit < 8:
			want = checksum.Unknown // an IHL of 4, 2 or 14, or another version
		}
		if got := rawip.VerifyHeader(edited(datagram, bit/8, datagram[bit/8]^1<<(bit%8))); got != want {
			t.Errorf("B-71 bit %d flipped: %v, want %v", bit, got, want)
		}
	}
	for n := range 24 {
		if got := rawip.VerifyHeader(datagram[:n]); got != checksum.Unknown {
			t.Errorf("B-71 %d octets: %v, want unknown", n, got)
		}
	}
	if got := rawip.VerifyHeader(datagram[:24]); got != checksum.Valid {
		t.Errorf("B-71 the header alone: %v, want valid", got)
	}
}

func TestParseQuotedB51(t *testing.T) {
	// A quote of 28 octets of a datagram of 92, the Time to Live run out.
	quote := octets(`
		45           ; version 4, IHL 5
		b9           ; DSCP 46, ECN 1
		00 5c        ; Total Length 92
		d4 31        ; Identification
		40 00        ; don't fragment
		01           ; Time to Live 1
		06           ; protocol TCP
		b8 0f        ; header checksum
		c0 00 02 21  ; source address 192.0.2.33
		c6 33 64 4d  ; destination address 198.51.100.77
		c1 d2 1f 90 03 04 05 07  ; payload`)
	header := rawip.Header{
		TOS: 0xb9, ID: 0xd431, DontFragment: true,
		TTL: 1, Protocol: rawip.ProtocolTCP, Checksum: 0xb80f, Src: src, Dst: dst,
		Options: []byte{},
	}
	withOptions := goldens[0]
	tests := []struct {
		name string
		b    []byte
		want rawip.Quoted
		err  error
	}{
		{"B-51 28 octets", quote, rawip.Quoted{Header: header, TotalLength: 92, Payload: quote[20:]}, nil},
		{"B-51 27 octets", quote[:27], rawip.Quoted{}, io.ErrUnexpectedEOF},
		{"B-51 more, and what follows", append(slices.Clone(quote), 9, 8, 7),
			rawip.Quoted{Header: header, TotalLength: 92, Payload: append(slices.Clone(quote[20:]), 9, 8, 7)}, nil},
		{"B-51 with options", withOptions.octets[:32],
			rawip.Quoted{Header: withOptions.header, TotalLength: 34, Payload: withOptions.payload[:8]}, nil},
		{"B-51 with options, 31 octets", withOptions.octets[:31], rawip.Quoted{}, io.ErrUnexpectedEOF},
		{"B-52 options cut off", withOptions.octets[:23], rawip.Quoted{}, io.ErrUnexpectedEOF},
		{"B-52 Total Length in the other octet order", edited(quote, 2, 0x5c, 0x00),
			rawip.Quoted{Header: header, TotalLength: 0x5c00, Payload: quote[20:]}, nil},
		{"B-52 Total Length 0", edited(quote, 2, 0, 0), rawip.Quoted{Header: header, Payload: quote[20:]}, nil},
		{"B-52 Total Length less than the header", edited(quote, 2, 0, 8),
			rawip.Quoted{Header: header, TotalLength: 8, Payload: quote[20:]}, nil},
		{"B-50 version 6", edited(quote, 0, 0x65), rawip.Quoted{}, rawip.ErrMalformed},
		{"B-50 IHL 4", edited(quote, 0, 0x44), rawip.Quoted{}, rawip.ErrMalformed},
		{"nothing", nil, rawip.Quoted{}, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rawip.ParseQuoted(tt.b)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got, compareAddrs); diff != "" {
				t.Errorf("quoted datagram (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHeaderOracle has x/net/ipv4 read what Append wrote, and write the same.
func TestHeaderOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 91))
	addr := func() netip.Addr {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, rnd.Uint32())))
	}
	for range 2000 {
		h := rawip.Header{
			TOS: uint8(rnd.Uint32()), ID: uint16(rnd.Uint32()),
			DontFragment: rnd.IntN(2) == 0, MoreFragments: rnd.IntN(2) == 0, FragmentOffset: uint16(rnd.IntN(8192)),
			TTL: uint8(rnd.Uint32()), Protocol: uint8(rnd.Uint32()), Src: addr(), Dst: addr(),
			Options: slices.Repeat([]byte{1}, 4*rnd.IntN(11)),
		}
		payload := make([]byte, rnd.IntN(1481))
		datagram, err := h.Append(nil, payload)
		if err != nil {
			t.Fatal(err)
		}

		oracle, err := ipv4.ParseHeader(datagram)
		if err != nil {
			t.Fatalf("% x: %v", datagram, err)
		}
		read := rawip.Header{
			TOS: uint8(oracle.TOS), ID: uint16(oracle.ID),
			DontFragment:   oracle.Flags&ipv4.DontFragment != 0,
			MoreFragments:  oracle.Flags&ipv4.MoreFragments != 0,
			FragmentOffset: uint16(oracle.FragOff),
			TTL:            uint8(oracle.TTL), Protocol: uint8(oracle.Protocol),
			Src: netip.AddrFrom4([4]byte(oracle.Src.To4())), Dst: netip.AddrFrom4([4]byte(oracle.Dst.To4())),
			Options: oracle.Options,
		}
		if diff := cmp.Diff(h, read, compareAddrs, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("header as x/net/ipv4 reads it (-want +got):\n%s", diff)
		}
		if oracle.TotalLen != len(datagram) || oracle.Len != len(datagram)-len(payload) {
			t.Fatalf("lengths %d and %d of %d octets", oracle.Len, oracle.TotalLen, len(datagram))
		}
		header, err := oracle.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "header as x/net/ipv4 writes it", datagram[:oracle.Len], header)
	}
}

func TestHeaderAllocations(t *testing.T) {
	g := goldens[0]
	buffer := make([]byte, 0, 100)
	tests := []struct {
		name string
		run  func() bool
	}{
		{"Parse", func() bool { _, _, err := rawip.Parse(g.octets); return err == nil }},
		{"ParseQuoted", func() bool { _, err := rawip.ParseQuoted(g.octets); return err == nil }},
		{"Append", func() bool { _, err := g.header.Append(buffer, g.payload); return err == nil }},
		{"VerifyHeader", func() bool { return rawip.VerifyHeader(g.octets) == checksum.Valid }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			right := true
			if n := testing.AllocsPerRun(100, func() { right = tt.run() && right }); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
			if !right {
				t.Error("wrong result")
			}
		})
	}
}

func TestFinalDst(t *testing.T) {
	dst, final := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("203.0.113.7")
	route := []byte{131, 11, 4, 198, 51, 100, 1, 203, 0, 113, 7}
	with := func(change func(b []byte)) []byte {
		b := slices.Clone(route)
		change(b)
		return b
	}
	for name, test := range map[string]struct {
		options []byte
		want    netip.Addr
	}{
		"no options":          {nil, dst},
		"loose":               {route, final},
		"strict":              {with(func(b []byte) { b[0] = 137 }), final},
		"record route":        {with(func(b []byte) { b[0] = 7 }), dst},
		"at the last address": {with(func(b []byte) { b[2] = 8 }), final},
		"at the last octet":   {with(func(b []byte) { b[2] = 11 }), final},
		"used up":             {with(func(b []byte) { b[2] = 12 }), dst},
		"behind others":       {append([]byte{1, 1, 148, 4, 0, 0}, route...), final},
		"behind the end":      {append([]byte{0}, route...), dst},
		"cut off":             {route[:10], dst},
		"no address":          {[]byte{131, 3, 3, 0}, dst},
		"a part of one":       {[]byte{131, 6, 4, 1, 2, 3}, dst},
		"one address":         {[]byte{131, 7, 4, 203, 0, 113, 7}, final},
		"length 0":            {[]byte{148, 0, 131, 7, 4, 203, 0, 113, 7}, dst},
		"length 1":            {[]byte{148, 1, 131, 7, 4, 203, 0, 113, 7}, dst},
		"a kind alone":        {[]byte{131}, dst},
	} {
		if got := (rawip.Header{Dst: dst, Options: test.options}).FinalDst(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestPayloadLimits: what just fits is written, and one octet more or less than nothing is refused.
func TestPayloadLimits(t *testing.T) {
	h := rawip.Header{TTL: 1, Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), Options: []byte{1, 1, 1, 0}}
	for length, want := range map[int]bool{-1: false, 0: true, 1: true, 65511: true, 65512: false} {
		b, err := h.AppendHeader(nil, length)
		if (err == nil) != want || want && binary.BigEndian.Uint16(b[2:]) != uint16(24+length) {
			t.Errorf("%d octets: % x, %v", length, b, err)
		}
		if !want && !errors.Is(err, rawip.ErrMalformed) {
			t.Errorf("%d octets: %v", length, err)
		}
	}
}
