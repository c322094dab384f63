package monitor_test

import (
	"testing"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// TestTrend: a target is watched for two days, once a second. A day is kept, in stretches that begin on the quarter of an hour, and
// their distributions are those of the handshakes.
func TestTrend(t *testing.T) {
	begin := time.Date(2026, 11, 22, 12, 7, 0, 0, time.UTC)
	store := monitor.New(monitor.Options{}, begin)
	target := store.Watch("192.0.2.80:80")
	for second := range 2 * 24 * 3600 {
		at := begin.Add(time.Duration(second) * time.Second)
		r := &probe.Result{Target: "192.0.2.80:80", Time: at, Start: stamp.Stamp{User: at}, Outcome: probe.OutcomeEstablished}
		r.TCP = &probe.TCP{SYNSent: 1, AnsweredSYN: 1, Answered: true, Connected: true}
		// From 10 to 19.99 ms, in an order that looks random.
		r.TCP.RTT = 10*time.Millisecond + time.Duration(second*7919%1000)*10*time.Microsecond
		if at.Hour() == 3 && at.Minute() < 15 && second%3 == 0 { // a timeout is told three seconds later
			r.Outcome, r.TCP = probe.OutcomeTimeout, &probe.TCP{SYNSent: 2}
		}
		target.Result(r)
	}
	now := begin.Add(48 * time.Hour)
	trend := target.Trend(now)
	if len(trend) != 97 { // the last has just begun
		t.Fatalf("%d stretches", len(trend))
	}
	for i, s := range trend {
		if s.From.Minute()%15 != 0 || s.From.Second() != 0 || i > 0 && s.From.Sub(trend[i-1].From) != monitor.TrendLength {
			t.Fatalf("a stretch begins at %v", s.From)
		}
		if i == 96 {
			break
		}
		failed, syns, lost := 0, 900, 0
		if s.From.Hour() == 3 && s.From.Minute() == 0 {
			failed, syns, lost = 300, 1200, 600
		}
		if s.Handshakes != 900 || s.Failed != failed || s.SYNs != syns || s.SYNsLost != lost {
			t.Errorf("%v: %+v", s.From, s)
		}
		for _, c := range []struct {
			name          string
			got, from, to time.Duration
		}{
			{"min", s.Min, 9_990, 10_100}, {"p25", s.P25, 11_000, 14_000}, {"p50", s.P50, 13_500, 16_500},
			{"p75", s.P75, 16_000, 19_000}, {"max", s.Max, 19_900, 20_000},
		} {
			if !s.HasRTT || c.got < c.from*time.Microsecond || c.got > c.to*time.Microsecond {
				t.Errorf("%v: %s is %v", s.From, c.name, c.got)
			}
		}
	}
}

// TestTrendLate: a handshake that ends in a later stretch than it began counts for the one in which it began.
func TestTrendLate(t *testing.T) {
	begin := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	store := monitor.New(monitor.Options{}, begin)
	target := store.Watch("192.0.2.80:80")
	result := func(at time.Time, o probe.Outcome) {
		target.Result(&probe.Result{Target: "192.0.2.80:80", Time: at, Start: stamp.Stamp{User: at}, Outcome: o, TCP: &probe.TCP{SYNSent: 1}})
	}
	result(begin.Add(14*time.Minute), probe.OutcomeRefused)
	result(begin.Add(15*time.Minute), probe.OutcomeRefused)
	result(begin.Add(14*time.Minute+59*time.Second), probe.OutcomeTimeout)
	trend := target.Trend(begin.Add(16 * time.Minute))
	if len(trend) != 2 || trend[0].Handshakes != 2 || trend[1].Handshakes != 1 || trend[0].HasRTT {
		t.Errorf("%+v", trend)
	}
}
