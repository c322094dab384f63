package rawip_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/net/ipv6"

	"tcpprobe/rawip"
)

var (
	src6 = netip.MustParseAddr("2001:db8:102:304:506:708:90a:b0c")
	dst6 = netip.MustParseAddr("2001:db8:f1f2:f3f4:f5f6:f7f8:f9fa:fbfc")
)

const addresses6 = `
	20 01 0d b8 01 02 03 04 05 06 07 08 09 0a 0b 0c ; source
	20 01 0d b8 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc ; destination
`

// A golden6 is an IPv6 datagram as a header and as octets.
type golden6 struct {
	name     string
	header   rawip.Header6
	payload  string
	octets   []byte
	fragment rawip.Fragment
	written  bool // Append writes it: it has no extension headers
}

var goldens6 = []golden6{
	{
		name:    "bare",
		header:  rawip.Header6{TrafficClass: 0xa5, FlowLabel: 0xbcdef, HopLimit: 61, Protocol: 6, Src: src6, Dst: dst6},
		payload: "abc",
		octets:  octets(`6a 5b cd ef 00 03 06 3d` + "\n" + addresses6 + "\n61 62 63"),
		written: true,
	},
	{
		name: "all that can be walked over",
		header: rawip.Header6{FlowLabel: 1, HopLimit: 2, Protocol: 6, Src: src6, Dst: dst6, Extensions: rawip.Extensions{First: 0, Octets: octets(`
			3c 00 01 04 00 00 00 00
			2b 01 01 0c 00 00 00 00 00 00 00 00 00 00 00 00
			2c 00 04 00 00 00 00 00
			06 00 00 00 d1 d2 d3 d4
		`)}},
		payload: "abcde",
		octets: octets(`60 00 00 01 00 2d 00 02` + "\n" + addresses6 + `
			3c 00 01 04 00 00 00 00                         ; hop-by-hop options: PadN
			2b 01 01 0c 00 00 00 00 00 00 00 00 00 00 00 00 ; destination options: PadN
			2c 00 04 00 00 00 00 00                         ; routing, type 4, no segments left
			06 00 00 00 d1 d2 d3 d4                         ; fragment, and the only one
			61 62 63 64 65
		`),
		fragment: rawip.Fragment{ID: 0xd1d2d3d4},
	},
	{
		name: "later fragment",
		header: rawip.Header6{HopLimit: 3, Protocol: 60, Src: src6, Dst: dst6, Extensions: rawip.Extensions{First: 44, Octets: octets(`
			3c 00 05 a9 00 00 00 07
		`)}},
		payload: "\x06\x7f",
		octets: octets(`60 00 00 00 00 0a 2c 03` + "\n" + addresses6 + `
			3c 00 05 a9 00 00 00 07 ; fragment at 1448, more follow; what follows is no header
			06 7f
		`),
		fragment: rawip.Fragment{Offset: 1448, More: true, ID: 7},
	},
}

func TestParse6(t *testing.T) {
	for _, g := range goldens6 {
		for _, parse := range []func([]byte) (rawip.Header6, []byte, error){rawip.Parse6, rawip.ParseUnsized6} {
			// What is behind the Payload Length is padding.
			h, payload, err := parse(append(slices.Clone(g.octets), 0, 0, 0))
			if err != nil {
				t.Fatalf("%s: %v", g.name, err)
			}
			if diff := cmp.Diff(g.header, h, compareAddrs); diff != "" {
				t.Errorf("%s: header (-want +got)\n%s", g.name, diff)
			}
			equal(t, g.name, payload, []byte(g.payload))
		}
		if f, _ := g.header.Extensions.Fragment(); f != g.fragment {
			t.Errorf("%s: fragment %+v", g.name, f)
		}
	}
	var numbers []uint8
	var lengths []int
	for x := range goldens6[1].header.Extensions.All() {
		numbers, lengths = append(numbers, x.Number), append(lengths, len(x.Octets))
	}
	if !slices.Equal(numbers, []uint8{0, 60, 43, 44}) || !slices.Equal(lengths, []int{8, 16, 8, 8}) {
		t.Errorf("extension headers %v of %v octets", numbers, lengths)
	}
	if h := goldens6[0].header; h.DSCP() != 41 || h.ECN() != 1 {
		t.Errorf("DSCP %d, ECN %d", h.DSCP(), h.ECN())
	}
}

func TestAppend6(t *testing.T) {
	for _, g := range goldens6 {
		prefixed, prefix := dirty(4)
		got, err := g.header.Append(prefixed, []byte(g.payload))
		if !g.written {
			if !errors.Is(err, rawip.ErrMalformed) {
				t.Errorf("%s: %v", g.name, err)
			}
			equal(t, g.name, got, prefix)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		equal(t, g.name, got, append(prefix, g.octets...))
	}
	zoned := goldens6[0].header
	zoned.Src = zoned.Src.WithZone("eth0")
	if got, err := zoned.Append(nil, []byte("abc")); err != nil || !bytes.Equal(got, goldens6[0].octets) {
		t.Errorf("with a zone % x, %v", got, err)
	}
	for name, edit := range map[string]func(*rawip.Header6) int{
		"IPv4 source":         func(h *rawip.Header6) int { h.Src = netip.MustParseAddr("192.0.2.1"); return 0 },
		"mapped destination":  func(h *rawip.Header6) int { h.Dst = netip.MustParseAddr("::ffff:192.0.2.1"); return 0 },
		"no address":          func(h *rawip.Header6) int { h.Dst = netip.Addr{}; return 0 },
		"label of 21 bits":    func(h *rawip.Header6) int { h.FlowLabel = 1 << 20; return 0 },
		"payload of 2^16":     func(h *rawip.Header6) int { return 1 << 16 },
		"payload of negative": func(h *rawip.Header6) int { return -1 },
	} {
		h := goldens6[0].header
		n := edit(&h)
		if got, err := h.AppendHeader([]byte{1}, n); !errors.Is(err, rawip.ErrMalformed) || len(got) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestParse6Truncated: a datagram that is cut off anywhere is not whole, and headers that go further than it are malformed.
func TestParse6Truncated(t *testing.T) {
	for _, g := range goldens6 {
		for n := range g.octets {
			if _, _, err := rawip.Parse6(g.octets[:n]); err != io.ErrUnexpectedEOF {
				t.Errorf("%s, %d octets: %v", g.name, n, err)
			}
		}
	}
	chain := goldens6[1].octets
	for name, b := range map[string][]byte{
		"version 4":                            edited(chain, 0, 0x40),
		"Payload Length within the options":    edited(chain, 4, 0, 7),
		"Payload Length within the second":     edited(chain, 4, 0, 23),
		"Payload Length within the fragment":   edited(chain, 4, 0, 39),
		"destination options of 2048 octets":   edited(chain, 49, 255),
		"routing header that goes on for ever": edited(chain, 65, 200),
		"no header where one is announced":     edited(goldens6[0].octets, 6, 0),
	} {
		if _, _, err := rawip.Parse6(b); !errors.Is(err, rawip.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJumbo: a Payload Length of 0 is the length of a jumbo payload option, or in what the kernel has joined the rest.
func TestJumbo(t *testing.T) {
	const length = 70000
	jumbo := octets(`60 00 00 00 00 00 00 40` + "\n" + addresses6 + `
		06 00             ; hop-by-hop options
		c2 04 00 01 11 70 ; jumbo payload of 70000
	`)
	jumbo = append(jumbo, make([]byte, length-8+2)...)
	for name, parse := range map[string]func([]byte) (rawip.Header6, []byte, error){"whole": rawip.Parse6, "unsized": rawip.ParseUnsized6} {
		h, payload, err := parse(jumbo)
		if err != nil || h.Protocol != 6 || len(payload) != length-8 {
			t.Errorf("%s: protocol %d, %d octets, %v", name, h.Protocol, len(payload), err)
		}
	}
	// No more than its beginning is received.
	if _, payload, err := rawip.ParseUnsized6(jumbo[:4000]); err != nil || len(payload) != 4000-48 {
		t.Errorf("the beginning: %d octets, %v", len(payload), err)
	}
	if _, _, err := rawip.Parse6(jumbo[:4000]); err != io.ErrUnexpectedEOF {
		t.Errorf("the beginning is whole: %v", err)
	}
	// Without the option.
	plain := edited(goldens6[0].octets, 4, 0, 0)
	if _, payload, err := rawip.ParseUnsized6(plain); err != nil || string(payload) != "abc" {
		t.Errorf("%q, %v", payload, err)
	}
	if _, payload, err := rawip.Parse6(plain); err != nil || len(payload) != 0 {
		t.Errorf("%q, %v", payload, err)
	}
	// An option that says less than what would fit into the header is none (RFC 2675 3).
	if _, payload, err := rawip.ParseUnsized6(edited(jumbo[:100], 44, 0, 0, 0xff, 0xff)); err != nil || len(payload) != 100-48 {
		t.Errorf("%d octets, %v", len(payload), err)
	}
	if _, _, err := rawip.ParseUnsized6(edited(jumbo[:100], 43, 9)); err != nil {
		t.Errorf("an option that goes beyond its header: %v", err)
	}
}

func TestParseQuoted6(t *testing.T) {
	for _, g := range goldens6[:2] {
		whole := append(slices.Clone(g.octets), 1, 2, 3, 4, 5)
		q, err := rawip.ParseQuoted6(whole)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g.header, q.Header, compareAddrs); diff != "" || int(q.PayloadLength) != len(g.octets)-40 {
			t.Errorf("%s: Payload Length %d, header (-want +got)\n%s", g.name, q.PayloadLength, diff)
		}
		for n := range whole[:len(whole)-len(q.Payload)+8] {
			if _, err := rawip.ParseQuoted6(whole[:n]); err != io.ErrUnexpectedEOF {
				t.Errorf("%s, %d octets: %v", g.name, n, err)
			}
		}
	}
	if _, err := rawip.ParseQuoted6(append(slices.Clone(goldens[0].octets), make([]byte, 40)...)); !errors.Is(err, rawip.ErrMalformed) {
		t.Errorf("an IPv4 datagram: %v", err)
	}
}

// TestHeader6Oracle has x/net/ipv6 and gopacket read what Append wrote.
func TestHeader6Oracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 200))
	addr := func() netip.Addr {
		var b [16]byte
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return netip.AddrFrom16(b)
	}
	for range 2000 {
		h := rawip.Header6{
			TrafficClass: uint8(rnd.Uint32()), FlowLabel: rnd.Uint32N(1 << 20), HopLimit: uint8(rnd.Uint32()),
			Protocol: uint8(100 + rnd.IntN(100)), Src: addr(), Dst: addr(),
		}
		payload := make([]byte, rnd.IntN(1481))
		datagram, err := h.Append(nil, payload)
		if err != nil {
			t.Fatal(err)
		}
		oracle, err := ipv6.ParseHeader(datagram)
		if err != nil {
			t.Fatal(err)
		}
		read := rawip.Header6{
			TrafficClass: uint8(oracle.TrafficClass), FlowLabel: uint32(oracle.FlowLabel), HopLimit: uint8(oracle.HopLimit),
			Protocol: uint8(oracle.NextHeader), Src: netip.AddrFrom16([16]byte(oracle.Src)), Dst: netip.AddrFrom16([16]byte(oracle.Dst)),
		}
		if diff := cmp.Diff(h, read, compareAddrs); diff != "" || oracle.PayloadLen != len(payload) {
			t.Fatalf("%d octets, as x/net/ipv6 reads it (-want +got):\n%s", oracle.PayloadLen, diff)
		}
		layer, ok := gopacket.NewPacket(datagram, layers.LayerTypeIPv6, gopacket.Default).NetworkLayer().(*layers.IPv6)
		if !ok || layer.FlowLabel != h.FlowLabel || layer.TrafficClass != h.TrafficClass || int(layer.Length) != len(payload) {
			t.Fatalf("as gopacket reads it: %+v", layer)
		}
	}
}

// TestExtensionsOracle has gopacket write chains of extension headers for Parse6 to read.
func TestExtensionsOracle(t *testing.T) {
	ip := layers.IPv6{Version: 6, HopLimit: 9, NextHeader: layers.IPProtocolIPv6HopByHop, SrcIP: src6.AsSlice(), DstIP: dst6.AsSlice()}
	ip.HopByHop = &layers.IPv6HopByHop{Options: []*layers.IPv6HopByHopOption{{OptionType: 30, OptionData: []byte{1, 2, 3, 4}}}}
	ip.HopByHop.NextHeader = layers.IPProtocolIPv6Destination
	destination := layers.IPv6Destination{Options: []*layers.IPv6DestinationOption{{OptionType: 31, OptionData: make([]byte, 20)}}}
	destination.NextHeader = layers.IPProtocolIPv6Fragment
	fragment := gopacket.Payload{6, 0, 0, 0, 0, 0, 0, 5}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true}
	if err := gopacket.SerializeLayers(buffer, options, &ip, &destination, fragment, gopacket.Payload("segment")); err != nil {
		t.Fatal(err)
	}
	h, payload, err := rawip.Parse6(buffer.Bytes())
	if err != nil || h.Protocol != rawip.ProtocolTCP || string(payload) != "segment" {
		t.Fatalf("protocol %d, payload %q, %v", h.Protocol, payload, err)
	}
	var numbers []uint8
	for x := range h.Extensions.All() {
		numbers = append(numbers, x.Number)
	}
	if !slices.Equal(numbers, []uint8{0, 60, 44}) {
		t.Errorf("extension headers %v", numbers)
	}
}

func TestHeader6Allocations(t *testing.T) {
	g := goldens6[1]
	buffer := make([]byte, 0, 100)
	var d rawip.Datagram
	n := testing.AllocsPerRun(100, func() {
		if _, err := goldens6[0].header.Append(buffer, nil); err != nil {
			t.Error(err)
		}
		if err := d.Parse(g.octets); err != nil || d.Protocol != 6 {
			t.Error(d.Protocol, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestDatagram: what both families say alike.
func TestDatagram(t *testing.T) {
	for _, test := range []struct {
		octets []byte
		want   rawip.Datagram
	}{
		{goldens6[0].octets, rawip.Datagram{Src: src6, Dst: dst6, FinalDst: dst6, HopLimit: 61, TrafficClass: 0xa5, FlowLabel: 0xbcdef, Protocol: 6, Payload: []byte("abc")}},
		{goldens6[2].octets, rawip.Datagram{Src: src6, Dst: dst6, FinalDst: dst6, HopLimit: 3, FragmentOffset: 1448, MoreFragments: true, Protocol: 60, Payload: []byte("\x06\x7f")}},
	} {
		var d rawip.Datagram
		if err := d.Parse(test.octets); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, d, compareAddrs); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for _, g := range goldens {
		var d rawip.Datagram
		h, payload, _ := rawip.ParseUnsized(g.octets)
		if err := d.Parse(g.octets); err != nil || d.Src != h.Src || d.Dst != h.Dst || d.FinalDst != h.FinalDst() || d.HopLimit != h.TTL ||
			d.TrafficClass != h.TOS || d.ID != h.ID || d.Protocol != h.Protocol || d.MoreFragments != h.MoreFragments ||
			d.FragmentOffset != 8*int(h.FragmentOffset) || !bytes.Equal(d.Payload, payload) || d.Is6() {
			t.Errorf("%+v, %v of %+v", d, err, h)
		}
	}
	for _, b := range [][]byte{nil, {0x50}, {0x45}, {0x60}} {
		var d rawip.Datagram
		if err := d.Parse(b); err == nil {
			t.Errorf("% x is read", b)
		}
		if err := d.ParseQuoted(b); err == nil {
			t.Errorf("% x is read as a quote", b)
		}
	}
}

// FuzzParse6 checks that any octets can be read, and that what was read and may be sent is written as it was.
func FuzzParse6(f *testing.F) {
	for _, g := range goldens6 {
		f.Add(g.octets)
		f.Add(append(slices.Clone(g.octets), 0, 0, 0))
		f.Add(edited(g.octets, 4, 0, 0))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		known := func(err error) {
			if err != nil && err != io.ErrUnexpectedEOF && !errors.Is(err, rawip.ErrMalformed) {
				t.Fatalf("error of no known kind: %v", err)
			}
		}
		_, err := rawip.ParseQuoted6(b)
		known(err)
		_, _, err = rawip.ParseUnsized6(b)
		known(err)
		var d rawip.Datagram
		known(d.Parse(b))
		known(d.ParseQuoted(b))
		h, payload, err := rawip.Parse6(b)
		known(err)
		if err != nil {
			return
		}
		n := 0
		for x := range h.Extensions.All() {
			n += len(x.Octets)
		}
		if n != len(h.Extensions.Octets) || !bytes.Equal(b[40+n:40+n+len(payload)], payload) {
			t.Fatalf("%d octets of extension headers are %d", len(h.Extensions.Octets), n)
		}
		got, err := h.Append(nil, payload)
		if refused := n > 0 || h.Src.Is4In6() || h.Dst.Is4In6(); refused != (err != nil) {
			t.Fatalf("%+v: error %v", h, err)
		}
		if err == nil && !bytes.Equal(got, b[:len(got)]) {
			t.Fatalf("\nread  % x\nwrote % x", b, got)
		}
	})
}
