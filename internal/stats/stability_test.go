package stats_test

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// second is a handshake that began so many seconds after the first, with its round-trip time in milliseconds if it was
// established, and with 0 if it timed out.
type second struct {
	start int
	rtt   int
}

// result returns the handshake as a result that took what it would with a timeout of 3 s.
func (s second) result() *probe.Result {
	start := time.Duration(s.start) * time.Second
	if s.rtt == 0 {
		return handshake(probe.OutcomeTimeout, start, 3*time.Second, tcp(1, 0, 0))
	}
	rtt := time.Duration(s.rtt) * time.Millisecond
	return handshake(probe.OutcomeEstablished, start, rtt, tcp(1, 1, rtt))
}

// undated returns a Stability without the time at which the longest outage began.
func undated(s stats.Stability) stats.Stability {
	s.OutageStart = time.Time{}
	return s
}

// TestOutageStart: the longest outage began with its first handshake, whatever the order in which handshakes end.
func TestOutageStart(t *testing.T) {
	all := []second{{0, 10}, {1, 0}, {2, 10}, {3, 0}, {4, 0}, {5, 10}}
	zero := all[0].result().Start.User
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {2, 4, 0, 3, 5, 1}} {
		s := stats.NewSummary("example.com:80")
		for _, i := range order {
			s.Add(all[i].result())
		}
		if got, want := s.Stability().OutageStart, zero.Add(3*time.Second); !got.Equal(want) {
			t.Errorf("%v: %v, want %v", order, got, want)
		}
	}
	s := stats.NewSummary("example.com:80")
	s.Add(all[0].result())
	if got := s.Stability().OutageStart; !got.IsZero() {
		t.Errorf("without an outage: %v", got)
	}
}

func TestStability(t *testing.T) {
	const sec, msec = time.Second, time.Millisecond
	for _, test := range []struct {
		name       string
		handshakes []second // in the order of their starts
		want       stats.Stability
	}{
		{"nothing", nil, stats.Stability{}},
		{"one", []second{{0, 10}}, stats.Stability{}},
		{"two", []second{{0, 10}, {1, 14}}, stats.Stability{Jitter: 4 * msec, HasJitter: true}},
		{"three", []second{{0, 10}, {1, 14}, {2, 12}}, stats.Stability{Jitter: 3 * msec, HasJitter: true}},
		{"equal", []second{{0, 10}, {1, 10}}, stats.Stability{HasJitter: true}},
		{"one that failed, to its end", []second{{0, 0}}, stats.Stability{Outage: 3 * sec, OutageHandshakes: 1}},
		{"failed at first", []second{{0, 0}, {1, 0}, {2, 10}}, stats.Stability{Outage: 2 * sec, OutageHandshakes: 2}},
		{"failed at last", []second{{0, 10}, {1, 0}, {2, 0}}, stats.Stability{Outage: 4 * sec, OutageHandshakes: 2, Flaps: 1}},
		{"in between", []second{{0, 10}, {1, 0}, {2, 0}, {3, 30}}, stats.Stability{Outage: 2 * sec, OutageHandshakes: 2, Flaps: 1, Jitter: 20 * msec, HasJitter: true}},
		{"the longest of three", []second{{0, 10}, {1, 0}, {2, 10}, {3, 0}, {4, 0}, {5, 0}, {6, 10}, {7, 0}, {8, 0}, {9, 10}}, stats.Stability{Outage: 3 * sec, OutageHandshakes: 3, Flaps: 3, HasJitter: true}},
		{"always", []second{{0, 0}, {1, 0}, {2, 0}}, stats.Stability{Outage: 5 * sec, OutageHandshakes: 3}},
	} {
		// However the handshakes overtake each other, the result is the same.
		random := rand.New(rand.NewPCG(3, 5))
		for range 20 {
			s := stats.NewSummary("example.com:80")
			for _, h := range test.handshakes {
				s.Add(h.result())
			}
			if got := undated(s.Stability()); got != test.want {
				t.Errorf("%s: %+v, want %+v; handshakes %v", test.name, got, test.want, test.handshakes)
			}
			if got := undated(s.Stability()); got != test.want {
				t.Errorf("%s: asked again: %+v, want %+v", test.name, got, test.want)
			}
			random.Shuffle(len(test.handshakes), func(i, j int) {
				test.handshakes[i], test.handshakes[j] = test.handshakes[j], test.handshakes[i]
			})
		}
	}
}

// TestFlapsPerAddress: that one address of a target is established and another is not is no flap. What failed before an address
// was known is taken for what became of the latest one.
func TestFlapsPerAddress(t *testing.T) {
	const up, down = true, false
	type one struct {
		address string // "" if it is not known
		up      bool
	}
	a, b := "192.0.2.80", "2001:db8::80"
	for name, test := range map[string]struct {
		handshakes []one
		want       int
	}{
		"one up, one down":    {[]one{{a, up}, {b, down}, {a, up}, {b, down}, {a, up}}, 0},
		"one of them flaps":   {[]one{{a, up}, {b, up}, {a, down}, {b, up}, {a, up}, {b, up}, {a, down}}, 2},
		"both":                {[]one{{a, up}, {b, up}, {a, down}, {b, down}}, 2},
		"a name that fails":   {[]one{{a, up}, {"", down}, {b, up}, {"", down}, {"", down}}, 2},
		"a name alone":        {[]one{{"", down}, {"", down}, {a, up}}, 0},
		"the first is silent": {[]one{{a, down}, {b, up}, {a, down}, {b, down}}, 1},
	} {
		s := stats.NewSummary("example.com:80")
		for i, h := range test.handshakes {
			outcome := probe.OutcomeTimeout
			if h.up {
				outcome = probe.OutcomeEstablished
			}
			r := handshake(outcome, time.Duration(i)*time.Second, time.Millisecond, nil)
			if h.address != "" {
				r.Address = netip.MustParseAddr(h.address)
			}
			s.Add(r)
		}
		for range 2 { // it may be asked again
			if got := s.Stability().Flaps; got != test.want {
				t.Errorf("%s: %d flaps, want %d", name, got, test.want)
			}
		}
	}
}

// TestStabilityOtherOutcomes: what is not established is an outage, whatever it is, and what is interrupted is neither.
func TestStabilityOtherOutcomes(t *testing.T) {
	for _, outcome := range []probe.Outcome{
		probe.OutcomeRefused, probe.OutcomeUnreachable, probe.OutcomeTimeout, probe.OutcomeDNSError, probe.OutcomeNoRoute, probe.OutcomeARPTimeout, probe.OutcomeLocalError,
	} {
		s := stats.NewSummary("example.com:80")
		s.Add(handshake(outcome, 0, time.Second, nil))
		s.Add(handshake(probe.OutcomeInterrupted, time.Second, time.Second, nil))
		s.Add(handshake(probe.OutcomeEstablished, 2*time.Second, time.Second, tcp(1, 1, µs)))
		if got, want := undated(s.Stability()), (stats.Stability{Outage: 2 * time.Second, OutageHandshakes: 1}); got != want {
			t.Errorf("%v: %+v, want %+v", outcome, got, want)
		}
	}
}

// TestStabilityWithoutEvents: a handshake that failed before anything happened began when it was set about.
func TestStabilityWithoutEvents(t *testing.T) {
	s := stats.NewSummary("example.com:80")
	first := handshake(probe.OutcomeEstablished, 0, time.Millisecond, tcp(1, 1, µs))
	s.Add(first)
	for i := range 3 {
		s.Add(&probe.Result{Outcome: probe.OutcomeNoRoute, Time: first.Start.User.Add(time.Duration(i+1) * time.Second)})
	}
	want := stats.Stability{Outage: 2 * time.Second, OutageHandshakes: 3, Flaps: 1}
	if got := undated(s.Stability()); got != want || s.Duration != 3*time.Second {
		t.Errorf("%+v in %v, want %+v in 3s", got, s.Duration, want)
	}
}

// TestB42_AmbiguousJitter: a round-trip time that is ambiguous takes no part in the jitter, and an established handshake
// without one is no outage.
func TestB42_AmbiguousJitter(t *testing.T) {
	s := stats.NewSummary("example.com:80")
	s.Add(handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, 10*µs)))
	s.Add(handshake(probe.OutcomeEstablished, time.Second, 0, tcp(2, -1, 900*µs)))
	if c := s.Stability(); c.HasJitter || c.OutageHandshakes != 0 {
		t.Errorf("%+v", c)
	}
	s.Add(handshake(probe.OutcomeEstablished, 2*time.Second, 0, tcp(1, 1, 13*µs)))
	s.Add(handshake(probe.OutcomeRefused, 3*time.Second, 0, tcp(1, 1, 500*µs)))
	if c := s.Stability(); !c.HasJitter || c.Jitter != 3*µs {
		t.Errorf("%+v", c)
	}
}

// TestDurationOfOvertaken: the first to end need not be the first that began.
func TestDurationOfOvertaken(t *testing.T) {
	s := stats.NewSummary("example.com:80")
	s.Add(handshake(probe.OutcomeEstablished, time.Second, time.Second, tcp(1, 1, µs)))
	s.Add(handshake(probe.OutcomeTimeout, 0, 3*time.Second, tcp(1, 0, 0)))
	if s.Duration != 3*time.Second {
		t.Errorf("%v, want 3s", s.Duration)
	}
}

// TestStabilityOfMany compares the stability of some thousand handshakes, which overtake each other, with that of the same ones
// in order.
func TestStabilityOfMany(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []second
	for i := range 30_000 {
		h := second{start: i}
		if random.IntN(3) > 0 {
			h.rtt = 1 + random.IntN(50)
		}
		all = append(all, h)
	}
	stability := func() stats.Stability {
		s := stats.NewSummary("many")
		for _, h := range all {
			s.Add(h.result())
		}
		return s.Stability()
	}
	want := stability()
	late := make(map[int]int)
	for _, h := range all {
		late[h.start] = h.start + random.IntN(4000)
	}
	slices.SortStableFunc(all, func(a, b second) int { return late[a.start] - late[b.start] })
	got := stability()
	if (got.Jitter - want.Jitter).Abs() > 1 {
		t.Errorf("jitter %v, want %v", got.Jitter, want.Jitter)
	}
	if got.Jitter = want.Jitter; got != want || !got.HasJitter || got.Flaps < 1000 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestConstantMemoryOfWeeks adds three million handshakes, a week and a half of four a second: the heap does not grow.
func TestConstantMemoryOfWeeks(t *testing.T) {
	s := stats.NewSummary("weeks")
	r := handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, 11573*µs))
	zero := r.Start.User
	add := func(n int) {
		for i := range n {
			at := stamp.Stamp{User: zero.Add(time.Duration(i) * time.Second / 4)}
			r.Start, r.Events[0].At, r.Events[1].At = at, at, at
			r.TCP.RTT = time.Duration(i%977) * µs
			r.Outcome = probe.OutcomeEstablished
			if i%10 == 0 {
				r.Outcome = probe.OutcomeTimeout
			}
			s.Add(r)
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	add(20_000)
	before := heap()
	add(3_000_000)
	if after := heap(); after > before+64<<10 {
		t.Errorf("the heap grew from %d to %d octets", before, after)
	}
	if s.Sent != 3_020_000 {
		t.Errorf("%d handshakes", s.Sent)
	}
}

// TestStabilityExpect: with fewer that may overtake, the same comes out for those that keep to it.
func TestStabilityExpect(t *testing.T) {
	exact, narrow := stats.NewSummary("a"), stats.NewSummary("a")
	narrow.Expect(16)
	start := time.Unix(5_000, 0)
	for i := range 5000 {
		n := i ^ 7 // in another order, up to 7 places off
		r := &probe.Result{
			Outcome: probe.OutcomeEstablished, Start: stamp.Stamp{User: start.Add(time.Duration(n) * time.Second)},
			TCP: &probe.TCP{Answered: true, RTT: time.Duration(n%13) * time.Millisecond, SYNSent: 1, AnsweredSYN: 1},
		}
		if n%50 < 3 {
			r.Outcome, r.TCP = probe.OutcomeTimeout, &probe.TCP{SYNSent: 2}
		}
		exact.Add(r)
		narrow.Add(r)
	}
	if exact.Stability() != narrow.Stability() || exact.Stability().Flaps == 0 {
		t.Errorf("%+v, want %+v", narrow.Stability(), exact.Stability())
	}
}
