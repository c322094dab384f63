package prober

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/connect"
	"tcpprobe/internal/deadline"
	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// connects is the handshakes that the kernel makes for a worker, side by side: the worker waits for all of them at once, where it
// waits for its wire.
type connects struct {
	poller *connect.Poller // nil until the first
	open   map[*connect.Conn]*connecting
	due    deadline.Queue[*connecting]
}

// connecting is an attempt of which the kernel makes the handshake.
type connecting struct {
	deadline.Timer // when to look after it, if nothing happens
	attempt        *attempt
	conn           *connect.Conn
	called         time.Time
	again          int // how often its SYN was sent again, as far as it was told
	seen           []connect.ICMP
}

// lookInterval is how long it takes at the most until a SYN is seen that the kernel has sent again.
const lookInterval = 250 * time.Millisecond

// Close closes the connections.
func (c *connects) Close() error {
	if c.poller == nil {
		return nil
	}
	return c.poller.Close()
}

// busy reports whether the kernel makes a handshake with a server from a port.
func (c *connects) busy(port uint16, remote netip.AddrPort) bool {
	for _, one := range c.open {
		if one.attempt.tcp.Remote == remote && one.attempt.tcp.Local.Port() == port {
			return true
		}
	}
	return false
}

// prepareConnect does what comes before connect(2). The route is asked for to be told of: whether there is
// one, connect(2) will say, which a program of the cgroup may send elsewhere. It is not ok if the way is not permitted.
func (w *worker) prepareConnect(a *attempt, now time.Time) (ok bool) {
	spec := a.series.request.Spec
	way, err := w.routeFrom(spec.SourcePort, 0, a.series, now)
	if a.noWay = err; err != nil {
		return true
	}
	if err := a.permitWay(way); err != nil {
		a.fail(probe.OutcomeLocalError, err)
		return false
	}
	w.goBy(a, way, now)
	return true
}

// connect has the kernel make the handshake of an attempt. It is not ok if there is no room for one more at the moment.
func (w *worker) connect(a *attempt) (ok bool) {
	spec := a.series.request.Spec
	now := w.clock.Now()
	conn, err := w.openConnect(a.series.remote, spec)
	if full := errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE); full && w.connects.due.Len() > 0 {
		return false
	}
	w.beginAttempt(a)
	a.happened(probe.Event{Kind: probe.EventConnectCalled, At: stamp.Stamp{User: now}, Connect: &probe.Connect{}})
	if a.tcp == nil {
		a.tcp = new(probe.TCP)
	}
	states := append(a.tcp.States[:0], probe.StateChange{State: probe.StateSYNSent, At: stamp.Stamp{User: now}})
	*a.tcp = probe.TCP{Remote: a.series.remote, Send: probe.SendConnect, Close: spec.Handshake.Close}
	a.result.TCP = a.tcp
	if err != nil {
		w.notConnected(a, err)
		return true
	}
	a.tcp.States, a.tcp.State, a.tcp.SYNSent, a.tcp.Local = states, probe.StateSYNSent, 1, conn.Local()
	c := &connecting{attempt: a, conn: conn, called: now}
	c.Due = c.look(now, spec)
	w.connects.open[conn] = c
	w.connects.due.Add(c)
	return true
}

// openConnect calls connect(2).
func (w *worker) openConnect(remote netip.AddrPort, spec *Spec) (*connect.Conn, error) {
	if w.connects.poller == nil {
		poller, err := connect.Open()
		if err != nil {
			return nil, err
		}
		w.connects.poller, w.connects.open = poller, make(map[*connect.Conn]*connecting)
		w.wire.WaitFor(poller.FD())
	}
	return w.connects.poller.Connect(connect.Options{
		Remote: remote, Source: spec.Source, Port: spec.SourcePort,
		Interface: w.prober.options.Interface, Mark: w.prober.options.Mark,
		TTL: spec.TTL, TOS: spec.TOS, MSS: spec.Handshake.MSS, Retries: spec.Handshake.Retries,
	})
}

// look returns when a connection is to be looked after next.
func (c *connecting) look(now time.Time, spec *Spec) time.Time {
	until := c.called.Add(spec.Handshake.Timeout)
	if next := now.Add(lookInterval); c.attempt.record && next.Before(until) {
		return next
	}
	return until
}

// attendConnects takes note of what the kernel has done about its handshakes, and ends those whose time is over.
func (w *worker) attendConnects() {
	if w.connects.poller == nil {
		return
	}
	for {
		ready, err := w.connects.poller.Ready()
		if err != nil {
			w.breakOffConnects(probe.OutcomeLocalError, err)
		}
		if len(ready) == 0 {
			break
		}
		for _, conn := range ready {
			w.lookAt(w.connects.open[conn], w.clock.Now())
		}
	}
	for c, ok := w.connects.due.First(); ok; c, ok = w.connects.due.First() {
		now := w.clock.Now()
		if now.Before(c.Due) {
			return
		}
		if w.lookAt(c, now); w.connects.open[c.conn] != c {
			continue
		}
		if c.Due = c.look(now, c.attempt.series.request.Spec); now.Before(c.Due) {
			w.connects.due.Moved(c)
		} else {
			w.connectEnds(c, now, probe.OutcomeTimeout, nil)
		}
	}
}

// breakOffConnects ends what the kernel has under way.
func (w *worker) breakOffConnects(o probe.Outcome, err error) {
	for _, c := range w.connects.open {
		w.connectEnds(c, w.clock.Now(), o, err)
	}
}

// lookAt asks how far a connection has come, and ends it if it is over.
func (w *worker) lookAt(c *connecting, now time.Time) {
	a := c.attempt
	status, err := c.conn.Status()
	if err != nil {
		w.connectEnds(c, now, probe.OutcomeLocalError, err)
		return
	}
	info, err := c.conn.Info()
	if err == nil && info.Again > c.again {
		c.again = info.Again
		a.tcp.SYNSent = 1 + info.Again
		a.find(probe.FindingSYNRetransmitted)
		a.happened(probe.Event{Kind: probe.EventConnectAgain, At: stamp.Stamp{User: now}, Connect: &probe.Connect{Again: info.Again}})
	}
	for _, m := range status.ICMP {
		w.noteICMP(c, m, now)
	}
	switch status.State {
	case connect.Established:
		w.noteEstablished(c, now, info)
		if status.Err != nil {
			a.find(probe.FindingResetAfterEstablished)
		}
		w.connectEnds(c, now, probe.OutcomeEstablished, nil)
	case connect.Failed:
		w.connectEnds(c, now, w.judgeConnect(c, now, status.Err), status.Err)
	}
}

// judgeConnect returns the outcome that an error of connect(2) stands for. A port that an ICMP error says is unreachable gets
// ECONNREFUSED, as one that a RST comes from.
func (w *worker) judgeConnect(c *connecting, now time.Time, err error) probe.Outcome {
	a := c.attempt
	switch last := len(c.seen) - 1; {
	case last >= 0 && c.seen[last].Err == err:
		if w.unresolved(a) && c.seen[last].From == a.tcp.Local.Addr() {
			return probe.OutcomeARPTimeout
		}
		return probe.OutcomeUnreachable
	case err == unix.ECONNREFUSED:
		if c.again == 0 {
			a.tcp.Answered, a.tcp.AnsweredSYN, a.tcp.RTT, a.tcp.Clock = true, 1, now.Sub(c.called), stamp.User
		}
		return probe.OutcomeRefused
	case err == unix.ETIMEDOUT:
		return probe.OutcomeTimeout
	case err == unix.ENETUNREACH || err == unix.EHOSTUNREACH:
		return probe.OutcomeNoRoute // that there was, since the SYN before
	}
	return probe.OutcomeLocalError
}

// connectEnds ends the handshake of an attempt, and the connection. err is what connect(2) says of it, if anything.
func (w *worker) connectEnds(c *connecting, now time.Time, o probe.Outcome, err error) {
	a, at := c.attempt, stamp.Stamp{User: now}
	a.result.Outcome, a.result.Err = o, err
	if why, ok := c.nowhere(o); ok {
		a.result.Outcome, a.result.Err = probe.OutcomeLocalError, why
	} else if o == probe.OutcomeLocalError || o == probe.OutcomeNoRoute {
		a.result.Err = explained(err)
	}
	if o != probe.OutcomeEstablished {
		a.tcp.State = probe.StateClosed
		a.tcp.States = append(a.tcp.States, probe.StateChange{State: a.tcp.State, At: at})
	}
	switch {
	case o == probe.OutcomeTimeout:
		a.happened(probe.Event{Kind: probe.EventTCPSilence, At: at})
	case o == probe.OutcomeEstablished || err != nil:
		a.happened(probe.Event{Kind: probe.EventConnectEnded, At: at, Step: now.Sub(c.called), Connect: &probe.Connect{Errno: errnoName(err)}})
	}
	if o == probe.OutcomeARPTimeout || o == probe.OutcomeTimeout && w.unresolved(a) {
		w.silent(a, nobodyAnswered(a.way))
		a.result.NextHop = &probe.NextHop{Source: "kernel", Address: a.way.NextHop}
		a.result.ICMP = nil
	}
	w.connects.due.Remove(c)
	delete(w.connects.open, c.conn)
	if err := c.conn.Close(a.tcp.Close == probe.CloseRST && o == probe.OutcomeEstablished); err != nil {
		a.fail(probe.OutcomeLocalError, err)
	}
	w.connectOver(a)
}

// notConnected ends an attempt of which no segment has left.
func (w *worker) notConnected(a *attempt, err error) {
	a.result.Outcome, a.result.Err = probe.OutcomeLocalError, err
	call, _ := errors.AsType[*os.SyscallError](err)
	if call == nil {
		w.connectOver(a)
		return
	}
	switch {
	case call.Syscall == "setsockopt SO_MARK" && call.Err == unix.EPERM:
		a.result.Err = fmt.Errorf("a mark takes CAP_NET_ADMIN or CAP_NET_RAW (%w)", call)
	case call.Syscall == "bind" && call.Err == unix.EACCES:
		a.result.Err = ofPort(call, a.series.request.Spec.SourcePort)
	}
	if call.Syscall == "connect" {
		a.happened(probe.Event{Kind: probe.EventConnectEnded, At: stamp.Stamp{User: w.clock.Now()}, Connect: &probe.Connect{Errno: errnoName(call.Err)}})
		if call.Err == unix.ENETUNREACH || call.Err == unix.EHOSTUNREACH {
			a.result.Outcome = probe.OutcomeNoRoute
		}
		a.result.Err = explained(call.Err)
	}
	if why, ok := errors.AsType[*route.Error](a.noWay); ok && errors.Is(call.Err, why.Err) {
		a.result.Outcome, a.result.Err = outcomeOf(why), why // which says it better
	}
	if a.result.Outcome == probe.OutcomeNoRoute {
		a.result.TCP = nil
	}
	w.connectOver(a)
}

// connectOver takes note that the kernel's handshake of an attempt is over.
func (w *worker) connectOver(a *attempt) {
	w.endAttempt(a, w.clock.Now())
	w.congestion.Whole()
	w.released = true
	if a.result.Address.Is4() && a.result.Outcome != probe.OutcomeNoRoute {
		a.result.NAT64 = nil // since connect(2) knew a way
	}
	w.conclude(a)
	w.leave(a)
}
