package prober

import (
	"context"
	"errors"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// errRehearsed ends an attempt of which everything was shown that can be known without an answer.
var errRehearsed = errors.New("nothing more is known without an answer")

// rehearseLookup is a lookup that sends nothing: it shows the first query.
func rehearseLookup(ctx context.Context, r *resolver.Resolver, host string, observe func(resolver.Event)) (resolver.Result, error) {
	found, query, err := r.Rehearse(ctx, host)
	if query != nil {
		observe(*query)
		return found, errRehearsed
	}
	return found, err
}

// rehearse shows the packets of an attempt that would be sent: the request for its next hop, if the link were to be asked,
// and the SYN.
func (w *worker) rehearse(a *attempt, ask bool) error {
	now := w.clock.Now()
	if ask {
		request, err := neighbor.Rehearse(linkOf(a.way), a.way.Source, a.way.NextHop, stamp.Stamp{User: now})
		if err != nil {
			return err
		}
		a.happened(neighborEvent(request))
		a.flow.Path.NextHop = a.way.Neighbor.HardwareAddr // as far as the kernel knows
	}
	syn, err := probe.Rehearse(a.flow, now)
	if err != nil {
		return err
	}
	a.happened(syn)
	return nil
}
