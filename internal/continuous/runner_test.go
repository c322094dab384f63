//go:build linux

package continuous_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tcpprobe/internal/continuous"
	"tcpprobe/internal/monitor"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// interval is that of the targets here.
const interval = 20 * time.Millisecond

// run returns a Runner on a host, whose Prober runs until the test ends, and its Store.
func run(t *testing.T, h *netlab.Host) (*continuous.Runner, *monitor.Store) {
	t.Helper()
	opened, ended := make(chan *prober.Prober, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		ended <- h.Do(func() error {
			p, err := prober.Open(prober.Options{Targets: prober.MassTargets + 1, Rate: 10_000, Record: true})
			opened <- p
			if err != nil {
				return err
			}
			return errors.Join(p.Run(ctx), p.Close())
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p := <-opened
	if p == nil {
		t.FailNow()
	}
	store := monitor.New(monitor.Options{}, time.Now())
	return continuous.New(p, store), store
}

// to returns a target that is probed by the kernel's IP.
func to(t *testing.T, name string, labels ...monitor.Label) continuous.Target {
	t.Helper()
	parsed, err := target.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return continuous.Target{Target: parsed, Labels: labels, Spec: prober.Spec{
		Interval: interval, Send: prober.SendIP, TTL: 64, Handshake: probe.Config{Timeout: time.Second, Retries: 2, Window: 64240, Close: probe.CloseRST},
	}}
}

// until waits until something is so of a target.
func until(t *testing.T, store *monitor.Store, name string, what string, is func(monitor.Snapshot) bool) monitor.Snapshot {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(interval) {
		watched, ok := store.Target(name)
		if !ok {
			t.Fatalf("%s is not watched", name)
		}
		s := watched.Snapshot(time.Now())
		if is(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not %s: %+v", name, what, s)
		}
	}
}

// TestRunner adds targets, has one fail and come back, changes how one is probed, and takes them away again.
func TestRunner(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	runner, store := run(t, a)
	listener, err := b.Listen("tcp4", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	open, closed := to(t, "10.0.0.2:80", monitor.Label{Name: "team", Value: "db"}), to(t, "10.0.0.2:81")
	runner.Set([]continuous.Target{open, closed, open})
	if n := runner.Len(); n != 2 {
		t.Errorf("%d targets", n)
	}
	s := until(t, store, "10.0.0.2:80", "up ten times", func(s monitor.Snapshot) bool { return s.Up() && s.Handshakes >= 10 })
	if s.Outages != 0 || !s.HasRTT || s.Labels[0].Value != "db" || !s.Watched || len(s.Evidence) != 0 || s.Address.String() != "10.0.0.2" {
		t.Errorf("%+v", s)
	}
	s = until(t, store, "10.0.0.2:81", "refused ten times", func(s monitor.Snapshot) bool { return s.Outcomes[probe.OutcomeRefused] >= 10 })
	if s.Outages != 1 || len(s.Evidence) != 1 {
		t.Errorf("%d outages, evidence %v", s.Outages, s.Evidence)
	}
	if e, ok := store.Evidence(s.Evidence[0]); !ok || e.Result.Seq != 1 || len(e.Result.Events) != 3 { // route, SYN, RST
		t.Errorf("%v %+v", ok, e.Result)
	}

	listener.Close()
	until(t, store, "10.0.0.2:80", "down", func(s monitor.Snapshot) bool { return !s.Up() && !s.OutageStart.IsZero() })
	if listener, err = b.Listen("tcp4", "10.0.0.2:80"); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s = until(t, store, "10.0.0.2:80", "up again", func(s monitor.Snapshot) bool { return s.Up() })
	if s.Outages != 1 || s.Latest[0].End.IsZero() || s.OutageSeconds <= 0 {
		t.Errorf("%+v", s.Latest)
	}

	before := s.Handshakes
	closed.Spec.Handshake.Close = probe.CloseHalf // another spec: it is begun anew
	open.Labels = nil
	runner.Set([]continuous.Target{open, closed})
	s = until(t, store, "10.0.0.2:80", "going on", func(s monitor.Snapshot) bool { return s.Handshakes > before+5 })
	if s.Outages != 1 || len(s.Labels) != 0 {
		t.Errorf("after a change elsewhere: %+v", s)
	}
	refused, _ := store.Target("10.0.0.2:81")
	count := refused.Figures(time.Now()).Handshakes
	until(t, store, "10.0.0.2:81", "going on", func(s monitor.Snapshot) bool { return s.Handshakes > count+5 })

	runner.Set([]continuous.Target{open})
	if _, ok := store.Target("10.0.0.2:81"); ok || runner.Len() != 1 {
		t.Error("a target that is gone is watched")
	}
	if failures := store.Failures(); len(failures) < 2 {
		t.Errorf("evidence of a target that is gone: %d failures", len(failures))
	}
	runner.Set(nil)
	gone := refused.Figures(time.Now()).Handshakes
	time.Sleep(5 * interval)
	if now := refused.Figures(time.Now()).Handshakes; now > gone+1 {
		t.Errorf("%d handshakes after the end", now-gone)
	}
}

// TestSilence has a target whose SYNs nothing answers: the outage has its packets.
func TestSilence(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, "table ip silence {\n chain in {\n type filter hook input priority 0\n tcp dport 80 drop\n }\n}\n")
	runner, store := run(t, a)
	silent := to(t, "10.0.0.2:80")
	silent.Spec.Handshake.Timeout = 100 * time.Millisecond
	runner.Set([]continuous.Target{silent})
	s := until(t, store, "10.0.0.2:80", "silent", func(s monitor.Snapshot) bool { return s.Outcomes[probe.OutcomeTimeout] >= 10 })
	if s.Outages != 1 || s.SYNsLost != s.SYNs || len(s.Evidence) != 1 || s.Latest[0].Evidence != s.Evidence[0] {
		t.Errorf("%+v", s)
	}
}
