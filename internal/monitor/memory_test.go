package monitor_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// What ten thousand targets may take, that are watched for a week.
const (
	tenThousand = 10_000
	mostOctets  = 128 << 20
)

// week has a target's handshakes of a week told, one every 15 s: round-trip times that change with the time of day, one in a hundred that was
// retransmitted, one in a thousand that got no answer, and an hour each day without any.
func week(random *rand.Rand, tell func(*probe.Result)) {
	const every = 15 * time.Second
	base := math.Exp(random.Float64()*5 - 8) // 0.3 to 50 ms
	t := probe.TCP{SYNSent: 1, AnsweredSYN: 1, Answered: true, Connected: true}
	r := probe.Result{Target: "example.com:80"}
	for at := time.Duration(0); at < 7*24*time.Hour; at += every {
		hour := math.Mod(at.Hours(), 24)
		rtt := base * (1 + 0.3*math.Sin(hour/24*2*math.Pi)) * math.Exp(random.NormFloat64()/5)
		r.Outcome, r.Start, r.TCP, r.Findings = probe.OutcomeEstablished, stamp.Stamp{User: zero.Add(at)}, &t, r.Findings[:0]
		t.RTT, t.Answered, t.SYNSent, t.AnsweredSYN = time.Duration(rtt*float64(time.Second)), true, 1, 1
		switch chance := random.IntN(1000); {
		case chance == 0 || hour > 3 && hour < 4:
			r.Outcome, t.Answered, t.SYNSent, t.AnsweredSYN = probe.OutcomeTimeout, false, 2, 0
		case chance < 10:
			t.SYNSent, t.AnsweredSYN = 2, 2
			r.Findings = append(r.Findings, probe.FindingSYNRetransmitted)
		}
		tell(&r)
	}
}

// live returns how many octets are in use.
func live() int {
	runtime.GC()
	runtime.GC() // what is cleaned up after the first one is free then
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestMemoryOfAWeek has targets watched for a simulated week: ten thousand of them, with all the evidence that there may be, take no more
// than they may, and so do their summaries.
func TestMemoryOfAWeek(t *testing.T) {
	const targets = 60
	random := rand.New(rand.NewPCG(1, 2))
	options := monitor.Options{Octets: 64 << 10}
	before := live()
	store := monitor.New(options, zero)
	for i := range targets {
		week(random, store.Watch(strconv.Itoa(i)+".example.com:80").Result)
	}
	each := (live() - before - options.Octets) / targets
	if all := each*tenThousand + 16<<20; all > mostOctets {
		t.Errorf("a target takes %d octets, and ten thousand with evidence %d MiB", each, all>>20)
	} else {
		t.Logf("a target takes %d octets, and ten thousand with evidence %d MiB", each, all>>20)
	}
	s := store.Targets()[0].Snapshot(zero.Add(7 * 24 * time.Hour))
	if s.Handshakes != 7*24*240 || s.Outages < 7 || !s.HasRTT || s.RTT.P99 <= s.RTT.P50 {
		t.Errorf("%+v", s.Figures)
	}
	runtime.KeepAlive(store)

	before = live()
	var summaries []*stats.Summary
	for range targets {
		sum := stats.NewSummary("example.com:80")
		sum.Expect(128)
		week(random, sum.Add)
		summaries = append(summaries, sum)
	}
	each = (live() - before) / targets
	if all := each * tenThousand; all > mostOctets {
		t.Errorf("a summary takes %d octets, and ten thousand %d MiB", each, all>>20)
	} else {
		t.Logf("a summary takes %d octets, and ten thousand %d MiB", each, all>>20)
	}
	runtime.KeepAlive(summaries)
}
