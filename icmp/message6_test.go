package icmp_test

import (
	"bytes"
	"io"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	xicmp "golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
)

var (
	router6 = netip.MustParseAddr("2001:db8:102:304::9")
	host6   = netip.MustParseAddr("2001:db8:506:708::a")
)

// quote6 is a SYN with all its options, as an error quotes it: 80 octets.
var quote6 = octets(`
	60 0b cd ef 00 28 06 3f                         ; IPv6: flow label, Payload Length, TCP, hop limit
	20 01 0d b8 05 06 07 08 00 00 00 00 00 00 00 0a ; source
	20 01 0d b8 11 12 13 14 00 00 00 00 00 00 00 80 ; destination
	9c 0b 00 50 51 52 53 54 00 00 00 00 a0 02 fd 20 e1 e2 00 00
	02 04 05 a0 04 02 08 0a f1 f2 f3 f4 00 00 00 00 01 03 03 07
`)

// goldens6 are messages as fields and as octets. The checksums were computed elsewhere, by gopacket.
var goldens6 = []struct {
	message icmp.Message
	head    string // the first eight octets
	name    string
	meaning icmp.Meaning
}{
	{icmp.Message{V6: true, Type: 1, Code: 1, Body: quote6}, "01 01 00 00 00 00 00 00", "administratively prohibited", icmp.MeansProhibited},
	{icmp.Message{V6: true, Type: 2, Rest: [4]byte{0, 0, 5, 0x14}, Body: quote6}, "02 00 00 00 00 00 05 14", "packet too big", icmp.MeansTooBig},
	{icmp.Message{V6: true, Type: 3, Body: quote6}, "03 00 00 00 00 00 00 00", "hop limit exceeded", icmp.MeansHopLimitExceeded},
	{icmp.Message{V6: true, Type: 4, Code: 1, Rest: [4]byte{0, 0, 0, 6}, Body: quote6}, "04 01 00 00 00 00 00 06", "unrecognized next header", icmp.MeansProtocolUnreachable},
}

// gopacketChecksum6 returns the checksum that gopacket computes.
func gopacketChecksum6(t *testing.T, head, body []byte) []byte {
	t.Helper()
	ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, SrcIP: router6.AsSlice(), DstIP: host6.AsSlice()}
	message := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(head[0], head[1])}
	if err := message.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buffer := gopacket.NewSerializeBuffer()
	rest := gopacket.Payload(append(slices.Clone(head[4:]), body...))
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{ComputeChecksums: true}, message, rest); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()[2:4]
}

func TestMessage6(t *testing.T) {
	for _, g := range goldens6 {
		want := append(octets(g.head), quote6...)
		copy(want[2:], gopacketChecksum6(t, want[:8], quote6))
		got := g.message.Append6([]byte{0xee}, router6, host6)
		equal(t, g.name, got[1:], want)
		if state := icmp.Verify6(want, router6, host6); state != checksum.Valid {
			t.Errorf("%s: checksum %v", g.name, state)
		}
		if state := icmp.Verify6(want, host6, host6); state != checksum.Invalid {
			t.Errorf("%s: checksum of another source %v", g.name, state)
		}
		m, err := icmp.Parse6(want)
		if err != nil {
			t.Fatal(err)
		}
		read := g.message
		read.Checksum = m.Checksum
		if diff := cmp.Diff(read, m); diff != "" {
			t.Errorf("%s (-want +got)\n%s", g.name, diff)
		}
		if m.Name() != g.name || m.Meaning() != g.meaning || !m.IsError() {
			t.Errorf("%q, %v, error %t; want %q, %v", m.Name(), m.Meaning(), m.IsError(), g.name, g.meaning)
		}
		if quoted, err := m.Quoted(); err != nil || !bytes.Equal(quoted, quote6) {
			t.Errorf("%s: quotes % x, %v", g.name, quoted, err)
		}
		for n := range 8 {
			if _, err := icmp.Parse6(want[:n]); err != io.ErrUnexpectedEOF || icmp.Verify6(want[:n], router6, host6) != checksum.Unknown {
				t.Errorf("%d octets: %v", n, err)
			}
		}
	}
	if mtu, ok := goldens6[1].message.NextHopMTU(); !ok || mtu != 1300 {
		t.Errorf("MTU %d, %t", mtu, ok)
	}
	if mtu, ok := (icmp.Message{V6: true, Type: 2, Rest: [4]byte{0xff, 0xff, 0xff, 0xff}}).NextHopMTU(); !ok || mtu != 1<<32-1 {
		t.Errorf("MTU %d, %t", mtu, ok)
	}
	if _, ok := goldens6[0].message.NextHopMTU(); ok {
		t.Error("an MTU in a message about something else")
	}
	if octet, ok := goldens6[3].message.Pointer(); !ok || octet != 6 {
		t.Errorf("pointer %d, %t", octet, ok)
	}
	if _, ok := goldens6[2].message.Pointer(); ok {
		t.Error("a pointer in a message about something else")
	}
}

// TestMessage6Oracle has x/net/icmp read what is written, and write what is read, extensions included.
func TestMessage6Oracle(t *testing.T) {
	pseudo := xicmp.IPv6PseudoHeader(router6.AsSlice(), host6.AsSlice())
	// With the IPv6 header in front of it, RFC 4443 2.4 has it quote up to 1280 octets.
	long := append(slices.Clone(quote6), make([]byte, 1280-48-len(quote6))...)
	stack := &xicmp.MPLSLabelStack{Class: 1, Type: 1, Labels: []xicmp.MPLSLabel{{Label: 100704, TC: 2, TTL: 1}, {Label: 102672, TC: 3, S: true, TTL: 254}}}
	for name, oracle := range map[string]*xicmp.Message{
		"destination unreachable": {Type: ipv6.ICMPTypeDestinationUnreachable, Code: 3, Body: &xicmp.DstUnreach{Data: long}},
		"packet too big":          {Type: ipv6.ICMPTypePacketTooBig, Body: &xicmp.PacketTooBig{MTU: 1280, Data: long}},
		"time exceeded":           {Type: ipv6.ICMPTypeTimeExceeded, Body: &xicmp.TimeExceeded{Data: quote6}},
		"parameter problem":       {Type: ipv6.ICMPTypeParameterProblem, Code: 2, Body: &xicmp.ParamProb{Pointer: 42, Data: long}},
		"with labels":             {Type: ipv6.ICMPTypeTimeExceeded, Body: &xicmp.TimeExceeded{Data: quote6, Extensions: []xicmp.Extension{stack}}},
		"unreachable with labels": {Type: ipv6.ICMPTypeDestinationUnreachable, Body: &xicmp.DstUnreach{Data: quote6, Extensions: []xicmp.Extension{stack}}},
	} {
		b, err := oracle.Marshal(pseudo)
		if err != nil {
			t.Fatal(err)
		}
		m, err := icmp.Parse6(b)
		if err != nil || icmp.Verify6(b, router6, host6) != checksum.Valid {
			t.Fatalf("%s: checksum %v, %v", name, icmp.Verify6(b, router6, host6), err)
		}
		equal(t, name, m.Append6(nil, router6, host6), b)
		quoted, err := m.Quoted()
		if err != nil || !bytes.HasPrefix(quoted, quote6) {
			t.Errorf("%s: quotes % x, %v", name, quoted, err)
		}
		found, err := m.Objects()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		switch body := oracle.Body.(type) {
		case *xicmp.PacketTooBig:
			if mtu, ok := m.NextHopMTU(); !ok || int(mtu) != body.MTU {
				t.Errorf("MTU %d", mtu)
			}
		case *xicmp.ParamProb:
			if octet, ok := m.Pointer(); !ok || uintptr(octet) != body.Pointer {
				t.Errorf("pointer %d", octet)
			}
		}
		if name == "with labels" || name == "unreachable with labels" {
			if len(found) != 1 || len(quoted) != 128 || m.Rest != [4]byte{16} {
				t.Fatalf("%s: %d objects behind %d octets, octets 4 to 7 %v", name, len(found), len(quoted), m.Rest)
			}
			labels, _ := found[0].Labels()
			if want := []icmp.Label{{Label: 100704, TC: 2, TTL: 1}, {Label: 102672, TC: 3, Bottom: true, TTL: 254}}; !slices.Equal(labels, want) {
				t.Errorf("%s: %+v", name, labels)
			}
			ours, err := icmp.Message{V6: true, Type: m.Type, Code: m.Code, Body: quote6}.Extended(found...)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, name+", by Extended", ours.Append6(nil, router6, host6), b)
		} else if len(found) != 0 {
			t.Errorf("%s: %d objects", name, len(found))
		}
	}
}

// TestExtended6: the length is told in octet 4, in units of 8 octets (RFC 4884 4.2), by the two types that may have one.
func TestExtended6(t *testing.T) {
	for _, test := range []struct {
		quote  int
		length byte
	}{{80, 16}, {128, 16}, {129, 17}, {1232, 154}} {
		m, err := icmp.Message{V6: true, Type: icmp.TimeExceeded6, Body: make([]byte, test.quote)}.Extended(objects...)
		if err != nil || m.Rest != [4]byte{test.length} {
			t.Fatalf("%d octets: %v, %v", test.quote, m.Rest, err)
		}
		found, err := m.Objects()
		if diff := cmp.Diff(objects, found); err != nil || diff != "" {
			t.Errorf("%d octets: %v (-want +got)\n%s", test.quote, err, diff)
		}
	}
	for _, other := range []icmp.Type{icmp.PacketTooBig6, icmp.ParameterProblem6, icmp.EchoReply6} {
		if _, err := (icmp.Message{V6: true, Type: other, Body: quote6}).Extended(objects...); err == nil {
			t.Errorf("type %d has an extension", other)
		}
	}
}

// TestMeanings: what the two protocols have other numbers for means the same.
func TestMeanings(t *testing.T) {
	for _, test := range []struct {
		v4, v6 [2]byte // type and code; 0/0 of ICMPv6 is none
		want   icmp.Meaning
	}{
		{[2]byte{3, 0}, [2]byte{1, 0}, icmp.MeansNoRoute},
		{[2]byte{3, 6}, [2]byte{}, icmp.MeansNoRoute},
		{[2]byte{3, 11}, [2]byte{}, icmp.MeansNoRoute},
		{[2]byte{3, 1}, [2]byte{1, 3}, icmp.MeansAddressUnreachable},
		{[2]byte{3, 7}, [2]byte{}, icmp.MeansAddressUnreachable},
		{[2]byte{3, 12}, [2]byte{}, icmp.MeansAddressUnreachable},
		{[2]byte{3, 9}, [2]byte{1, 1}, icmp.MeansProhibited},
		{[2]byte{3, 10}, [2]byte{}, icmp.MeansProhibited},
		{[2]byte{3, 13}, [2]byte{}, icmp.MeansProhibited},
		{[2]byte{3, 3}, [2]byte{1, 4}, icmp.MeansPortUnreachable},
		{[2]byte{3, 2}, [2]byte{4, 1}, icmp.MeansProtocolUnreachable},
		{[2]byte{3, 4}, [2]byte{2, 0}, icmp.MeansTooBig},
		{[2]byte{3, 4}, [2]byte{2, 9}, icmp.MeansTooBig},
		{[2]byte{3, 5}, [2]byte{1, 7}, icmp.MeansSourceRouteFailed},
		{[2]byte{11, 0}, [2]byte{3, 0}, icmp.MeansHopLimitExceeded},
		{[2]byte{11, 1}, [2]byte{3, 1}, icmp.MeansReassemblyTimeExceeded},
		{[2]byte{12, 0}, [2]byte{4, 0}, icmp.MeansHeaderProblem},
		{[2]byte{12, 2}, [2]byte{4, 2}, icmp.MeansHeaderProblem},
		{[2]byte{3, 8}, [2]byte{1, 8}, icmp.MeansUnreachable},
		{[2]byte{3, 99}, [2]byte{1, 99}, icmp.MeansUnreachable},
		{[2]byte{8, 0}, [2]byte{128, 0}, icmp.MeansNothing},
		{[2]byte{99, 0}, [2]byte{100, 0}, icmp.MeansNothing},
	} {
		if got := (icmp.Message{Type: icmp.Type(test.v4[0]), Code: icmp.Code(test.v4[1])}).Meaning(); got != test.want {
			t.Errorf("ICMP %d/%d means %v, want %v", test.v4[0], test.v4[1], got, test.want)
		}
		if test.v6 == [2]byte{} {
			continue
		}
		if got := (icmp.Message{V6: true, Type: icmp.Type(test.v6[0]), Code: icmp.Code(test.v6[1])}).Meaning(); got != test.want {
			t.Errorf("ICMPv6 %d/%d means %v, want %v", test.v6[0], test.v6[1], got, test.want)
		}
	}
	for code, want := range []icmp.Meaning{2: icmp.MeansBeyondScope, 5: icmp.MeansSourceFailedPolicy, 6: icmp.MeansRejectRoute} {
		if got := (icmp.Message{V6: true, Type: 1, Code: icmp.Code(code)}).Meaning(); want != icmp.MeansNothing && got != want {
			t.Errorf("ICMPv6 1/%d means %v, want %v", code, got, want)
		}
	}
	for meaning, undelivered := range map[icmp.Meaning]bool{
		icmp.MeansNothing: false, icmp.MeansRedirect: false, icmp.MeansQuench: false, icmp.MeansNoRoute: true, icmp.MeansTooBig: true, icmp.MeansUnreachable: true,
	} {
		if meaning.Undelivered() != undelivered {
			t.Errorf("%v: undelivered %t", meaning, !undelivered)
		}
	}
}

// TestNames6: the names of RFC 4443, and numbers for what has none.
func TestNames6(t *testing.T) {
	for _, test := range []struct {
		t    icmp.Type
		c    icmp.Code
		want string
	}{
		{1, 0, "no route to destination"},
		{1, 1, "administratively prohibited"},
		{1, 2, "beyond scope of source address"},
		{1, 3, "address unreachable"},
		{1, 4, "port unreachable"},
		{1, 5, "source address failed policy"},
		{1, 6, "reject route to destination"},
		{1, 9, "type 1 code 9"},
		{2, 0, "packet too big"},
		{3, 0, "hop limit exceeded"},
		{3, 1, "reassembly time exceeded"},
		{4, 0, "erroneous header field"},
		{4, 1, "unrecognized next header"},
		{4, 2, "unrecognized option"},
		{128, 0, "echo request"},
		{135, 0, "neighbor solicitation"},
		{200, 7, "type 200 code 7"},
	} {
		if got := icmp.Name6(test.t, test.c); got != test.want {
			t.Errorf("%d/%d is %q, want %q", test.t, test.c, got, test.want)
		}
	}
}

// FuzzParse6 checks that any octets can be read as ICMPv6, and are written as they were.
func FuzzParse6(f *testing.F) {
	for _, g := range goldens6 {
		f.Add(g.message.Append6(nil, router6, host6))
	}
	extended, err := icmp.Message{V6: true, Type: icmp.TimeExceeded6, Body: quote6}.Extended(objects...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(extended.Append6(nil, router6, host6))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := icmp.Parse6(b)
		if err != nil {
			if err != io.ErrUnexpectedEOF || len(b) >= 8 {
				t.Fatalf("%d octets: error %v", len(b), err)
			}
			return
		}
		if m.Name() == "" || m.Meaning().String() == "" {
			t.Fatalf("type %d code %d has no name", m.Type, m.Code)
		}
		quoted, err := m.Quoted()
		if m.IsError() != (err == nil) || m.IsError() && !bytes.HasPrefix(b[8:], quoted) {
			t.Fatalf("% x quotes % x, error %v", b, quoted, err)
		}
		m.Objects()
		got := m.Append6(nil, router6, host6)
		want := slices.Clone(b)
		copy(want[2:4], got[2:4])
		if !bytes.Equal(got, want) || icmp.Verify6(got, router6, host6) != checksum.Valid {
			t.Fatalf("\nread  % x\nwrote % x", want, got)
		}
	})
}
