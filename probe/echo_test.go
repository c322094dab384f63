package probe_test

import (
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestEchoOfNothing: a time stamp that is echoed by chance, where our SYNs have none, does not tell which of them is answered.
func TestEchoOfNothing(t *testing.T) {
	for syn, want := range map[probe.SYN]int{probe.SYNBare: 0, probe.SYNNoTimestamps: 0, probe.SYNLinux: 2} {
		b := newBench(t, func(c *probe.Config) { c.SYN = syn })
		b.sent()
		b.at(time.Second).sent()
		b.at(1010*ms).receiveWith(timestamps(benchPeer, benchTS+1000), "SYN,ACK", 0, 1, 0)
		if r := b.h.Result(); r.AnsweredSYN != want || r.RTTAmbiguous != (want == 0) {
			t.Errorf("%v: SYN %d answered, ambiguous %t; want %d", syn, r.AnsweredSYN, r.RTTAmbiguous, want)
		}
	}
}

// TestQuotes: what is quoted must be the beginning of a TCP segment of the host that the error was sent to.
func TestQuotes(t *testing.T) {
	local, remote := probetest.Local.Addr(), probetest.Remote.Addr()
	segment, err := tcphdr.Header{SrcPort: 1, DstPort: 2, Flags: tcphdr.SYN}.Append(nil, local, remote, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		outer  rawip.Datagram
		quoted rawip.Header
		want   bool
	}{
		{"a SYN", rawip.Datagram{Dst: local}, rawip.Header{Protocol: rawip.ProtocolTCP}, true},
		{"to another host", rawip.Datagram{Dst: remote}, rawip.Header{Protocol: rawip.ProtocolTCP}, false},
		{"UDP", rawip.Datagram{Dst: local}, rawip.Header{Protocol: rawip.ProtocolUDP}, false},
		{"a later fragment", rawip.Datagram{Dst: local}, rawip.Header{Protocol: rawip.ProtocolTCP, FragmentOffset: 8}, false},
		{"in fragments", rawip.Datagram{Dst: local, MoreFragments: true}, rawip.Header{Protocol: rawip.ProtocolTCP}, false},
	} {
		test.quoted.Src, test.quoted.Dst, test.quoted.TTL = local, remote, 1
		quote, err := test.quoted.Append(nil, segment)
		if err != nil {
			t.Fatal(err)
		}
		test.outer.Payload = icmp.Message{Type: icmp.TimeExceeded, Body: quote}.Append(nil)
		if got := probe.Quotes(&test.outer); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
