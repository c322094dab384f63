//go:build linux

package tracer_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/internal/tracer"
	"tcpprobe/probe"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// nobody observes nothing.
type nobody struct{}

func (nobody) Event(*probe.Result, *probe.Event) {}
func (nobody) Result(*probe.Result)              {}
func (nobody) Over()                             {}

// TestTracesAfterTheRun: nothing waits for a Prober whose Run has returned, for whatever reason.
func TestTracesAfterTheRun(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	var p *prober.Prober
	if err := a.Do(func() (err error) {
		p, err = prober.Open(prober.Options{Targets: 1, Record: true, InOrder: true})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	spec := prober.Spec{TTL: 64, Interval: time.Second, Handshake: probe.Config{Timeout: time.Hour}}
	options := tracer.Options{First: 1, Last: 5, Rounds: 1000, Interval: time.Hour}
	where := target.Target{Text: "10.0.0.2:80", Host: "10.0.0.2", Port: 80, Address: netip.MustParseAddr("10.0.0.2")}
	tr := tracer.New(p, where, spec, options, nobody{})
	if found := tr.Trace(); found.Failed == nil || found.Failed.Outcome != probe.OutcomeInterrupted {
		t.Errorf("a trace: %+v", found.Failed)
	}
	if found := tr.Flows(3, trace.VaryAll); found.Failed == nil || found.Failed.Outcome != probe.OutcomeInterrupted {
		t.Errorf("flows: %+v", found.Failed)
	}
	if found := tr.SYNs(); found.Failed == nil || found.Failed.Outcome != probe.OutcomeInterrupted {
		t.Errorf("SYNs: %+v", found.Failed)
	}
	if found, err := tr.MTU(); err != nil || found.Plain.Outcome != probe.OutcomeInterrupted {
		t.Errorf("the path MTU: %+v, %v", found, err)
	}
}
