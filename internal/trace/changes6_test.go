package trace_test

import (
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/icmp"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// sentSYN6 is sentSYN over IPv6: the segment begins at octet 40, its options at 60, with the value of the MSS at 62.
func sentSYN6(t testing.TB) []byte {
	t.Helper()
	var d rawip.Datagram
	if err := d.Parse(sentSYN(t)); err != nil {
		t.Fatal(err)
	}
	h := rawip.Header6{TrafficClass: 46 << 2, FlowLabel: 0xabcde, HopLimit: 3, Protocol: rawip.ProtocolTCP, Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::80")}
	b, err := h.Append(nil, d.Payload)
	if err != nil || len(b) != 80 {
		t.Fatalf("%d octets, %v", len(b), err)
	}
	return b
}

// TestChanges6: the fields that a network may change, as quotes show them.
func TestChanges6(t *testing.T) {
	sent := sentSYN6(t)
	for name, test := range map[string]struct {
		at     int
		octets []byte
		length int // of the quote; 0 for all
		want   []trace.Change
	}{
		"nothing":        {0, nil, 0, nil},
		"hop limit":      {7, []byte{1}, 0, nil},
		"traffic class":  {0, []byte{0x60, 0x1a}, 48, []trace.Change{{"dscp", "46", "0"}, {"ecn", "0", "1"}}},
		"flow label":     {1, []byte{0x80, 0, 0}, 48, []trace.Change{{"flow_label", "0xabcde", "0x00000"}}},
		"Payload Length": {4, []byte{0, 60}, 0, []trace.Change{{"payload_length", "40", "60"}}},
		"source":         {23, []byte{2}, 48, []trace.Change{{"source", "2001:db8::1", "2001:db8::2"}}},
		"destination":    {39, []byte{0x81}, 48, []trace.Change{{"destination", "2001:db8::80", "2001:db8::81"}}},
		"source port":    {40, []byte{0, 99}, 48, []trace.Change{{"source_port", "40001", "99"}}},
		"sequence":       {44, []byte{0, 0, 0, 9}, 48, []trace.Change{{"seq", "1364349780", "9"}}},
		"MSS":            {62, []byte{0x05, 0x14}, 0, []trace.Change{{"mss", "1460", "1300"}}},
		"version":        {0, []byte{0x45}, 0, nil},
		"47 octets":      {0, nil, 47, nil},
	} {
		quoted := slices.Clone(sent)
		copy(quoted[test.at:], test.octets)
		if test.length > 0 {
			quoted = quoted[:test.length]
		}
		if got := trace.Changes(sent, quoted); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	for n := range len(sent) + 1 {
		if got := trace.Changes(sent, sent[:n]); len(got) != 0 {
			t.Errorf("%d octets: %v", n, got)
		}
	}
}

// TestMTUSearch6 begins at 1280 octets, which every link of IPv6 takes, and does not try what a router names below that.
func TestMTUSearch6(t *testing.T) {
	for _, test := range []struct {
		path, named, want int
		sizes             []int
	}{
		{1500, 0, 1500, []int{1280, 1500}},
		{1400, 1400, 1400, []int{1280, 1500, 1400}},
		{1280, 1280, 1280, []int{1280, 1500}},
		{1280, 1000, 1280, []int{1280, 1500, 1390, 1335, 1307, 1293, 1286, 1283, 1281}},
	} {
		s := trace.NewMTUSearch6(80, 1500)
		var sizes []int
		for size, ok := s.Next(); ok && len(sizes) < 30; size, ok = s.Next() {
			sizes = append(sizes, size)
			r := &probe.Result{Outcome: probe.OutcomeEstablished, TCP: &probe.TCP{}}
			if size > test.path {
				r.Outcome = probe.OutcomeUnreachable
				r.ICMP = []*probe.ICMP{{From: netip.MustParseAddr("2001:db8::9"), Type: uint8(icmp.PacketTooBig6), MTU: test.named}}
			}
			s.Take(size, r)
		}
		if s.MTU != test.want || !slices.Equal(sizes, test.sizes) {
			t.Errorf("path of %d, %d named: MTU %d by %v, want %v", test.path, test.named, s.MTU, sizes, test.sizes)
		}
	}
}

// TestExpired6: what a router of IPv6 says when the hop limit is used up is no end of a trace, and anything else is.
func TestExpired6(t *testing.T) {
	router := netip.MustParseAddr("2001:db8::9")
	for m, want := range map[icmp.Type]bool{icmp.TimeExceeded6: false, icmp.DestinationUnreachable6: true, 11: true} {
		r := trace.Reply{ICMP: &probe.ICMP{From: router, Type: uint8(m)}}
		if r.Ends() != want {
			t.Errorf("type %d ends: %t", m, r.Ends())
		}
	}
}
