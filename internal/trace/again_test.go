package trace_test

import (
	"context"
	"slices"
	"testing"

	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/tcphdr"
)

// TestAgain: which silent hops are asked again, in which order, and where that ends.
func TestAgain(t *testing.T) {
	silent := func(tcphdr.Header) (tcphdr.Header, bool) { return tcphdr.Header{}, false }
	for _, test := range []struct {
		name    string
		routers int
		server  func(tcphdr.Header) (tcphdr.Header, bool)
		mute    []int // TTLs of SYNs that vanish
		most    int
		gap     int
		asked   []int
		settled int
	}{
		{"all answer", 3, probetest.Polite, nil, 2, 3, nil, 4},
		{"silent before the end", 3, probetest.Polite, []int{1, 3}, 2, 3, []int{1, 1, 3, 3}, 4},
		{"silent behind the last that is heard of", 2, silent, nil, 1, 3, []int{3, 4, 5}, 2},
		{"silent in between, and behind", 3, silent, []int{2}, 1, 1, []int{2, 4}, 3},
		{"nothing at all", 0, silent, nil, 1, 2, []int{1, 2}, 0},
		{"not even once", 3, probetest.Polite, []int{1}, 0, 3, nil, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			probetest.Routed(t, w, test.routers, test.server)
			tr, model, random := newTrace(9)
			again := trace.NewAgain(tr, test.most, test.gap)
			e := probe.NewEngine(w)
			for _, f := range tr.Flows(model, random) {
				if slices.Contains(test.mute, int(f.TTL)) {
					f.Done = func() { tr.Add(int(f.TTL), &probe.Result{Outcome: probe.OutcomeTimeout, TCP: &probe.TCP{SYNSent: 1}}) }
					f.Done()
					continue
				}
				f.Done = func() { tr.Add(int(f.TTL), f.Result) }
				if err := e.Run(context.Background(), probetest.StartAll(f)); err != nil {
					t.Fatal(err)
				}
			}
			again.Swept()
			var asked []int
			for ttl, ok := again.Next(nil); ok; ttl, ok = again.Next(nil) {
				asked = append(asked, ttl)
			}
			if !slices.Equal(asked, test.asked) {
				t.Errorf("asked %v, want %v", asked, test.asked)
			}
			if n := again.Settled(); n != test.settled {
				t.Errorf("%d hops are settled, want %d", n, test.settled)
			}
			tr.EndRound()
			if len(test.mute) == 0 {
				return
			}
			// In the rounds after it, hops that said nothing in a whole one are not asked again.
			if ttl, ok := trace.NewAgain(tr, test.most, 0).Next(map[int]bool{}); ok {
				t.Errorf("in another round TTL %d is asked again", ttl)
			}
		})
	}
}
