package explain_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/explain"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// tableLine is a line with octets: a layer, the offset, the octets, and a meaning if there is one.
var tableLine = regexp.MustCompile(`^.{8}([ \d]{5})  ((?:[0-9a-f]{2} ){0,5}[0-9a-f]{2})(?:  |$)`)

// shown returns the octets that a got explains, in the order in which they stand there. It fails the test if an offset
// is wrong.
func shown(t *testing.T, got string) []byte {
	t.Helper()
	var octets []byte
	for line := range strings.Lines(got) {
		m := tableLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		if at, err := strconv.Atoi(strings.TrimSpace(m[1])); err != nil || at != len(octets) {
			t.Errorf("offset %q after %d octets: %s", m[1], len(octets), line)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(m[2], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		octets = append(octets, b...)
	}
	return octets
}

// packet returns the octets of an event's packet, with the header of its frame.
func packet(e *probe.Event) []byte {
	if e.Frame == nil {
		return e.Octets
	}
	etherType := []byte{0x08, 0x00}
	switch {
	case rawip.Is6(e.Octets), e.Neighbor != nil && e.Neighbor.Address.Is6():
		etherType = []byte{0x86, 0xdd}
	case e.Kind == probe.EventNeighborRequest, e.Kind == probe.EventNeighborReply:
		etherType = []byte{0x08, 0x06}
	}
	return slices.Concat(e.Frame.Destination[:], e.Frame.Source[:], etherType, e.Octets)
}

// explained explains one event after those before it, and returns its got alone.
func explained(t *testing.T, r *probe.Result, before []probe.Event, e *probe.Event, s report.Style) string {
	t.Helper()
	var b bytes.Buffer
	l := explain.New(&b, s, true)
	for i := range before {
		if err := l.Event(r, &before[i]); err != nil {
			t.Fatal(err)
		}
	}
	b.Reset()
	if err := l.Event(r, e); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEveryOctetOnce checks that the tables hold each packet from its first octet to its last, whole or cut off anywhere.
func TestEveryOctetOnce(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range cases {
		r := c.make()
		for i := range r.Events {
			whole := r.Events[i]
			key := fmt.Sprintf("%d %x", whole.Kind, packet(&whole))
			if seen[key] {
				continue
			}
			seen[key] = true
			for n := range len(whole.Octets) + 1 {
				e := whole
				e.Octets = whole.Octets[:n]
				got := explained(t, r, r.Events[max(i-1, 0):i], &e, report.Style{})
				presentable(t, got, report.Style{})
				if got := shown(t, got); !bytes.Equal(got, packet(&e)) {
					t.Errorf("%s, event %d, %d octets: % x\nshown are % x", c.name, i, n, packet(&e), got)
				}
			}
		}
	}
}

// TestLineBreaksKeepEveryOctet explains more data than a line holds, at offsets of five digits.
func TestLineBreaksKeepEveryOctet(t *testing.T) {
	tr := literal(22)
	tr.in(1, tcphdr.ACK, irs, iss, nil, probe.VerdictData, probe.StateEstablished, strings.Repeat("0123456789abcdefghi", 600))
	got := explained(t, tr.Result, nil, &tr.Events[0], report.Style{})
	presentable(t, got, report.Style{})
	if got := shown(t, got); !bytes.Equal(got, tr.Events[0].Octets) {
		t.Errorf("%d octets are shown of %d", len(got), len(tr.Events[0].Octets))
	}
}

// TestChecksumsAreShownRight compares the arithmetic on the page with the codec's, for even and odd lengths.
func TestChecksumsAreShownRight(t *testing.T) {
	for n := range 40 {
		tr := literal(80)
		e := tr.in(1, tcphdr.ACK, irs, iss, nil, probe.VerdictData, probe.StateEstablished, strings.Repeat("\xa7\x1d\x03", n)[:n])
		_, segment, err := rawip.Parse(e.Octets)
		if err != nil {
			t.Fatal(err)
		}
		got := explained(t, tr.Result, nil, e, report.Style{})
		want := fmt.Sprintf("becomes %04x", ^checksum.Fold(checksum.Sum(checksum.PseudoHeader(remote, local, 6, len(segment)), segment)-
			uint64(segment[16])<<8-uint64(segment[17])))
		if strings.Count(got, "so the checksum is valid") != 2 || !strings.Contains(got, want) {
			t.Errorf("%d octets of data: %q is not shown, or not both are valid:\n%s", n, want, got)
		}
		e.Octets[len(e.Octets)-1] ^= 0x10
		got = explained(t, tr.Result, nil, e, report.Style{})
		if strings.Count(got, "so the checksum is invalid") != 1 {
			t.Errorf("%d octets of data, one of them changed: the checksum is not invalid", n)
		}
	}
}

// TestColorAddsNothing checks that no meaning is lost without color.
func TestColorAddsNothing(t *testing.T) {
	for _, c := range cases {
		plain := lesson(t, c.make(), report.Style{Style: text.Style{UTF8: true}}, true)
		colored := lesson(t, c.make(), report.Style{Style: text.Style{UTF8: true, Color: true}}, true)
		if stripped := sgr.ReplaceAllString(colored, ""); stripped != plain || stripped == colored {
			t.Errorf("%s: with color:\n%s\nwithout:\n%s", c.name, colored, plain)
		}
	}
}

// TestBareEvents checks that events of every kind with nothing in them are explained all the same, as are results.
func TestBareEvents(t *testing.T) {
	for kind := probe.EventDNSQuery; kind <= probe.EventTCPSilence; kind++ {
		for _, s := range []report.Style{{}, {Style: text.Style{UTF8: true}}} {
			got := explained(t, &probe.Result{}, nil, &probe.Event{Kind: kind}, s)
			presentable(t, got, s)
			if !strings.Contains(got, "0.000 ms") {
				t.Errorf("kind %d: %q", kind, got)
			}
		}
	}
	for o := probe.OutcomePending; o <= probe.OutcomeInterrupted; o++ {
		got := lesson(t, &probe.Result{Outcome: o}, report.Style{}, true)
		presentable(t, got, report.Style{})
		if n := strings.Count(got, "\n"); n < 3 || n > 9 {
			t.Errorf("%v: %d lines:\n%s", o, n, got)
		}
	}
}

// TestVerdictIsTwoToSixLines counts them without the title.
func TestVerdictIsTwoToSixLines(t *testing.T) {
	for _, c := range cases {
		if c.name == "hostile" {
			continue
		}
		got := lesson(t, c.make(), report.Style{}, false)
		_, verdict, _ := strings.Cut(got, "What was learnt\n")
		if n := strings.Count(strings.TrimSpace(verdict), "\n") + 1; n < 2 || n > 6 {
			t.Errorf("%s: %d lines:\n%s", c.name, n, verdict)
		}
	}
}

// TestNotSent explains a SYN that was built and not sent: no stamps, no state, no result.
func TestNotSent(t *testing.T) {
	tr := literal(80)
	tr.syn(0)
	got := explained(t, &probe.Result{Target: "192.0.2.80:80"}, nil, &probe.Event{Kind: probe.EventSegmentSent, Octets: tr.Events[0].Octets}, report.Style{})
	for _, want := range []string{
		"    0.000 ms  TCP  -->  SYN, 60 octets: IPv4 20, TCP 40\n",
		"must acknowledge 2871324874 = 2871324873 + 1",
		"urg ack psh rst SYN fin [000010]",
		"tcp  0  0  198.51.100.15:48211  192.0.2.80:80  SYN_SENT",
	} {
		if !strings.Contains(strings.ReplaceAll(got, "\n", " ")+got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
}

func TestQuietIsSilent(t *testing.T) {
	if got := lesson(t, byName("refused"), report.Style{Quiet: true}, true); got != "" {
		t.Errorf("quiet: %q", got)
	}
}

// failing is a writer that has no room.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteErrors(t *testing.T) {
	r := byName("refused")
	l := explain.New(failing{}, report.Style{}, false)
	if err := l.Event(r, &r.Events[0]); err != io.ErrShortWrite {
		t.Errorf("event: %v", err)
	}
	if err := l.Verdict(r); err != io.ErrShortWrite {
		t.Errorf("verdict: %v", err)
	}
}

// FuzzEvent explains octets of any kind, after a SYN of ours: no panic, nothing but what prints, and every octet once.
func FuzzEvent(f *testing.F) {
	for _, c := range cases {
		r := c.make()
		for i := range r.Events {
			e := &r.Events[i]
			verdict := uint8(0)
			if e.Segment != nil {
				verdict = uint8(e.Segment.Verdict)
			}
			f.Add(uint8(e.Kind), verdict, e.Frame != nil, e.Octets)
		}
	}
	f.Fuzz(func(t *testing.T, kind, verdict uint8, framed bool, octets []byte) {
		tr := literal(80)
		tr.syn(0)
		e := probe.Event{
			Kind: probe.EventKind(kind % uint8(probe.EventTCPSilence+1)), Octets: octets,
			Segment: &probe.Segment{Verdict: probe.Verdict(verdict % uint8(probe.VerdictLate+1))},
		}
		if framed {
			e.Frame = &probe.Frame{Source: gatewayMAC, Destination: localMAC}
		}
		got := explained(t, tr.Result, tr.Events, &e, report.Style{})
		presentable(t, got, report.Style{})
		switch e.Kind {
		case probe.EventDNSQuery, probe.EventDNSAnswer:
			e.Frame = nil // of a UDP socket there is none
		case probe.EventDNSSilence, probe.EventRouteFound, probe.EventNeighborSilence, probe.EventTCPSilence:
			return
		}
		if got := shown(t, got); !bytes.Equal(got, packet(&e)) {
			t.Errorf("% x\nshown are % x:\n%s", packet(&e), got, got)
		}
	})
}

func ExampleLesson() {
	r := &probe.Result{}
	l := explain.New(os.Stdout, report.Style{Style: text.Style{UTF8: true}}, false)
	l.Event(r, &probe.Event{Kind: probe.EventNeighborSilence, Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway}})
	// Output:
	// Left: the offset in the packet and the octets, in hexadecimal. Right: what they
	// mean; at the edge, the RFC and its section in which that is written.
	//
	//     0.000 ms  ARP   ✗   nobody answered on eth0
	// Nobody on the link says that it has 198.51.100.1: the station is down, or not on
	// this link, or its address is another. Without its address no frame can be sent,
	// so that no segment left (RFC 1122 2.3.2).
}
