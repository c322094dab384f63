//go:build linux

package cli

import (
	"fmt"
	"net/netip"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// rehearse builds and explains the packets that a probe would begin with, up to the first that needs an answer to go on:
// the query for a name, or else the ARP request and the SYN. It asks the kernel for the route, and sends nothing.
func rehearse(c *cli.Context, o options, all *target.List) error {
	j, err := openJourney(c.Context, o)
	if err != nil {
		return exit.With(exit.System, err)
	}
	defer j.close()
	style := styleOf(c.App.Writer, o)
	for t, ok := all.Next(); ok; t, ok = all.Next() {
		lesson := &lessonView{w: c.App.Writer, style: style, checksums: o.checksums}
		a := j.newAttempt(t, 1, lesson.event)
		if err := j.rehearse(a); err != nil {
			return exit.With(exit.CodeOf(a.Result), fmt.Errorf("%s: %w", text.Printable(t.Text), err))
		}
		fmt.Fprintf(c.App.Writer, "DRY_RUN  %s  nothing was sent\n", text.Printable(t.Text))
	}
	return all.Close()
}

// rehearse is what rehearse does for one target.
func (j *journey) rehearse(a *attempt) error {
	now := stamp.Stamp{User: j.clock.Now()}
	var addresses []netip.Addr
	found, query, err := j.resolver.Rehearse(j.ctx, a.Host)
	switch {
	case query != nil:
		a.happened(dnsEvent(*query))
		return nil
	case err == nil:
		addresses, err = probeable(found)
	}
	if err != nil {
		a.fail(probe.OutcomeDNSError, err)
		return err
	}
	remote := netip.AddrPortFrom(addresses[0], a.Port)
	way, guard, err := j.reserve(remote)
	if err != nil {
		a.fail(outcomeOf(err), err)
		return err
	}
	defer guard.Close()
	path := j.take(a, way)
	if path.Link {
		if err := takesFrames(way); err != nil {
			a.fail(probe.OutcomeLocalError, err)
			return err
		}
	}
	if path.Link && way.UsesARP() {
		path.NextHop = way.Neighbor.HardwareAddr
		if !way.Neighbor.Permanent {
			request, err := neighbor.Rehearse(linkOf(way), way.Source, way.NextHop, now)
			if err != nil {
				a.fail(probe.OutcomeLocalError, err)
				return err
			}
			a.happened(arpEvent(request))
		}
	}
	syn, err := probe.Rehearse(j.flow(a, way, path, guard, remote), now.User)
	if err != nil {
		a.fail(probe.OutcomeLocalError, err)
		return err
	}
	a.happened(syn)
	return nil
}
