package probetest

import (
	"context"
	"testing"
	"time"

	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// StartAll returns the function that has the engine start these flows, all at once.
func StartAll(flows ...*probe.Flow) func(time.Time) (*probe.Flow, time.Time, bool) {
	return func(now time.Time) (*probe.Flow, time.Time, bool) {
		if len(flows) == 0 {
			return nil, time.Time{}, false
		}
		f := flows[0]
		flows = flows[1:]
		return f, now, true
	}
}

// NewFlow returns a flow over the link of Interface.
func NewFlow(c probe.Config) *probe.Flow {
	c.LocalPort, c.RemotePort = Local.Port(), Remote.Port()
	return &probe.Flow{
		Local: Local, Remote: Remote, Path: rawip.Path{Interface: Interface, Link: true, NextHop: [6]byte{2}},
		TTL: 64, ID: ID, Handshake: c, Result: &probe.Result{}, Record: true,
	}
}

// NewFlow6 is NewFlow over IPv6, each of whose SYNs has a flow label of its own.
func NewFlow6(c probe.Config) *probe.Flow {
	f := NewFlow(c)
	f.Local, f.Remote, f.Path.V6 = Local6, Remote6, true
	f.ID, f.FlowLabel, f.Relabel = 0, Label, true
	return f
}

// LinuxConfig is the handshake that the command line makes by default.
func LinuxConfig() probe.Config {
	return probe.Config{
		ISS: 0xffffffff, TimestampBase: 0xfffffff0, MSS: 1460, Window: 64240, Timeout: 3 * time.Second, Retries: 2,
		Linger: probe.Linger,
	}
}

// Run makes the handshakes, and returns how long that took.
func Run(t testing.TB, w *Wire, flows ...*probe.Flow) time.Duration {
	t.Helper()
	start := w.Time
	if err := probe.NewEngine(w).Run(context.Background(), StartAll(flows...)); err != nil {
		t.Fatal(err)
	}
	return w.Time.Sub(start)
}
