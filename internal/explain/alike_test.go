package explain_test

import (
	"bytes"
	"strings"
	"testing"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/explain"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// ranOut receives the ICMP error of a router at which the TTL of our last datagram ran out.
func (tr *exchange) ranOut(t float64) {
	quote := append([]byte(nil), tr.Events[len(tr.Events)-1].Octets[:28]...)
	quote[8] = 1
	quote[10], quote[11] = 0, 0
	sum := ^checksum.Fold(checksum.Sum(0, quote[:20]))
	quote[10], quote[11] = byte(sum>>8), byte(sum)
	m := &probe.ICMP{From: router, Source: local, Target: remote, Type: 11, Name: icmp.Name(icmp.TimeExceeded, 0), TTL: 62, QuotedTTL: 1, SentTTL: tr.ttl, At: at(t)}
	tr.Result.ICMP = append(tr.Result.ICMP, m)
	tr.Outcome = probe.OutcomeUnreachable
	message := icmp.Message{Type: icmp.TimeExceeded, Body: quote}.Append(nil)
	tr.add(probe.Event{Kind: probe.EventICMPReceived, At: at(t), ICMP: m,
		Octets: must(rawip.Header{ID: 4242, TTL: 62, Protocol: rawip.ProtocolICMP, Src: router, Dst: local}.Append(nil, message)),
		Frame:  &probe.Frame{Source: gatewayMAC, Destination: localMAC},
	})
}

// traced is a SYN of a trace, with numbers of its own.
func traced(ttl uint8, data string, fill func(*exchange)) *probe.Result {
	tr := newExchange(80)
	tr.begin()
	tr.ttl, tr.id = ttl, 9*uint16(ttl)
	h := tcphdr.Header{
		SrcPort: localPort, DstPort: 80, Seq: iss.Add(-70000 * int(ttl)), Flags: tcphdr.SYN, Window: 64240,
		Options: linuxOptions(1460, 1000+uint32(ttl), 0),
	}
	octets := datagram(h, rawip.Header{ID: tr.id, TTL: ttl, Src: local, Dst: remote}, data)
	tr.segment(probe.EventSegmentSent, float64(ttl)/100, octets, probe.Segment{Header: h, Length: len(data), TTL: ttl, ID: tr.id, State: probe.StateSYNSent, Checksum: checksum.Valid},
		probe.Frame{Source: localMAC, Destination: gatewayMAC})
	fill(tr)
	return tr.Result
}

// paths are lessons of several handshakes that are alike.
var paths = []struct {
	name     string
	results  func() []*probe.Result
	conclude func(*explain.Lesson) error
}{
	{"path_trace", func() []*probe.Result {
		return []*probe.Result{
			traced(1, "", func(tr *exchange) { tr.ranOut(0.2) }),
			traced(2, "", func(tr *exchange) {
				tr.Outcome = probe.OutcomeTimeout
				tr.add(probe.Event{Kind: probe.EventTCPSilence, At: at(2000)})
			}),
			traced(3, "", func(tr *exchange) {
				tr.in(0.5, tcphdr.SYN|tcphdr.ACK, irs, iss.Add(-210000+1), linuxOptions(1400, 881234, 1003), probe.VerdictOpened, probe.StateEstablished, "")
			}),
		}
	}, func(l *explain.Lesson) error {
		t := trace.NewTrace("example.com:80", 1, 30)
		t.Rounds = []probe.Outcome{probe.OutcomeTimeout}
		m := &probe.ICMP{From: router, Source: local, Target: remote, Type: 11, QuotedTTL: 1, SentTTL: 1}
		t.Hops[0].Replies = []trace.Reply{{From: router, ICMP: m}}
		return l.Trace(t)
	}},
	{"path_mtu", func() []*probe.Result {
		return []*probe.Result{
			traced(64, "", func(tr *exchange) {}),
			traced(64, strings.Repeat("\x00", 1440), func(tr *exchange) {
				tr.rejected(0.7, router, [4]byte{2: 0x05, 3: 0x78}, icmp.DestinationUnreachable, icmp.FragmentationNeeded, 28)
			}),
		}
	}, func(l *explain.Lesson) error {
		search := trace.NewMTUSearch(60, 1500)
		search.Take(68, &probe.Result{Outcome: probe.OutcomeTimeout})
		return l.PathMTU(&trace.PathMTU{Search: search})
	}},
	{"path_syns", func() []*probe.Result {
		bare := traced(64, "", func(tr *exchange) {})
		bare.Events[0].Octets = datagram(tcphdr.Header{SrcPort: localPort, DstPort: 80, Seq: iss, Flags: tcphdr.SYN, Window: 64240},
			rawip.Header{ID: 9, TTL: 64, Src: local, Dst: remote}, "")
		return []*probe.Result{traced(64, "", func(tr *exchange) {}), bare}
	}, func(l *explain.Lesson) error { return l.SYNs(&trace.SYNComparison{}) }},
	{"path_flows", func() []*probe.Result {
		return []*probe.Result{traced(64, "", func(tr *exchange) {}), traced(64, "", func(tr *exchange) {})}
	},
		func(l *explain.Lesson) error { return l.Flows(&trace.FlowSet{}) }},
}

// TestPaths explains several handshakes that are alike: the first SYN whole, of the others what is different.
func TestPaths(t *testing.T) {
	for _, c := range paths {
		for _, s := range []report.Style{{Style: text.Style{UTF8: true}}, {}, {Quiet: true}} {
			var b bytes.Buffer
			l := explain.New(&b, s, false)
			for _, r := range c.results() {
				if err := l.Alike(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.conclude(l); err != nil {
				t.Fatal(err)
			}
			presentable(t, b.String(), s)
			switch {
			case s.Quiet && b.Len() > 0:
				t.Errorf("%s: quiet: %q", c.name, &b)
			case s.UTF8:
				golden(t, c.name, b.String())
			}
		}
	}
}
