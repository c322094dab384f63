//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/arp"
	"tcpprobe/internal/route"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
	"tcpprobe/tcphdr"
)

// journey takes targets from name to address, from address to next hop, from next hop to MAC, and then lets the engine
// make the handshakes.
type journey struct {
	ctx      context.Context
	o        options
	stamping *socket.Stamping
	clock    *stamp.Clock
	resolver *resolver.Resolver
	arp      *arp.Client // nil until it is needed
	wire     *rawip.Wire
	guards   map[netip.AddrPort]*rawip.Guard // of the handshakes under way
	hops     map[hop]probe.NextHop           // whose MAC is known
}

// stampingDelay is how long to wait at the most until the kernel stamps packets. It takes well below a millisecond, unless the
// processors are busy.
const stampingDelay = 20 * time.Millisecond

// hop is an address on the link of an interface.
type hop struct {
	ifindex int
	address netip.Addr
}

// openJourney opens what every target needs.
func openJourney(ctx context.Context, o options) (*journey, error) {
	stamping, err := socket.StartStamping()
	if err != nil {
		return nil, err
	}
	wire, err := rawip.OpenWire(ctx, rawip.WireOptions{Interface: o.iface, Mark: o.mark})
	if err != nil {
		return nil, errors.Join(err, stamping.Close())
	}
	stamping.Wait(stampingDelay)
	return &journey{
		ctx: ctx, o: o, stamping: stamping, wire: wire,
		clock:    stamp.NewClock(stamp.System),
		resolver: newResolver(o),
		guards:   make(map[netip.AddrPort]*rawip.Guard),
		hops:     make(map[hop]probe.NextHop),
	}, nil
}

func (j *journey) close() error {
	for _, g := range j.guards {
		g.Close()
	}
	if j.arp == nil {
		return closeAll(j.wire, j.stamping)
	}
	return closeAll(j.wire, j.arp, j.stamping)
}

// attempt is one handshake on its way to a result.
type attempt struct {
	*probe.Result
	observe func(*probe.Result, *probe.Event)
}

// happened adds an event to the result, and shows it. The first is where its time begins.
func (a *attempt) happened(e probe.Event) {
	a.begin(e.At)
	a.Events = append(a.Events, e)
	if a.observe != nil {
		a.observe(a.Result, &a.Events[len(a.Events)-1])
	}
}

// begin sets the time that the times of the events are counted from, unless it is set. It is on both clocks the same.
func (a *attempt) begin(at stamp.Stamp) {
	if a.Start.IsZero() {
		a.Start = stamp.Stamp{User: at.Time(), Kernel: at.Time()}
	}
}

// fail ends the attempt before a segment left.
func (a *attempt) fail(o probe.Outcome, err error) {
	a.Outcome, a.Err = o, err
}

// probe makes the handshakes with a target that were asked for. The error is one of this system that leaves nothing
// to go on with.
func (j *journey) probe(t target, observe func(*probe.Result, *probe.Event), done func(*probe.Result)) error {
	first := j.newAttempt(t, 1, observe)
	addresses := j.resolve(first)
	if first.Outcome != probe.Pending {
		done(first.Result)
		return nil
	}
	if !j.o.all {
		addresses = addresses[:1]
	}
	for i, address := range addresses {
		if i > 0 {
			first = j.newAttempt(t, 1, observe)
		}
		if err := j.handshakes(t, first, address, observe, done); err != nil {
			return err
		}
		if j.ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

func (j *journey) newAttempt(t target, seq int, observe func(*probe.Result, *probe.Event)) *attempt {
	return &attempt{Result: &probe.Result{Target: t.text, Host: t.host, Port: t.port, Seq: seq, Time: time.Now()}, observe: observe}
}

// resolve finds the addresses of the attempt's host.
func (j *journey) resolve(a *attempt) []netip.Addr {
	found, err := j.resolver.Lookup(j.ctx, a.Host, func(e resolver.Event) { a.happened(dnsEvent(e)) })
	a.DNS = dnsResult(found)
	switch {
	case j.ctx.Err() != nil:
		a.fail(probe.Interrupted, nil)
	case err != nil:
		a.fail(probe.DNSError, err)
	default:
		if err := probeable(found); err != nil {
			a.fail(probe.DNSError, err)
			return nil
		}
	}
	return found.Addresses
}

// probeable returns an error if one of the addresses that were found is no single host's.
func probeable(found resolver.Result) error {
	for _, address := range found.Addresses {
		if err := unicast(address); err != nil {
			return fmt.Errorf("%s resolves to an address that cannot be probed: %w", found.Name, err)
		}
	}
	return nil
}

// handshakes makes the handshakes with one address of a target, the first of them as the attempt that has come so far.
func (j *journey) handshakes(t target, first *attempt, address netip.Addr, observe func(*probe.Result, *probe.Event), done func(*probe.Result)) error {
	remote := netip.AddrPortFrom(address, t.port)
	started := 0
	var begun time.Time // of the handshake that was started last
	underWay := 0
	finish := func(a *attempt) {
		j.noteConflicts(a)
		done(a.Result)
	}
	next := func(now time.Time) (*probe.Flow, time.Time, bool) {
		due := begun.Add(j.o.interval)
		switch {
		case j.o.count > 0 && started == j.o.count:
			return nil, time.Time{}, false
		case started > 0 && now.Before(due):
			return nil, due, true
		case j.o.sourcePort != 0 && underWay > 0:
			return nil, now.Add(portInUse), true // one connection at a time has the port
		}
		a := first
		if started > 0 {
			a = j.newAttempt(t, started+1, observe)
		}
		started++
		begun = now
		flow, err := j.prepare(a, remote)
		if err != nil {
			finish(a)
			return nil, begun.Add(j.o.interval), j.o.count == 0 || started < j.o.count
		}
		underWay++
		flow.Done = func() {
			underWay--
			if a.Outcome == probe.Timeout {
				delete(j.hops, hop{flow.Path.Interface, a.Route.NextHop}) // which may have another MAC by now
			}
			j.release(flow.Local)
			finish(a)
		}
		return flow, now, true
	}
	return probe.NewEngine(j.wire).Run(j.ctx, next)
}

// portInUse is how long to wait before looking again whether the one source port is free.
const portInUse = 5 * time.Millisecond

// prepare does what comes before the first SYN: it asks for the route, reserves the port and finds the next hop. An
// error is also the attempt's.
func (j *journey) prepare(a *attempt, remote netip.AddrPort) (*probe.Flow, error) {
	way, guard, err := j.reserve(remote)
	if err != nil {
		a.fail(outcomeOf(err), err)
		return nil, err
	}
	path := j.take(a, way)
	err = j.findNextHop(a, way, &path)
	if err == nil {
		err = j.watch(path, guard)
	}
	if err != nil {
		guard.Close()
		if a.Outcome == probe.Pending {
			a.fail(probe.LocalError, err)
		}
		return nil, err
	}
	return j.flow(a, way, path, guard, remote), nil
}

// take makes a route the attempt's, and returns the path that its datagrams take, as yet without the next hop's MAC.
func (j *journey) take(a *attempt, way route.Route) rawip.Path {
	a.Route = &probe.Route{
		Interface: way.Interface, MAC: way.HardwareAddr, Source: way.Source,
		NextHop: way.NextHop, OnLink: way.OnLink, MTU: way.MTU,
	}
	a.happened(probe.Event{Kind: probe.RouteFound, At: stamp.Stamp{User: j.clock.Now()}, Route: a.Route})
	link := j.o.send == "link" || j.o.send == "auto" && way.UsesARP()
	return rawip.Path{Interface: way.Index, MAC: way.HardwareAddr, Link: link}
}

// flow returns the handshake that the flags ask for, over the path and from the guard's port.
func (j *journey) flow(a *attempt, way route.Route, path rawip.Path, guard *rawip.Guard, remote netip.AddrPort) *probe.Flow {
	config := j.o.handshake
	config.LocalPort, config.RemotePort = guard.Local().Port(), remote.Port()
	config.ISS, config.TimestampBase = tcphdr.SeqNum(random()), random()
	if config.MSS == 0 {
		const longest = 65535 // of a datagram: the loopback interface would carry more
		config.MSS = uint16(max(min(way.LinkMTU, longest)-40, 1))
	}
	return &probe.Flow{
		Local: guard.Local(), Remote: remote, Path: path,
		TTL: j.o.ttl, TOS: j.o.tos, ID: identification(),
		Handshake: config,
		Result:    a.Result, Record: true,
		Observe: func(e *probe.Event) {
			a.begin(e.At)
			if a.observe != nil {
				a.observe(a.Result, e)
			}
		},
	}
}

// reserve asks for the route of a flow with a source port of its own, and reserves the port.
func (j *journey) reserve(remote netip.AddrPort) (route.Route, *rawip.Guard, error) {
	const tries = 100
	for i := 1; ; i++ {
		port := j.o.sourcePort
		if port == 0 {
			port = rawip.EphemeralPort()
		}
		flow := route.Flow{
			Dst: remote.Addr(), Src: j.o.source, SrcPort: port, DstPort: remote.Port(), Protocol: rawip.ProtocolTCP,
			Interface: j.o.iface, Mark: j.o.mark,
		}
		way, err := route.Lookup(flow)
		if err != nil {
			return route.Route{}, nil, err
		}
		// RFC 1122 3.2.1.3: such addresses must not appear outside of a host.
		if flow.Dst.IsLoopback() && !way.Loopback {
			reason := fmt.Sprintf("%v is this host itself: nothing for it may leave through %s", flow.Dst, way.Interface)
			return route.Route{}, nil, &route.Error{Flow: flow, Reason: reason, Err: unix.ENETUNREACH}
		}
		local := netip.AddrPortFrom(way.Source, port)
		if local == remote {
			if j.o.sourcePort != 0 {
				return route.Route{}, nil, fmt.Errorf("source and target are both %v", local)
			}
			continue
		}
		guard, err := rawip.NewGuard(local)
		if errors.Is(err, unix.EADDRINUSE) && j.o.sourcePort == 0 && i < tries {
			continue
		}
		return way, guard, err
	}
}

// findNextHop finds the MAC that frames are to be sent to, if they are sent on a link that has any.
func (j *journey) findNextHop(a *attempt, way route.Route, path *rawip.Path) error {
	a.NextHop = &probe.NextHop{Source: "not_needed", Address: way.NextHop}
	if !path.Link {
		return nil
	}
	if err := takesFrames(way); err != nil {
		return err
	}
	if !way.UsesARP() {
		return nil
	}
	if way.Neighbor.Permanent {
		a.NextHop.Source, a.NextHop.MAC = "permanent", way.Neighbor.HardwareAddr
		path.NextHop = way.Neighbor.HardwareAddr
		return nil
	}
	key := hop{way.Index, way.NextHop}
	if known, ok := j.hops[key]; ok {
		path.NextHop = known.MAC
		a.NextHop = nil // it did not happen this time
		return nil
	}
	found, err := j.lookUp(a, way)
	*a.NextHop = nextHop(way.NextHop, found)
	if err != nil {
		return err
	}
	path.NextHop = found.MAC
	j.hops[key] = *a.NextHop
	return nil
}

// takesFrames returns an error if a frame of ours would go nowhere on the route's interface.
func takesFrames(way route.Route) error {
	if way.Loopback {
		return fmt.Errorf("it needs --send ip: %s takes no frames from outside of the kernel", way.Interface)
	}
	return nil
}

// lookUp asks the link for the MAC of the route's next hop.
func (j *journey) lookUp(a *attempt, way route.Route) (found arp.Result, err error) {
	if j.arp == nil {
		if j.arp, err = arp.Open(stamp.NewClock(stamp.System)); err != nil {
			return found, err
		}
	}
	link := arp.Link{Index: way.Index, Name: way.Interface, HardwareAddr: way.HardwareAddr}
	requests := 0
	found, err = j.arp.Lookup(j.ctx, link, way.Source, way.NextHop, func(e arp.Event) {
		if e.Out {
			requests++
		}
		a.happened(arpEvent(e, requests))
	})
	switch {
	case j.ctx.Err() != nil:
		a.fail(probe.Interrupted, nil)
	case errors.Is(err, arp.ErrTimeout):
		a.happened(probe.Event{Kind: probe.ARPSilence, At: stamp.Stamp{User: j.clock.Now()},
			ARP: &probe.ARPPacket{Interface: way.Interface, Address: way.NextHop}})
		a.fail(probe.ARPTimeout, err)
	}
	return found, err
}

// watch makes the wire see the connection from the guard's port, beside those under way.
func (j *journey) watch(path rawip.Path, guard *rawip.Guard) error {
	if err := j.wire.Prepare(path); err != nil {
		return err
	}
	j.guards[guard.Local()] = guard
	err := j.wire.Watch(j.watched()...)
	if err != nil {
		delete(j.guards, guard.Local())
	}
	return err
}

// release gives up the port of a handshake that has ended.
func (j *journey) release(local netip.AddrPort) {
	j.guards[local].Close()
	delete(j.guards, local)
	j.wire.Watch(j.watched()...)
}

func (j *journey) watched() []netip.AddrPort {
	var locals []netip.AddrPort
	for local := range j.guards {
		locals = append(locals, local)
	}
	return locals
}

// noteConflicts adds what has come to light about the next hop since its MAC was found.
func (j *journey) noteConflicts(a *attempt) {
	if j.arp == nil {
		return
	}
	late, err := j.arp.Conflicts()
	if err != nil {
		return // the probe is over, and nothing depends on it
	}
	for _, e := range late {
		finding := probe.ARPConflict
		if e.Verdict == arp.AddressConflict {
			finding = probe.AddressConflict
		}
		if !slices.Contains(a.Findings, finding) {
			a.Findings = append(a.Findings, finding)
		}
	}
}

// outcomeOf returns the outcome of an attempt that found no route or no port.
func outcomeOf(err error) probe.Outcome {
	for _, noRoute := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL} {
		var e *route.Error
		if errors.As(err, &e) && errors.Is(err, noRoute) {
			return probe.NoRoute
		}
	}
	return probe.LocalError
}

// random returns 32 bits that nobody can foresee.
func random() uint32 {
	var b [4]byte
	rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint32(b[:])
}

// identification returns the Identification of a flow's first datagram. The flow counts on from there, and must not come
// to 0, in whose place the kernel's IP would put a number of its own.
func identification() uint16 {
	return uint16(1 + random()%0xf000)
}
