//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/urfave/cli/v2"

	"tcpprobe/arp"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// rehearse builds and explains the packets that a probe would begin with, up to the first that needs an answer to go on:
// the query for a name, or else the ARP request and the SYN. It asks the kernel for the route, and sends nothing.
func rehearse(c *cli.Context, o options, targets []target) error {
	j, err := openJourney(c.Context, o)
	if err != nil {
		return &exitError{exitSystem, err}
	}
	defer j.close()
	style := styleOf(c.App.Writer, o)
	for _, t := range targets {
		lesson := &lessonView{w: c.App.Writer, style: style, checksums: o.checksums}
		a := j.newAttempt(t, 1, lesson.event)
		if err := j.rehearse(a); err != nil {
			return &exitError{exitCode(a.Result), fmt.Errorf("%s: %w", report.Printable(t.text), err)}
		}
		fmt.Fprintf(c.App.Writer, "DRY_RUN  %s  nothing was sent\n", report.Printable(t.text))
	}
	return nil
}

// rehearse is what rehearse does for one target.
func (j *journey) rehearse(a *attempt) error {
	now := stamp.Stamp{User: j.clock.Now()}
	address, known := lookUpHere(a.Host)
	if !known {
		return j.rehearseQuery(a, now)
	}
	remote := netip.AddrPortFrom(address, a.Port)
	way, guard, err := j.reserve(remote)
	if err != nil {
		a.fail(outcomeOf(err), err)
		return err
	}
	defer guard.Close()
	path := j.take(a, way)
	if path.Link && way.UsesARP() {
		path.NextHop = way.Neighbor.HardwareAddr
		request := arp.Packet{Operation: arp.Request, SenderHA: way.HardwareAddr, SenderPA: way.Source, TargetPA: way.NextHop}
		if !way.Neighbor.Permanent {
			a.happened(arpEvent(arp.Event{
				Link: arp.Link{Index: way.Index, Name: way.Interface, HardwareAddr: way.HardwareAddr},
				Out:  true, Packet: request, At: now,
			}, 1))
		}
	}
	syn, err := probe.Rehearse(j.flow(a, way, path, guard, remote), now.User)
	if err != nil {
		a.fail(probe.LocalError, err)
		return err
	}
	a.happened(syn)
	return nil
}

// rehearseQuery builds the query for the address of the attempt's host.
func (j *journey) rehearseQuery(a *attempt, now stamp.Stamp) error {
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) && !j.o.dns.IsValid() {
		a.fail(probe.DNSError, &resolver.Error{Kind: resolver.BadConfig, Name: a.Host, Err: err})
		return err
	}
	config := resolver.ParseConfig(text)
	name := config.Candidates(a.Host)[0]
	query, err := resolver.AppendQuery(nil, uint16(random()), name, true)
	if err != nil {
		a.fail(probe.DNSError, err)
		return err
	}
	server := config.Servers[0]
	if j.o.dns.IsValid() {
		server = j.o.dns
	}
	a.happened(probe.Event{Kind: probe.DNSQuery, At: now, Octets: query, DNS: &probe.DNSMessage{
		Server: server, Transport: resolver.UDP.String(), Name: name, Attempt: 1,
	}})
	return nil
}

// lookUpHere returns the address of a host if it takes no packet to find it.
func lookUpHere(host string) (netip.Addr, bool) {
	if address, err := netip.ParseAddr(host); err == nil {
		return address, true
	}
	text, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return netip.Addr{}, false
	}
	if addresses := resolver.ParseHosts(text).Lookup(host); len(addresses) > 0 {
		return addresses[0], true
	}
	return netip.Addr{}, false
}
