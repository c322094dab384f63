//go:build linux

package cli

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/route"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
	"tcpprobe/tcphdr"
)

// journey takes targets from name to address, from address to next hop, from next hop to MAC, and then lets the engine
// make the handshakes. It is for one goroutine; what it shares with others is behind the pointers of shared.
type journey struct {
	*shared
	clock    *stamp.Clock
	resolver *resolver.Resolver
	wire     *rawip.Wire
	routes   *route.Cache
	guards   map[netip.AddrPort]*rawip.Guard // of the handshakes under way
}

// shared is what all journeys of a run have in common.
type shared struct {
	ctx       context.Context
	o         options
	stamping  *socket.Stamping
	neighbors *neighbor.Finder // nil where no frames are sent
	names     *names
}

// stampingDelay is how long to wait at the most until the kernel stamps packets. It takes well below a millisecond, unless the
// processors are busy.
const stampingDelay = 20 * time.Millisecond

// share opens what journeys share.
func share(ctx context.Context, o options) (*shared, error) {
	stamping, err := socket.StartStamping()
	if err != nil {
		return nil, err
	}
	s := &shared{ctx: ctx, o: o, stamping: stamping, names: newNames(ctx, o)}
	if !o.dryRun && o.send != "ip" {
		if s.neighbors, err = neighbor.Open(ctx); err != nil {
			return nil, errors.Join(err, stamping.Close())
		}
	}
	stamping.Wait(stampingDelay)
	return s, nil
}

// openJourney opens what every target needs.
func openJourney(ctx context.Context, o options) (*journey, error) {
	s, err := share(ctx, o)
	if err != nil {
		return nil, err
	}
	j, err := s.journey(rawip.WireOptions{Interface: o.iface, Mark: o.mark})
	if err != nil {
		return nil, errors.Join(err, closeJourneys(s))
	}
	return j, nil
}

// journey opens one of several.
func (s *shared) journey(w rawip.WireOptions) (*journey, error) {
	routes, err := route.OpenCache()
	if err != nil {
		return nil, err
	}
	wire, err := rawip.OpenWire(s.ctx, w)
	if err != nil {
		return nil, errors.Join(err, routes.Close())
	}
	return &journey{
		shared: s, wire: wire, routes: routes,
		clock:    stamp.NewClock(stamp.System),
		resolver: newResolver(s.o, s.names.files),
		guards:   make(map[netip.AddrPort]*rawip.Guard),
	}, nil
}

// close closes the journey, as the only one there is.
func (j *journey) close() error { return closeJourneys(j.shared, j) }

// closeJourneys closes journeys side by side, and what they share.
func closeJourneys(s *shared, journeys ...*journey) error {
	closers := []io.Closer{s.stamping}
	if s.neighbors != nil {
		closers = append(closers, s.neighbors)
	}
	for _, j := range journeys {
		for _, g := range j.guards {
			g.Close()
		}
		closers = append(closers, j.wire, j.routes)
	}
	return closeAll(closers...)
}

// attempt is one handshake on its way to a result.
type attempt struct {
	*probe.Result
	observe func(*probe.Result, *probe.Event)

	// On a lane:
	course *course
	flow   *probe.Flow // once everything is known that it takes
	way    route.Route
	terse  bool       // nobody wants to know the events
	spare  *probe.TCP // memory for the next result
}

// renew makes it an attempt of which nothing is known yet, and keeps its memory.
func (a *attempt) renew(t target.Target, seq int) {
	if a.TCP != nil {
		a.spare = a.TCP
	}
	r := a.Result
	*r = probe.Result{Target: t.Text, Host: t.Host, Port: t.Port, Seq: seq, Findings: r.Findings[:0], ICMP: r.ICMP[:0]}
}

// embark gives the handshake's result its memory.
func (a *attempt) embark() { a.TCP = a.spare }

// literal takes note that the host is an address.
func (a *attempt) literal(t target.Target) {
	if !a.terse {
		a.DNS = &probe.DNS{Source: "literal", Name: t.Host, Addresses: []netip.Addr{t.Address}}
	}
}

// happened adds an event to the result, and shows it. The first is where its time begins.
func (a *attempt) happened(e probe.Event) {
	a.begin(e.At)
	if a.terse {
		return
	}
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

func (j *journey) newAttempt(t target.Target, seq int, observe func(*probe.Result, *probe.Event)) *attempt {
	return &attempt{Result: &probe.Result{Target: t.Text, Host: t.Host, Port: t.Port, Seq: seq, Time: time.Now()}, observe: observe}
}

// resolve finds the addresses of the attempt's host, and waits for them.
func (j *journey) resolve(a *attempt) []netip.Addr {
	found, err := j.resolver.Lookup(j.ctx, a.Host, func(e resolver.Event) { a.happened(dnsEvent(e)) })
	return j.judge(a, found, err)
}

// judge takes what was found of the attempt's host, and returns the addresses to probe: none if the attempt is over.
func (j *journey) judge(a *attempt, found resolver.Result, err error) (addresses []netip.Addr) {
	a.DNS = dnsResult(found)
	if found.Damage != nil {
		a.Findings = append(a.Findings, probe.FindingDNSAnswerDamaged)
	}
	if err == nil {
		addresses, err = probeable(found)
	}
	switch {
	case j.ctx.Err() != nil:
		a.fail(probe.OutcomeInterrupted, nil)
	case err != nil:
		a.fail(probe.OutcomeDNSError, err)
	default:
		return addresses
	}
	return nil
}

// probeable returns those of the addresses that were found that are a single host's. That there is none is an error.
func probeable(found resolver.Result) ([]netip.Addr, error) {
	var addresses []netip.Addr
	var wrong error
	for _, address := range found.Addresses {
		if err := target.CheckUnicast(address); err == nil {
			addresses = append(addresses, address)
		} else if wrong == nil {
			wrong = fmt.Errorf("%s resolves to an address that cannot be probed: %w", found.Name, err)
		}
	}
	if len(addresses) > 0 {
		return addresses, nil
	}
	return nil, wrong
}

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
		if a.Outcome == probe.OutcomePending {
			a.fail(probe.OutcomeLocalError, err)
		}
		return nil, err
	}
	return j.flow(a, way, path, guard, remote), nil
}

// take makes a route the attempt's, and returns the path that its datagrams take, as yet without the next hop's MAC.
func (j *journey) take(a *attempt, way route.Route) rawip.Path {
	a.Route = &probe.Route{
		Interface: way.Interface, MAC: way.HardwareAddr, Source: way.Source,
		NextHop: way.NextHop, OnLink: way.OnLink, MTU: way.MTU, LinkMTU: way.LinkMTU,
	}
	a.happened(probe.Event{Kind: probe.EventRouteFound, At: stamp.Stamp{User: j.clock.Now()}, Route: a.Route})
	link := j.o.send == "link" || j.o.send == "auto" && way.UsesARP()
	return rawip.Path{Interface: way.Index, MAC: way.HardwareAddr, Link: link}
}

// flow returns the handshake that the flags ask for, over the path and from the guard's port.
func (j *journey) flow(a *attempt, way route.Route, path rawip.Path, guard *rawip.Guard, remote netip.AddrPort) *probe.Flow {
	return &probe.Flow{
		Local: guard.Local(), Remote: remote, Path: path,
		TTL: j.o.ttl, TOS: j.o.tos, ID: identification(),
		Handshake: j.config(way, guard, remote),
		Result:    a.Result, Record: true,
		Observe: func(e *probe.Event) {
			a.begin(e.At)
			if a.observe != nil {
				a.observe(a.Result, e)
			}
		},
	}
}

// config returns what the flags ask for of a handshake.
func (j *journey) config(way route.Route, guard *rawip.Guard, remote netip.AddrPort) probe.Config {
	config := j.o.handshake
	config.LocalPort, config.RemotePort = guard.Local().Port(), remote.Port()
	config.ISS, config.TimestampBase = tcphdr.SeqNum(random()), random()
	if config.MSS == 0 {
		const longest = 65535 // of a datagram: the loopback interface would carry more
		config.MSS = uint16(max(min(way.LinkMTU, longest)-40, 1))
	}
	return config
}

// reserve asks for the route of a flow with a source port of its own, and reserves the port.
func (j *journey) reserve(remote netip.AddrPort) (route.Route, *rawip.Guard, error) {
	const tries = 100
	for i := 1; ; i++ {
		port := j.o.sourcePort
		if port == 0 {
			port = rawip.EphemeralPort()
		}
		way, err := j.routeFrom(port, remote)
		if err != nil {
			return route.Route{}, nil, err
		}
		local := netip.AddrPortFrom(way.Source, port)
		if local == remote {
			if j.o.sourcePort != 0 {
				return route.Route{}, nil, sameEnds(local)
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

// sameEnds is the error for a connection of an address and port with itself.
func sameEnds(local netip.AddrPort) error { return fmt.Errorf("source and target are both %v", local) }

// routeFrom asks for the route of a flow from a source port.
func (j *journey) routeFrom(port uint16, remote netip.AddrPort) (route.Route, error) {
	flow := route.Flow{
		Dst: remote.Addr(), Src: j.o.source, SrcPort: port, DstPort: remote.Port(), Protocol: rawip.ProtocolTCP,
		Interface: j.o.iface, Mark: j.o.mark,
	}
	way, err := j.routes.Lookup(flow, j.clock.Now())
	if err != nil {
		return route.Route{}, err
	}
	// RFC 1122 3.2.1.3: such addresses must not appear outside of a host.
	if flow.Dst.IsLoopback() && !way.Loopback {
		reason := fmt.Sprintf("%v is this host itself: nothing for it may leave through %s", flow.Dst, way.Interface)
		return route.Route{}, &route.Error{Flow: flow, Reason: reason, Err: unix.ENETUNREACH}
	}
	return way, nil
}

// findNextHop finds the MAC that frames are to be sent to, if they are sent on a link that has any, and waits for it.
func (j *journey) findNextHop(a *attempt, way route.Route, path *rawip.Path) error {
	ask, err := j.nextHop(a, way, path)
	if !ask {
		return err
	}
	type end struct {
		found neighbor.Result
		err   error
	}
	const room = 128 // more than a lookup has events
	events, ended := make(chan neighbor.Event, room), make(chan end, 1)
	j.neighbors.Find(linkOf(way), way.Source, way.NextHop,
		func(e neighbor.Event) { events <- e }, func(r neighbor.Result, err error) { ended <- end{r, err} })
	asking := asking{attempt: a, way: way}
	for {
		select {
		case e := <-events:
			asking.happened(e)
		case end := <-ended:
			for len(events) > 0 {
				asking.happened(<-events)
			}
			return j.arrive(&asking, end.found, end.err, path)
		}
	}
}

// nextHop fills in the MAC that frames are to be sent to, as far as it is known, and says whether the link has to be asked
// for it.
func (j *journey) nextHop(a *attempt, way route.Route, path *rawip.Path) (ask bool, err error) {
	if !path.Link {
		a.NextHop = &probe.NextHop{Source: "not_needed", Address: way.NextHop}
		return false, nil
	}
	if err := takesFrames(way); err != nil {
		return false, err
	}
	if !way.UsesARP() {
		a.NextHop = &probe.NextHop{Source: "not_needed", Address: way.NextHop}
		return false, nil
	}
	if way.Neighbor.Permanent {
		a.NextHop = &probe.NextHop{Source: "permanent", Address: way.NextHop, MAC: way.Neighbor.HardwareAddr}
		path.NextHop = way.Neighbor.HardwareAddr
		return false, nil
	}
	if known, ok := j.neighbors.Known(hopOf(way)); ok {
		path.NextHop = known.MAC
		a.NextHop = nil // it did not happen this time
		a.noteNextHop(known, way)
		return false, nil
	}
	return true, nil
}

// asking is the question for an attempt's next hop.
type asking struct {
	*attempt
	way      route.Route
	requests int
}

func (a *asking) happened(e neighbor.Event) {
	a.requests = e.Attempt
	a.attempt.happened(arpEvent(e))
	a.noteConflict(e)
}

// hopOf returns whom datagrams of the route are delivered to.
func hopOf(way route.Route) neighbor.Hop { return neighbor.Hop{Index: way.Index, Address: way.NextHop} }

// linkOf returns the interface that datagrams of the route leave through.
func linkOf(way route.Route) neighbor.Link {
	return neighbor.Link{Index: way.Index, Name: way.Interface, HardwareAddr: way.HardwareAddr}
}

// arrive takes the answer of the link, or notes that there is none.
func (j *journey) arrive(a *asking, found neighbor.Result, err error, path *rawip.Path) error {
	if a.requests > 0 || err != nil {
		hop := nextHop(a.way.NextHop, found)
		a.NextHop = &hop
	}
	switch {
	case err == nil:
		path.NextHop = found.MAC
		a.noteNextHop(found.Entry, a.way)
	case j.ctx.Err() != nil:
		a.fail(probe.OutcomeInterrupted, nil)
	case errors.Is(err, neighbor.ErrTimeout):
		a.attempt.happened(probe.Event{Kind: probe.EventARPSilence, At: stamp.Stamp{User: j.clock.Now()},
			ARP: &probe.ARPPacket{Interface: a.way.Interface, Address: a.way.NextHop}})
		a.fail(probe.OutcomeARPTimeout, err)
	}
	return err
}

// takesFrames returns an error if a frame of ours would go nowhere on the route's interface.
func takesFrames(way route.Route) error {
	if way.Loopback {
		return fmt.Errorf("it needs --send ip: %s takes no frames from outside of the kernel", way.Interface)
	}
	return nil
}

// watch makes the wire see the connection from the guard's port, beside those under way.
func (j *journey) watch(path rawip.Path, guard *rawip.Guard) error {
	if err := j.wire.Prepare(path); err != nil {
		return err
	}
	return j.guard(guard)
}

// guard makes the wire see the connections from a guard's port.
func (j *journey) guard(guard *rawip.Guard) error {
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
	if j.neighbors == nil {
		return
	}
	for _, e := range j.neighbors.Conflicts() {
		a.noteConflict(e)
	}
}

// noteConflict adds what an ARP packet says about whose an address is, if it contradicts another.
func (a *attempt) noteConflict(e neighbor.Event) {
	var finding probe.Finding
	switch e.Verdict {
	case neighbor.Conflict:
		finding = probe.FindingARPConflict
	case neighbor.Moved:
		finding = probe.FindingNextHopMoved
	case neighbor.AddressConflict:
		finding = probe.FindingAddressConflict
	default:
		return
	}
	a.find(finding)
}

// noteNextHop adds what is odd about the next hop's MAC.
func (a *attempt) noteNextHop(e neighbor.Entry, way route.Route) {
	if e.Source == "kernel" {
		a.find(probe.FindingARPUnanswered)
	}
	switch {
	case e.MAC == way.HardwareAddr:
		a.find(probe.FindingNextHopOwnMAC)
	case e.IsGroup():
		a.find(probe.FindingNextHopGroupMAC)
	}
}

// find adds a finding, once.
func (a *attempt) find(f probe.Finding) {
	if !slices.Contains(a.Findings, f) {
		a.Findings = append(a.Findings, f)
	}
}

// outcomeOf returns the outcome of an attempt that found no route or no port.
func outcomeOf(err error) probe.Outcome {
	for _, noRoute := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL} {
		var e *route.Error
		if errors.As(err, &e) && errors.Is(err, noRoute) {
			return probe.OutcomeNoRoute
		}
	}
	return probe.OutcomeLocalError
}

// random returns 32 bits that nobody can foresee.
func random() uint32 {
	randomness.Lock()
	defer randomness.Unlock()
	if len(randomness.left) == 0 {
		rand.Read(randomness.octets[:]) // it never fails
		randomness.left = randomness.octets[:]
	}
	n := binary.BigEndian.Uint32(randomness.left)
	clear(randomness.left[:4])
	randomness.left = randomness.left[4:]
	return n
}

// randomness is a stock of it, since asking the system for it takes its time.
var randomness struct {
	sync.Mutex
	octets [1024]byte
	left   []byte
}

// identification returns the Identification of a flow's first datagram. The flow counts on from there, and must not come
// to 0, in whose place the kernel's IP would put a number of its own.
func identification() uint16 {
	return uint16(1 + random()%0xf000)
}
