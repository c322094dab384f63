package stats_test

import (
	"math"
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

const µs = time.Microsecond

// handshake is the result of a handshake, begun at start, whose last event was took later.
func handshake(outcome probe.Outcome, start, took time.Duration, t *probe.TCP) *probe.Result {
	at := func(d time.Duration) stamp.Stamp {
		return stamp.Stamp{User: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(d)}
	}
	r := &probe.Result{
		Outcome: outcome, Start: at(start), TCP: t, Events: []probe.Event{{At: at(start)}, {At: at(start + took)}},
	}
	if t != nil {
		r.Address = t.Remote.Addr()
	}
	return r
}

// tcp is a handshake of which the given SYN was answered: 0 for none, -1 for one that is not known.
func tcp(sent, answered int, rtt time.Duration) *probe.TCP {
	return &probe.TCP{
		Remote: netip.MustParseAddrPort("192.0.2.80:80"), SYNSent: sent, AnsweredSYN: max(answered, 0),
		Answered: answered != 0, RTTAmbiguous: answered < 0, RTT: rtt,
	}
}

// TestSummary is the example of the documentation, and one of each other outcome.
func TestSummary(t *testing.T) {
	s := stats.NewSummary("example.com:80")
	if _, ok := s.RTT(); ok || s.Loss() != 0 {
		t.Errorf("something is known before the first handshake: %v", s.Loss())
	}
	for _, r := range []*probe.Result{
		handshake(probe.OutcomeEstablished, 0, 20*time.Millisecond, tcp(1, 1, 11573*µs)),
		handshake(probe.OutcomeEstablished, 200*time.Millisecond, 20*time.Millisecond, tcp(1, 1, 11702*µs)),
		handshake(probe.OutcomeTimeout, 400*time.Millisecond, time.Second, tcp(1, 0, 0)),
		handshake(probe.OutcomeEstablished, 600*time.Millisecond, 2500*time.Millisecond, tcp(2, 2, 11641*µs)),
		handshake(probe.OutcomeRefused, 800*time.Millisecond, 12*time.Millisecond, tcp(1, 1, 11498*µs)),
	} {
		s.Add(r)
	}
	check := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	check("target", s.Target, "example.com:80")
	check("address", s.Address, netip.MustParseAddr("192.0.2.80"))
	check("counts", [6]int{s.Sent, s.Established, s.Refused, s.Unreachable, s.Timeout, s.Failed}, [6]int{5, 3, 1, 0, 1, 0})
	check("SYNs", [2]int{s.SYNs, s.SYNsLost}, [2]int{6, 2})
	check("loss", s.Loss(), 0.2)
	check("duration", s.Duration, 3100*time.Millisecond)
	rtt, ok := s.RTT()
	check("ok", ok, true)
	check("RTT", rtt, stats.RTT{
		Min: 11573 * µs, Avg: 11638667, Max: 11702 * µs, MDev: 52690, P50: 11641 * µs, P90: 11702 * µs, P99: 11702 * µs,
	})

	s.Add(handshake(probe.OutcomeUnreachable, 4*time.Second, time.Millisecond, tcp(1, 1, 5819*µs)))
	for _, o := range []probe.Outcome{probe.OutcomeDNSError, probe.OutcomeNoRoute, probe.OutcomeARPTimeout} {
		s.Add(handshake(o, 5*time.Second, time.Millisecond, nil))
	}
	s.Add(handshake(probe.OutcomeLocalError, 5*time.Second, time.Millisecond, tcp(0, 0, 0)))
	s.Add(handshake(probe.OutcomeInterrupted, 6*time.Second, time.Millisecond, tcp(7, 0, 0)))
	s.Add(handshake(probe.OutcomePending, 6*time.Second, time.Millisecond, tcp(7, 0, 0)))
	check("counts", [6]int{s.Sent, s.Established, s.Refused, s.Unreachable, s.Timeout, s.Failed}, [6]int{10, 3, 1, 1, 1, 4})
	check("SYNs", [2]int{s.SYNs, s.SYNsLost}, [2]int{7, 2})
	check("loss", s.Loss(), 0.6)
	check("duration", s.Duration, 5001*time.Millisecond)
	check("address", s.Address, netip.MustParseAddr("192.0.2.80"))
	after, _ := s.RTT()
	check("RTT", after, rtt)
}

// TestSummaryAddresses: an address is named if it is that of all handshakes that had one.
func TestSummaryAddresses(t *testing.T) {
	s := stats.NewSummary("example.com:80")
	none := netip.Addr{}
	first, second := tcp(1, 1, µs), tcp(1, 1, µs)
	second.Remote = netip.MustParseAddrPort("192.0.2.81:80")
	for i, step := range []struct {
		tcp  *probe.TCP
		want netip.Addr
	}{{nil, none}, {first, first.Remote.Addr()}, {nil, first.Remote.Addr()}, {second, none}, {first, none}, {second, none}} {
		outcome := probe.OutcomeEstablished
		if step.tcp == nil {
			outcome = probe.OutcomeARPTimeout
		}
		s.Add(handshake(outcome, 0, time.Millisecond, step.tcp))
		if s.Address != step.want {
			t.Errorf("after handshake %d: address %v, want %v", i+1, s.Address, step.want)
		}
	}
}

// TestB42_AmbiguousRTT: the round-trip time of a handshake of which it is not known which SYN was answered counts for
// nothing (Karn), and the SYNs before its last one for lost.
func TestB42_AmbiguousRTT(t *testing.T) {
	s := stats.NewSummary("example.com:80")
	s.Add(handshake(probe.OutcomeEstablished, 0, 0, tcp(3, -1, 900*µs)))
	if _, ok := s.RTT(); ok {
		t.Error("an ambiguous time was counted")
	}
	if s.SYNs != 3 || s.SYNsLost != 2 || s.Established != 1 {
		t.Errorf("%d SYNs, %d lost, %d established", s.SYNs, s.SYNsLost, s.Established)
	}
	s.Add(handshake(probe.OutcomeEstablished, 0, 0, tcp(3, 1, 100*µs))) // answered late: nothing was lost for sure
	if rtt, ok := s.RTT(); !ok || rtt.Max != 100*µs || s.SYNsLost != 2 {
		t.Errorf("%v %v, %d SYNs lost", rtt, ok, s.SYNsLost)
	}
}

// exactly computes what a Summary is to say of some samples, the plain way.
func exactly(samples []time.Duration) stats.RTT {
	sorted := slices.Sorted(slices.Values(samples))
	var sum, squares float64
	for _, d := range sorted {
		sum += float64(d)
	}
	mean := sum / float64(len(sorted))
	for _, d := range sorted {
		squares += (float64(d) - mean) * (float64(d) - mean)
	}
	rank := func(p float64) time.Duration { return sorted[int(math.Ceil(p*float64(len(sorted))))-1] }
	return stats.RTT{
		Min: sorted[0], Avg: time.Duration(math.Round(mean)), Max: sorted[len(sorted)-1],
		MDev: time.Duration(math.Round(math.Sqrt(squares / float64(len(sorted))))),
		P50:  rank(0.50), P90: rank(0.90), P99: rank(0.99),
	}
}

// TestDistribution compares the statistics with those computed the plain way: equal up to 5,000 samples, the
// percentiles within 1 % above.
func TestDistribution(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	shapes := map[string]func() time.Duration{
		"equal":     func() time.Duration { return 11573 * µs },
		"uniform":   func() time.Duration { return time.Duration(random.Int64N(1e9)) },
		"long tail": func() time.Duration { return time.Duration(math.Exp(15 + 2*random.NormFloat64())) },
		"tiny":      func() time.Duration { return time.Duration(random.Int64N(200)) },
		"two hills": func() time.Duration {
			return time.Duration(1+random.Int64N(2)*999)*time.Millisecond + time.Duration(random.Int64N(1e5))
		},
	}
	for name, shape := range shapes {
		for _, n := range []int{1, 2, 3, 10, 99, 100, 101, 5_000, 5_001, 50_000} {
			s := stats.NewSummary(name)
			var samples []time.Duration
			for range n {
				samples = append(samples, shape())
				s.Add(handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, samples[len(samples)-1])))
			}
			got, _ := s.RTT()
			want := exactly(samples)
			exact := [4]time.Duration{got.Min, got.Max, got.Avg - want.Avg, got.MDev - want.MDev}
			if exact[0] != want.Min || exact[1] != want.Max || exact[2].Abs() > 1 || exact[3].Abs() > 1 {
				t.Errorf("%s, %d samples: %+v, want %+v", name, n, got, want)
			}
			for _, p := range [][2]time.Duration{{got.P50, want.P50}, {got.P90, want.P90}, {got.P99, want.P99}} {
				tolerance := time.Duration(0)
				if n > 5_000 {
					tolerance = p[1] / 100
				}
				if (p[0] - p[1]).Abs() > tolerance {
					t.Errorf("%s, %d samples: percentile %v, want %v", name, n, p[0], p[1])
				}
			}
		}
	}
}

// TestExtremeSamples makes sure that no sample falls outside of the histogram.
func TestExtremeSamples(t *testing.T) {
	s := stats.NewSummary("extremes")
	for range 10_001 {
		s.Add(handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, 0)))
		s.Add(handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, math.MaxInt64)))
	}
	if rtt, _ := s.RTT(); rtt.Min != 0 || rtt.P50 != 0 || rtt.Max != math.MaxInt64 || rtt.P99 < math.MaxInt64/100*99 {
		t.Errorf("%+v", rtt)
	}
}

// TestConstantMemory checks that a Summary does not grow with the number of handshakes.
func TestConstantMemory(t *testing.T) {
	s := stats.NewSummary("many")
	r := handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, 11573*µs))
	for range 10_001 {
		s.Add(r)
	}
	if n := testing.AllocsPerRun(1000, func() { s.Add(r) }); n != 0 {
		t.Errorf("%v allocations for one more handshake", n)
	}
}

// TestChallengedSYNs: a SYN that was challenged was not lost, whether another was answered or not.
func TestChallengedSYNs(t *testing.T) {
	for _, test := range []struct {
		tcp  probe.TCP
		lost int
	}{
		{probe.TCP{SYNSent: 2, SYNChallenged: 1, Answered: true, AnsweredSYN: 2}, 0},
		{probe.TCP{SYNSent: 3, SYNChallenged: 1, Answered: true, AnsweredSYN: 3}, 1},
		{probe.TCP{SYNSent: 2, SYNChallenged: 1, Answered: true}, 0},
		{probe.TCP{SYNSent: 2, SYNChallenged: 2, Answered: true, AnsweredSYN: 2}, 0},
		{probe.TCP{SYNSent: 3, SYNChallenged: 3}, 0},
	} {
		s := stats.NewSummary("host:80")
		s.Add(&probe.Result{Outcome: probe.OutcomeEstablished, TCP: &test.tcp})
		if s.SYNsLost != test.lost {
			t.Errorf("%+v: %d lost, want %d", test.tcp, s.SYNsLost, test.lost)
		}
	}
}

// TestMemory: a target that is watched for hours takes some tens of thousands of octets.
func TestMemory(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const targets = 20
	for _, n := range []int{3_000, 7_000, 50_000} {
		random := rand.New(rand.NewPCG(7, 11))
		var all []*stats.Summary
		before := heap()
		for range targets {
			s := stats.NewSummary("watched")
			s.Expect(256)
			r := handshake(probe.OutcomeEstablished, 0, 0, tcp(1, 1, 0))
			for range n {
				r.TCP.RTT = 10*time.Millisecond + time.Duration(random.ExpFloat64()*float64(time.Millisecond))
				s.Add(r)
			}
			all = append(all, s)
		}
		if each := (heap() - before) / targets; each > 64<<10 {
			t.Errorf("after %d handshakes a target takes %d octets", n, each)
		} else {
			t.Logf("after %d handshakes a target takes %d octets", n, each)
		}
		runtime.KeepAlive(all)
	}
}
