package exposition_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exposition"
	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

var zero = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

// handshake is the result of one that started so many seconds after zero.
func handshake(o probe.Outcome, start int, rtt time.Duration, findings ...probe.Finding) *probe.Result {
	t := &probe.TCP{SYNSent: 1, AnsweredSYN: 1, Answered: true, RTT: rtt, Connected: true, Connect: rtt + 28*time.Microsecond, Turnaround: 28 * time.Microsecond}
	if o == probe.OutcomeTimeout {
		t = &probe.TCP{SYNSent: 3}
	}
	return &probe.Result{Outcome: o, Start: stamp.Stamp{User: zero.Add(time.Duration(start) * time.Second)}, TCP: t, Findings: findings}
}

// store returns a Store of a target that was up, one that is down, one without a handshake yet, and one on demand.
func store() *monitor.Store {
	s := monitor.New(monitor.Options{}, zero)
	up := s.Watch("up.example:80", monitor.Label{Name: "team", Value: `d"b\`}, monitor.Label{Name: "target", Value: "x"})
	up.Result(handshake(probe.OutcomeEstablished, 0, 10*time.Millisecond))
	up.Result(handshake(probe.OutcomeEstablished, 1, 60*time.Microsecond, probe.FindingPeerSpeaksFirst))
	down := s.Watch("down.example:80")
	down.Result(handshake(probe.OutcomeTimeout, 0, 0))
	down.Result(handshake(probe.OutcomeTimeout, 2, 0))
	s.Watch("new.example:80")
	r := handshake(probe.OutcomeEstablished, 0, time.Millisecond)
	r.Target = "demand.example:80"
	s.Probed(r, "tcp_handshake")
	return s
}

// TestText writes the metrics of targets: each series once, those of one metric together, and nothing of what did not happen.
func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := exposition.WriteText(&b, store().Targets(), zero.Add(5*time.Second)); err != nil {
		t.Fatal(err)
	}
	checkMetrics(t, b.Bytes())
	got := series(b.Bytes())
	const up = `{target="up.example:80",team="d\"b\\",exported_target="x"`
	for _, want := range []string{
		"tcpprobe_handshakes_total" + up + `,outcome="established"} 2`,
		"tcpprobe_handshakes_total" + up + `,outcome="ndp_timeout"} 0`,
		`tcpprobe_handshakes_total{target="down.example:80",outcome="timeout"} 2`,
		`tcpprobe_handshakes_total{target="new.example:80",outcome="timeout"} 0`,
		"tcpprobe_findings_total" + up + `,finding="peer_speaks_first"} 1`,
		`tcpprobe_syns_sent_total{target="down.example:80"} 6`,
		`tcpprobe_syns_lost_total{target="down.example:80"} 6`,
		"tcpprobe_rtt_seconds_bucket" + up + `,le="5e-05"} 0`,
		"tcpprobe_rtt_seconds_bucket" + up + `,le="0.0001"} 1`,
		"tcpprobe_rtt_seconds_bucket" + up + `,le="0.0128"} 2`,
		"tcpprobe_rtt_seconds_bucket" + up + `,le="+Inf"} 2`,
		"tcpprobe_rtt_seconds_sum" + up + "} 0.01006",
		"tcpprobe_rtt_seconds_count" + up + "} 2",
		"tcpprobe_connect_seconds" + up + "} 8.8e-05",
		"tcpprobe_phase_duration_seconds" + up + `,phase="ack"} 2.8e-05`,
		"tcpprobe_target_up" + up + "} 1",
		`tcpprobe_target_up{target="down.example:80"} 0`,
		`tcpprobe_outages_total{target="down.example:80"} 1`,
		`tcpprobe_outage_seconds_total{target="down.example:80"} 2`,
		`tcpprobe_outage_start_timestamp_seconds{target="down.example:80"} 1.7958348e+09`,
	} {
		if strings.Count(got, want+"\n") != 1 {
			t.Errorf("no, or not one, line %s", want)
		}
	}
	for _, not := range []string{"demand.example", `tcpprobe_target_up{target="new`, "tcpprobe_connect_seconds{target=\"down", "timestamp_seconds" + up, `phase="resolve"`} {
		if strings.Contains(got, not) {
			t.Errorf("%s is there", not)
		}
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(got) {
		name := line[:strings.LastIndex(line, " ")]
		if seen[name] {
			t.Errorf("twice: %s", name)
		}
		seen[name] = true
	}
	if names := regexp.MustCompile(`(?m)^# TYPE \S+`).FindAllString(b.String(), -1); len(names) != 11 {
		t.Errorf("%d metrics: %v", len(names), names)
	}
}

// TestTextToNobody ends with the error of who reads.
func TestTextToNobody(t *testing.T) {
	gone := errors.New("gone")
	if err := exposition.WriteText(failing{gone}, store().Targets(), zero); !errors.Is(err, gone) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// many returns so many targets with a history.
func many(n int) []*monitor.Target {
	s := monitor.New(monitor.Options{}, zero)
	for i := range n {
		t := s.Watch(fmt.Sprintf("host%d.example.com:443", i))
		for j := range 50 {
			t.Result(handshake(probe.OutcomeEstablished, j, time.Duration(1000+i%100+j*j)*time.Microsecond))
		}
	}
	return s.Targets()
}

// BenchmarkText is a scrape of ten thousand targets.
func BenchmarkText(b *testing.B) {
	targets := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		var size counting
		if err := exposition.WriteText(&size, targets, zero.Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(size))
	}
}

// counting counts the octets that are written to it.
type counting int

func (c *counting) Write(b []byte) (int, error) {
	*c += counting(len(b))
	return io.Discard.Write(b)
}
