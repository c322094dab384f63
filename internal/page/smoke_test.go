package page

import (
	"testing"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/probe"
)

// TestSmoke draws four stretches: of four handshakes, of none, of one that failed among two, of failures alone.
func TestSmoke(t *testing.T) {
	from := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	check := func(second float64, rtt time.Duration) monitor.Check {
		return monitor.Check{Time: from.Add(time.Duration(second * 1e9)), Outcome: probe.OutcomeEstablished, RTT: rtt, HasRTT: true, SYNs: 1}
	}
	failed := func(second float64) monitor.Check {
		return monitor.Check{Time: from.Add(time.Duration(second * 1e9)), Outcome: probe.OutcomeTimeout, SYNs: 1, SYNsLost: 1}
	}
	ms := time.Millisecond
	buckets := bucketize([]monitor.Check{
		check(-1, 50*ms), // before all
		check(0, 4*ms), check(2, 1*ms), check(4, 3*ms), check(9.9, 2*ms),
		check(20, 8*ms), failed(21),
		failed(30), failed(39),
		check(40, 50*ms), // after all
	}, from, 10*time.Second, 4)
	b := buckets[0]
	if b.Handshakes != 4 || b.Failed != 0 || b.Min != 1*ms || b.P25 != 1*ms || b.P50 != 2*ms || b.P75 != 3*ms || b.Max != 4*ms {
		t.Errorf("the first stretch is %+v", b)
	}
	if b := buckets[1]; b.Handshakes != 0 || b.HasRTT {
		t.Errorf("the second is %+v", b)
	}
	if b := buckets[2]; b.Handshakes != 2 || b.Failed != 1 || b.SYNs != 2 || b.SYNsLost != 1 || b.P50 != 8*ms {
		t.Errorf("the third is %+v", b)
	}
	if b := buckets[3]; b.Failed != 2 || b.HasRTT || b.Loss() != 1 {
		t.Errorf("the last is %+v", b)
	}

	s := newSmoke(buckets, 10, 100, 18) // 80 units of height for 8 ms
	if s.Top != 8*ms || s.Width != 40 || s.Height != 100 {
		t.Fatalf("%d units are %v, %d wide", s.Height, s.Top, s.Width)
	}
	want := smoke{
		All:      "M5 41v30",                           // 1 to 4 ms
		Middle:   "M5 51v20",                           // 1 to 3 ms
		Medians:  [5]string{"M0 61h10", 3: "M20 1h10"}, // 2 ms without loss, 8 ms with half lost
		Failures: "M25 91v9M35 82v18",                  // a half, and all
	}
	if s.All != want.All || s.Middle != want.Middle || s.Medians != want.Medians || s.Failures != want.Failures {
		t.Errorf("drawn is %+v, want %+v", s, want)
	}
}

// TestChecksRow: what ended alike is one line; the latest are at the right.
func TestChecksRow(t *testing.T) {
	up, lossy, down := monitor.Check{Outcome: probe.OutcomeEstablished}, monitor.Check{Outcome: probe.OutcomeEstablished, SYNsLost: 1}, monitor.Check{Outcome: probe.OutcomeRefused}
	got := newChecksRow([]monitor.Check{up, up, lossy, down, down, up})
	want := checksRow{
		Empty: "M0 8h135", Good: "M136 8h7M156 8h3", Lossy: "M144 8h3", Bad: "M148 8h7",
		Label: "the latest 6 handshakes: 4 established, 1 of them after lost SYNs, 2 failed",
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := newChecksRow(make([]monitor.Check, 100)); got.Bad != "M0 8h159" {
		t.Errorf("a hundred: %+v", got)
	}
	if got := newChecksRow(nil); got != (checksRow{Empty: "M0 8h159", Label: "no handshakes yet"}) {
		t.Errorf("none: %+v", got)
	}
}

// TestTimeline: outages are cut to what is shown, and none is too short to be seen.
func TestTimeline(t *testing.T) {
	from := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return from.Add(time.Duration(minute) * time.Minute) }
	got := timeline([]monitor.Outage{
		{Start: at(-9), End: at(-5)},                       // before
		{Start: at(-5), End: at(5)},                        // cut
		{Start: at(10), End: at(10).Add(time.Millisecond)}, // short
		{Start: at(50)},                                    // goes on
	}, from, at(60))
	if want := "M0 0h60v10h-60zM120 0h2v10h-2zM600 0h120v10h-120z"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{ms(0), "0"}, {ms(34 * time.Microsecond), "0.034"}, {ms(11573 * time.Microsecond), "11.57"}, {ms(250 * time.Millisecond), "250.0"}, {ms(1003 * time.Millisecond), "1003"},
		{span(-time.Second), "0 ms"}, {span(340 * time.Millisecond), "340 ms"}, {span(59600 * time.Millisecond), "1 min"}, {span(185 * time.Second), "3 min 5 s"},
		{span(2*time.Hour + 4*time.Minute + 9*time.Second), "2 h 4 min"}, {span(123 * time.Hour), "5 d 3 h"},
		{percent(0), "0 %"}, {percent(0.0001), "< 0.1 %"}, {percent(0.055), "5.5 %"}, {percent(0.5), "50 %"}, {percent(0.999), "99 %"}, {percent(1), "100 %"},
		{grouped(999), "999"}, {grouped(1234567), "1\u202f234\u202f567"},
		{segment("[fe80::1%eth0]:22"), "%5Bfe80%3A%3A1%25eth0%5D%3A22"}, {segment("a/b?c#d"), "a%2Fb%3Fc%23d"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// TestStretches: they begin at round times, reach to now, and are as many as fit.
func TestStretches(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 2, 3, 0, time.UTC)
	for _, test := range []struct{ ago, length time.Duration }{
		{time.Second, time.Second}, {29 * time.Second, time.Second}, {2 * time.Minute, 5 * time.Second}, {time.Hour, 5 * time.Minute},
		{300 * 24 * time.Hour, 11 * 24 * time.Hour},
	} {
		from, length, n := stretches([]monitor.Check{{Time: now.Add(-test.ago)}}, now, 30)
		if length != test.length || n > 30 || from.Truncate(length) != from || from.After(now.Add(-test.ago)) || !from.Add(time.Duration(n)*length).After(now) {
			t.Errorf("%v: %d of %v from %v", test.ago, n, length, from)
		}
	}
}
