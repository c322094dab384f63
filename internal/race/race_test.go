package race_test

import (
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/race"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// run is a result whose SYN left so many milliseconds after the first, and was answered so many after that; 0 for never.
func run(address string, o probe.Outcome, started, took int) *probe.Result {
	r := &probe.Result{Address: netip.MustParseAddr(address), Outcome: o}
	if o == probe.OutcomeNoRoute || o == probe.OutcomeNDPTimeout {
		return r
	}
	at := time.Unix(5_000, 0).Add(time.Duration(started) * time.Millisecond)
	r.TCP = &probe.TCP{States: []probe.StateChange{{State: probe.StateSYNSent, At: stamp.Stamp{User: at, Kernel: at}}}}
	if took > 0 {
		r.TCP.Answered, r.TCP.RTT = true, time.Duration(took)*time.Millisecond
		r.TCP.Connect = r.TCP.RTT
	}
	return r
}

func TestRace(t *testing.T) {
	const v6, v4 = "2001:db8::80", "192.0.2.80"
	established, timeout := probe.OutcomeEstablished, probe.OutcomeTimeout
	for _, test := range []struct {
		name           string
		results        []*probe.Result
		winner         string // "" for none
		browser, plain time.Duration
	}{
		{"both well", []*probe.Result{run(v6, established, 0, 10), run(v4, established, 250, 12)}, v6, 0, 0},
		{"the second is faster", []*probe.Result{run(v6, established, 0, 30), run(v4, established, 250, 12)}, v6, 18, 18},
		{"slow", []*probe.Result{run(v6, established, 0, 400), run(v4, established, 250, 12)}, v4, 250, 388},
		{"silent", []*probe.Result{run(v6, timeout, 0, 0), run(v4, established, 250, 12)}, v4, 250, 127_000},
		{"refused", []*probe.Result{run(v6, probe.OutcomeRefused, 0, 7), run(v4, established, 250, 12)}, v4, 7, 7},
		{"unreachable", []*probe.Result{run(v6, probe.OutcomeUnreachable, 0, 40), run(v4, established, 250, 12)}, v4, 40, 40},
		{"refused late", []*probe.Result{run(v6, probe.OutcomeRefused, 0, 900), run(v4, established, 250, 12)}, v4, 250, 900},
		{"two refused", []*probe.Result{run(v6, probe.OutcomeRefused, 0, 7), run("2001:db8::81", established, 500, 30), run(v4, probe.OutcomeRefused, 250, 5)}, "2001:db8::81", 12, 7},
		{"no next hop", []*probe.Result{run(v6, probe.OutcomeNDPTimeout, 0, 0), run(v4, established, 0, 12)}, v4, 0, 3000},
		{"no route", []*probe.Result{run(v6, probe.OutcomeNoRoute, 0, 0), run(v4, established, 0, 12)}, v4, 0, 0},
		{"none", []*probe.Result{run(v6, timeout, 0, 0), run(v4, probe.OutcomeRefused, 250, 12)}, "", 0, 0},
	} {
		r := &race.Race{Target: "x:80", Results: test.results}
		winner, ok := r.Winner()
		browser, okBrowser := r.BrowserDelay()
		plain, okPlain := r.PlainDelay()
		if ok != (test.winner != "") || ok && winner.Address.String() != test.winner {
			t.Errorf("%s: %v wins, %t", test.name, winner.Result, ok)
		}
		if okBrowser != ok || okPlain != ok || browser != test.browser*time.Millisecond && ok || plain != test.plain*time.Millisecond {
			t.Errorf("%s: a browser loses %v, a plain client %v; want %v ms, %v ms", test.name, browser, plain, int64(test.browser), int64(test.plain))
		}
		if len(r.Families()) != 2 {
			t.Errorf("%s: %d families", test.name, len(r.Families()))
		}
	}
}
