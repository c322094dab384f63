package prober

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// nextHop fills in the MAC that frames are to be sent to, as far as it is known, and says whether the link has to be asked
// for it.
func (w *worker) nextHop(a *attempt, path *rawip.Path) (ask bool, err error) {
	hop := &probe.NextHop{Source: "not_needed", Address: a.way.NextHop}
	if path.Link {
		if err := a.way.TakesFrames(); err != nil {
			return false, fmt.Errorf("it needs --send ip: %w", err)
		}
		switch {
		case a.way.Neighbor.Permanent:
			hop.Source, hop.MAC = "permanent", a.way.Neighbor.HardwareAddr
			path.NextHop = hop.MAC
		case a.way.AsksForMAC() && w.prober.options.Rehearse:
			return true, nil
		case a.way.AsksForMAC():
			return !w.known(a, path), nil // where it is known, it did not happen this time
		}
	}
	a.result.NextHop = hop
	return false, nil
}

// known fills in the MAC of the attempt's next hop, if the link was asked before.
func (w *worker) known(a *attempt, path *rawip.Path) bool {
	known, ok := w.prober.neighbors.Known(hopOf(a.way))
	if ok {
		path.NextHop = known.MAC
		a.noteNextHop(known)
	}
	return ok
}

// nextHopAgain returns where a SYN goes that is sent again: to where the next hop is by now, of which the link is asked.
func (w *worker) nextHopAgain(a *attempt) [6]byte {
	finder := w.prober.neighbors
	if finder == nil {
		return a.flow.Path.NextHop // which the kernel knows for good
	}
	finder.Verify(hopOf(a.way))
	if known, ok := finder.Known(hopOf(a.way)); ok {
		return known.MAC
	}
	return a.flow.Path.NextHop
}

// question is that for an attempt's next hop.
type question struct {
	attempt  *attempt
	requests int
}

// ask asks the link for the attempt's next hop. Then the attempt is ready, or has ended.
func (w *worker) ask(ctx context.Context, a *attempt) {
	w.parked++
	q := &question{attempt: a}
	a.asks = q
	w.prober.neighbors.Find(linkOf(a.way), a.way.Source, a.way.NextHop, func(e neighbor.Event) {
		w.post(func() { q.happened(e) })
	}, func(found neighbor.Result, err error) {
		w.post(func() {
			w.parked--
			w.answered(ctx, q, found, err)
		})
	})
}

// protocol returns by which the link is asked: "arp" or "ndp".
func (q *question) protocol() string {
	if q.attempt.way.NextHop.Is6() {
		return "ndp"
	}
	return "arp"
}

func (q *question) happened(e neighbor.Event) {
	if e.Out {
		q.requests++
	}
	q.attempt.happened(neighborEvent(e))
	q.attempt.noteConflict(e)
}

// answered takes the answer of the link, or notes that there is none.
func (w *worker) answered(ctx context.Context, q *question, found neighbor.Result, err error) {
	a := q.attempt
	a.asks = nil
	if q.requests > 0 || err != nil {
		hop := nextHop(a.way.NextHop, found)
		a.result.NextHop = &hop
	}
	switch {
	case err == nil:
		a.flow.Path.NextHop = found.MAC
		a.noteNextHop(found.Entry)
		w.isReady(a)
		return
	case ctx.Err() != nil:
		a.fail(probe.OutcomeInterrupted, nil)
	case errors.Is(err, neighbor.ErrTimeout):
		w.silent(a, err)
	}
	w.abandon(a, err)
}

// silent ends an attempt whose next hop nobody answers for.
func (w *worker) silent(a *attempt, err error) {
	a.happened(probe.Event{Kind: probe.EventNeighborSilence, At: stamp.Stamp{User: w.clock.Now()},
		Neighbor: &probe.NeighborPacket{Interface: a.way.Interface, Address: a.way.NextHop}})
	outcome := probe.OutcomeARPTimeout
	if a.way.NextHop.Is6() {
		outcome = probe.OutcomeNDPTimeout
	}
	a.result.Outcome, a.result.Err, a.result.TCP = outcome, err, nil
}

// nobodyAnswered returns the error of a next hop that was asked for in vain.
func nobodyAnswered(way route.Route) error {
	return &neighbor.Error{
		Protocol: probe.NeighborPacket{Address: way.NextHop}.Protocol(), Target: way.NextHop, Interface: way.Interface, Err: neighbor.ErrTimeout,
	}
}

// silentToKernel ends an attempt for whose next hop nobody answers the kernel.
func (w *worker) silentToKernel(a *attempt) {
	w.silent(a, nobodyAnswered(a.way))
	a.result.NextHop = &probe.NextHop{Source: "kernel", Address: a.way.NextHop}
}

// unsent reports whether the SYNs of an attempt never left, although the kernel took them: its IP holds them back while it asks
// for the next hop, and drops them when nobody answers. Nobody saw the first one leave then.
func (w *worker) unsent(a *attempt) bool {
	if a.flow.Path.Link || !a.way.AsksForMAC() || !a.result.TCP.States[0].At.Kernel.IsZero() {
		return false
	}
	entry, err := w.routes.Neighbor(a.way.Index, a.way.NextHop)
	return err == nil && entry.State.Unresolved()
}

// noteConflicts adds what has come to light about next hops since their MACs were found.
func (w *worker) noteConflicts(a *attempt) {
	if finder := w.prober.neighbors; finder != nil {
		for _, e := range finder.Conflicts() {
			a.noteConflict(e)
		}
	}
}

// byFamily returns the finding for an address: that about ARP, or that about NDP.
func byFamily(a netip.Addr, ofARP, ofNDP probe.Finding) probe.Finding {
	if a.Is6() {
		return ofNDP
	}
	return ofARP
}

// noteConflict adds what a packet says about whose an address is, if it contradicts another.
func (a *attempt) noteConflict(e neighbor.Event) {
	switch e.Verdict {
	case neighbor.Conflict:
		a.find(byFamily(e.Address, probe.FindingARPConflict, probe.FindingNDPConflict))
	case neighbor.Moved:
		a.find(probe.FindingNextHopMoved)
	case neighbor.AddressConflict:
		a.find(probe.FindingAddressConflict)
	}
}

// noteNextHop adds what is odd about the next hop's MAC.
func (a *attempt) noteNextHop(e neighbor.Entry) {
	if e.Source == "kernel" {
		a.find(byFamily(a.way.NextHop, probe.FindingARPUnanswered, probe.FindingNDPUnanswered))
	}
	switch {
	case e.MAC == a.way.HardwareAddr:
		a.find(probe.FindingNextHopOwnMAC)
	case e.IsGroup():
		a.find(probe.FindingNextHopGroupMAC)
	}
}

// hopOf returns whom datagrams of the route are delivered to.
func hopOf(way route.Route) neighbor.Hop { return neighbor.Hop{Index: way.Index, Address: way.NextHop} }

// linkOf returns the interface that datagrams of the route leave through.
func linkOf(way route.Route) neighbor.Link {
	return neighbor.Link{Index: way.Index, Name: way.Interface, HardwareAddr: way.HardwareAddr}
}
