package prober

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/icmp"
	"tcpprobe/internal/connect"
	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// noteEstablished writes down what the kernel tells of a connection.
func (w *worker) noteEstablished(c *connecting, now time.Time, info connect.Info) {
	t := c.attempt.tcp
	t.State = probe.StateEstablished
	t.States = append(t.States, probe.StateChange{State: t.State, At: stamp.Stamp{User: now}})
	t.Connected, t.Connect = true, now.Sub(c.called)
	t.Answered, t.RTT, t.Clock, t.RTTAmbiguous = info.RTT > 0, info.RTT, stamp.Kernel, c.again > 0
	if c.again == 0 {
		t.AnsweredSYN = 1
	}
	t.SendMSS = info.SendMSS
	t.Peer = &probe.Peer{HasScale: info.HasScale, WindowScale: info.WindowScale, SACKPermitted: info.SACKPermitted, Timestamps: info.Timestamps}
	if info.ECN {
		t.Peer.ECN = probe.ECNClassic
	}
	if peer := c.conn.Peer(); peer.IsValid() && peer != netip.AddrPortFrom(t.Remote.Addr().WithZone(""), t.Remote.Port()) {
		t.ConnectedTo = peer
	}
}

// noteICMP writes down an ICMP error that the kernel has got about the SYN.
func (w *worker) noteICMP(c *connecting, m connect.ICMP, now time.Time) {
	a := c.attempt
	c.seen = append(c.seen, m)
	noted := &probe.ICMP{
		From: m.From, Source: a.tcp.Local.Addr(), Target: a.tcp.Remote.Addr(), Type: m.Type, Code: m.Code, Name: icmpName(m), MTU: m.MTU,
		At: stamp.Stamp{User: now},
	}
	a.result.ICMP = append(a.result.ICMP, noted)
	a.happened(probe.Event{Kind: probe.EventICMPReceived, At: noted.At, ICMP: noted})
}

// nowhere returns why a SYN has gone nowhere, although the kernel took it: to an address of this host's own that cannot be used it
// sends as to a neighbour's.
func (c *connecting) nowhere(o probe.Outcome) (why *route.Error, ok bool) {
	if why, ok = errors.AsType[*route.Error](c.attempt.noWay); !ok || !errors.Is(why, unix.EADDRNOTAVAIL) {
		return nil, false
	}
	last := len(c.seen) - 1
	return why, o == probe.OutcomeTimeout || last >= 0 && c.seen[last].From == c.attempt.tcp.Local.Addr()
}

// unresolved reports whether the kernel has asked for the next hop of an attempt, and nobody has answered.
func (w *worker) unresolved(a *attempt) bool {
	if a.noWay != nil || !a.way.AsksForMAC() {
		return false
	}
	entry, err := w.routes.Neighbor(a.way.Index, a.way.NextHop)
	return err == nil && entry.State.Unresolved()
}

// errnoName returns what an error is called in the manual: "ECONNREFUSED"; "" for none.
func errnoName(err error) string {
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok {
		return ""
	}
	return unix.ErrnoName(errno)
}

// explained says of what connect(2) refuses of itself who may be behind it.
func explained(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("a policy of this host forbids it: IPsec, a cgroup program or a security module (connect(2): %w)", err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("no port is left, or the one asked for still has a connection there (connect(2): %w)", err)
	}
	return fmt.Errorf("connect(2): %w", err)
}

// icmpName returns what an ICMP error is called.
func icmpName(m connect.ICMP) string {
	return icmp.Message{V6: m.From.Is6(), Type: icmp.Type(m.Type), Code: icmp.Code(m.Code)}.Name()
}
