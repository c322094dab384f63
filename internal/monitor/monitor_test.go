package monitor_test

import (
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

const ms = time.Millisecond

var zero = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

// at returns a time after the Store began.
func at(d time.Duration) time.Time { return zero.Add(d) }

// established returns the result of a handshake that started so long after zero and took so long.
func established(start, rtt time.Duration, findings ...probe.Finding) *probe.Result {
	return result(probe.OutcomeEstablished, start, &probe.TCP{
		SYNSent: 1, AnsweredSYN: 1, Answered: true, RTT: rtt, Connected: true, Connect: rtt + 20*time.Microsecond, Turnaround: 20 * time.Microsecond,
	}, findings...)
}

// silent returns the result of a handshake that started so long after zero and got no answer.
func silent(start time.Duration) *probe.Result {
	return result(probe.OutcomeTimeout, start, &probe.TCP{SYNSent: 2}, probe.FindingSYNRetransmitted)
}

func refused(start time.Duration) *probe.Result {
	return result(probe.OutcomeRefused, start, &probe.TCP{SYNSent: 1, AnsweredSYN: 1, Answered: true, RTT: ms})
}

func result(o probe.Outcome, start time.Duration, t *probe.TCP, findings ...probe.Finding) *probe.Result {
	now := stamp.Stamp{User: at(start)}
	return &probe.Result{
		Target: "example.com:80", Host: "example.com", Port: 80, Seq: 1, Address: netip.MustParseAddr("192.0.2.80"),
		Time: at(start), Start: now, Outcome: o, TCP: t, Findings: findings,
		Events: []probe.Event{
			{Kind: probe.EventSegmentSent, At: now, Octets: make([]byte, 60), Segment: &probe.Segment{Header: tcphdr.Header{Flags: tcphdr.SYN, Options: make([]byte, 20)}}},
			{Kind: probe.EventTCPSilence, At: now},
		},
	}
}

// TestFigures counts handshakes of every kind, by outcome and by finding.
func TestFigures(t *testing.T) {
	target := monitor.New(monitor.Options{}, zero).Watch("example.com:80", monitor.Label{Name: "team", Value: "db"})
	for _, r := range []*probe.Result{
		established(0, 10*ms), established(time.Second, 30*ms, probe.FindingPeerSpeaksFirst), silent(2 * time.Second), refused(3 * time.Second),
		result(probe.OutcomeInterrupted, 4*time.Second, nil),
	} {
		target.Result(r)
	}
	f := target.Figures(at(5 * time.Second))
	if f.Name != "example.com:80" || !f.Watched || f.Labels[0].Value != "db" || f.Handshakes != 4 || f.Up() {
		t.Errorf("%+v", f)
	}
	if f.Outcomes[probe.OutcomeEstablished] != 2 || f.Outcomes[probe.OutcomeTimeout] != 1 || f.Outcomes[probe.OutcomeRefused] != 1 {
		t.Errorf("outcomes %v", f.Outcomes)
	}
	for i, code := range probe.Findings() {
		want := uint64(0)
		if code == probe.FindingPeerSpeaksFirst || code == probe.FindingSYNRetransmitted {
			want = 1
		}
		if f.Findings[i] != want {
			t.Errorf("%s: %d, want %d", code, f.Findings[i], want)
		}
	}
	if f.SYNs != 5 || f.SYNsLost != 2 || f.Loss() != 0.4 {
		t.Errorf("%d SYNs, %d lost, %v", f.SYNs, f.SYNsLost, f.Loss())
	}
	if f.RTTs != 2 || f.RTTSum != 40*ms || f.Buckets[8] != 1 || f.Buckets[10] != 1 { // up to 12.8 ms and 51.2 ms
		t.Errorf("%d round-trip times, %v, %v", f.RTTs, f.RTTSum, f.Buckets)
	}
	if f.Last.Outcome != probe.OutcomeRefused || !f.Last.Time.Equal(at(3*time.Second)) || f.Phases.RTT.Duration != ms || f.Phases.ACK.Known {
		t.Errorf("last %+v %+v", f.Last, f.Phases)
	}
	if f.Outages != 1 || f.OutageSeconds != 1 || !f.OutageStart.Equal(at(2*time.Second)) {
		t.Errorf("%d outages, %v s, since %v", f.Outages, f.OutageSeconds, f.OutageStart)
	}
}

// TestOutages tells outages by the starts of handshakes, in whatever order they end.
func TestOutages(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name    string
		results []*probe.Result
		want    []monitor.Outage // End is the zero of one that goes on
	}{
		{"none", []*probe.Result{established(0, ms)}, nil},
		{"one", []*probe.Result{established(0, ms), silent(1 * s), silent(2 * s), established(3*s, ms)},
			[]monitor.Outage{{Start: at(1 * s), End: at(3 * s), Duration: 2 * s, Handshakes: 2}}},
		{"it goes on", []*probe.Result{silent(1 * s)}, []monitor.Outage{{Start: at(1 * s), Duration: 9 * s, Handshakes: 1}}},
		{"timeouts end after what began later", []*probe.Result{established(0, ms), established(2*s, ms), silent(1 * s), established(3*s, ms)},
			[]monitor.Outage{{Start: at(1 * s), End: at(2 * s), Duration: s, Handshakes: 1}}},
		{"the rest of it ends later", []*probe.Result{silent(1 * s), established(4*s, ms), silent(2 * s), silent(3 * s), established(5*s, ms)},
			[]monitor.Outage{{Start: at(1 * s), End: at(4 * s), Duration: 3 * s, Handshakes: 3}}},
		{"refused at once, silent later", []*probe.Result{refused(2 * s), silent(1 * s), established(3*s, ms)},
			[]monitor.Outage{{Start: at(1 * s), End: at(3 * s), Duration: 2 * s, Handshakes: 2}}},
		{"one before it is late", []*probe.Result{established(2*s, ms), refused(4 * s), silent(1 * s)},
			[]monitor.Outage{{Start: at(1 * s), End: at(2 * s), Duration: s, Handshakes: 1}, {Start: at(4 * s), Duration: 6 * s, Handshakes: 1}}},
		{"a slow success from before", []*probe.Result{refused(2 * s), established(1*s, 3*s)}, []monitor.Outage{{Start: at(2 * s), Duration: 8 * s, Handshakes: 1}}},
	} {
		target := monitor.New(monitor.Options{}, zero).Watch("x:1")
		for _, r := range test.results {
			target.Result(r)
		}
		got := target.Snapshot(at(10 * s))
		if len(got.Latest) != len(test.want) || int(got.Outages) != len(test.want) {
			t.Errorf("%s: %d outages, %+v", test.name, got.Outages, got.Latest)
			continue
		}
		for i, want := range test.want {
			o := got.Latest[i]
			if !o.Start.Equal(want.Start) || !o.End.Equal(want.End) || o.Duration != want.Duration || o.Handshakes != want.Handshakes {
				t.Errorf("%s: %+v, want %+v", test.name, o, want)
			}
		}
	}
}

// TestEvidence keeps the packets of what is new, and not those of the same again.
func TestEvidence(t *testing.T) {
	store := monitor.New(monitor.Options{}, zero)
	target := store.Watch("example.com:80")
	var news []int
	for i, r := range []*probe.Result{
		established(0, ms), silent(1 * time.Second), silent(2 * time.Second), refused(3 * time.Second), established(4*time.Second, ms),
		established(5*time.Second, ms, probe.FindingPeerSpeaksFirst), established(6*time.Second, ms, probe.FindingPeerSpeaksFirst),
		established(70*time.Second, ms, probe.FindingPeerSpeaksFirst), silent(71 * time.Second),
	} {
		before := len(store.Failures())
		target.Result(r)
		if len(store.Failures()) > before {
			news = append(news, i)
		}
		for j := range r.Events { // whose memory is used again
			clear(r.Events[j].Octets)
		}
		clear(r.Events)
	}
	if got, want := len(news), 5; got != want || news[0] != 1 || news[1] != 3 || news[2] != 5 || news[3] != 7 || news[4] != 8 {
		t.Errorf("kept %v", news)
	}
	s := target.Snapshot(at(80 * time.Second))
	if len(s.Evidence) != 5 || s.Last.Evidence != s.Evidence[4] || s.Latest[0].Evidence != s.Evidence[0] || s.Checks[3].Evidence != s.Evidence[1] {
		t.Errorf("%+v", s)
	}
	e, ok := store.Evidence(s.Evidence[0])
	if !ok || !e.Watched || e.Result.Outcome != probe.OutcomeTimeout || len(e.Result.Events) != 2 || e.Result.Events[0].Segment == nil {
		t.Errorf("%v %+v", ok, e)
	}
	if id, err := monitor.ParseID(e.ID.String()); err != nil || id != e.ID {
		t.Errorf("%s is read as %s, %v", e.ID, id, err)
	}
}

// TestEvidenceIsBounded fills the memory for evidence many times over: the octets stay below the bound, and each target keeps its last
// failure.
func TestEvidenceIsBounded(t *testing.T) {
	const targets, most = 200, 1 << 20
	store := monitor.New(monitor.Options{Octets: most}, zero)
	for i := range 20 {
		for n := range targets {
			target := store.Watch("192.0.2." + strconv.Itoa(n) + ":80")
			target.Result(silent(time.Duration(2*i) * time.Second))
			target.Result(established(time.Duration(2*i+1)*time.Second, ms))
		}
	}
	octets := 0
	for _, e := range store.Failures() {
		octets += e.Result.Octets()
	}
	if octets > most || octets < most*6/10 {
		t.Errorf("%d octets are kept, of %d", octets, most)
	}
	for _, target := range store.Targets() {
		s := target.Snapshot(at(time.Minute))
		if n := len(s.Evidence); n == 0 || s.Latest[len(s.Latest)-1].Evidence != s.Evidence[n-1] {
			t.Fatalf("%s: %v", target.Name(), s.Evidence)
		}
	}
}

// TestProbed keeps the latest results on demand, failures beyond those, and no more targets than are allowed.
func TestProbed(t *testing.T) {
	store := monitor.New(monitor.Options{Latest: 3, OnDemand: 2}, zero)
	failed := store.Probed(silent(0), "tcp_handshake")
	var ids []monitor.ID
	for i := range 5 {
		r := established(time.Duration(i)*time.Second, ms)
		r.Target = strconv.Itoa(i) + ":80"
		ids = append(ids, store.Probed(r, "tcp_handshake"))
	}
	latest := store.Latest()
	if len(latest) != 3 || latest[0].ID != ids[4] || latest[2].ID != ids[2] || latest[0].Module != "tcp_handshake" || latest[0].Watched {
		t.Errorf("%+v", latest)
	}
	if _, ok := store.Evidence(ids[1]); ok {
		t.Error("one more than the latest is kept")
	}
	if failures := store.Failures(); len(failures) != 1 || failures[0].ID != failed {
		t.Errorf("%+v", failures)
	}
	if targets := store.Targets(); len(targets) != 2 || targets[1].Name() != "4:80" || targets[1].Watched() {
		t.Errorf("%d targets", len(targets))
	}
}

// TestClockIsSet has the wall clock set while the store is there: times are told as the clock is now.
func TestClockIsSet(t *testing.T) {
	now := time.Now()
	target := monitor.New(monitor.Options{}, now).Watch("x:1")
	target.Result(&probe.Result{Outcome: probe.OutcomeTimeout, Start: stamp.Stamp{User: now.Add(time.Second)}})
	if s := target.Snapshot(now.Add(3 * time.Second)); s.Latest[0].Duration != 2*time.Second || s.Last.Time.Sub(now) != time.Second {
		t.Errorf("%+v", s)
	}
}

// TestReadersAndWorkers has readers and workers at the same targets.
func TestReadersAndWorkers(t *testing.T) {
	store := monitor.New(monitor.Options{Octets: 1 << 16}, zero)
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := range 500 {
				name := strconv.Itoa(i%10) + ":80"
				switch {
				case w == 3:
					store.Probed(silent(time.Duration(i)*time.Second), "m")
				case i%7 == 0:
					store.Watch(name).Result(silent(time.Duration(i) * time.Second))
				default:
					store.Watch(name).Result(established(time.Duration(i)*time.Second, ms))
				}
				if i%97 == 0 {
					store.Forget(name)
				}
			}
		})
	}
	for range 50 {
		for _, target := range store.Targets() {
			s := target.Snapshot(at(time.Hour))
			for _, id := range s.Evidence {
				store.Evidence(id)
			}
		}
		store.Latest()
		runtime.Gosched()
	}
	workers.Wait()
}
