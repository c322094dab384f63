package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tcpprobe/internal/netlab"
)

// What exporters are measured with.
const (
	watched      = 1000             // targets, one handshake a second each
	watchedMany  = 10_000           // targets, whose metrics are scraped
	clients      = 1200             // of an overload: more than probes may be under way, less than connections
	serveFor     = 30 * time.Second // of each run
	warmUp       = 5 * time.Second  // before each: connections, caches, the first handshakes
	serveAddress = "127.0.0.1:9980"
)

// A servePart is what is measured of exporters in one go: each takes a few minutes.
type servePart struct {
	name    string
	measure func(s *sweeper, rounds int) (text string, err error)
}

var serveParts = []servePart{{"probes", (*sweeper).compared}, {"overload", (*sweeper).overload}, {"scrape", (*sweeper).scrape}}

// serving measures tcpprobe as an exporter, or one part of that, and writes the parts of the report.
func serving(part, output string, rounds int) error {
	parts := serveParts
	if part != "" {
		parts = slices.DeleteFunc(slices.Clone(parts), func(p servePart) bool { return p.name != part })
	}
	if len(parts) == 0 {
		return fmt.Errorf("serve %s: one of probes, overload and scrape is wanted", part)
	}
	scratch, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	s := sweeper{scratch: scratch, program: filepath.Join(scratch, "tcpprobe")}
	if err := buildStatic(s.program); err != nil {
		return err
	}
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer lab.Close()
	if err := s.network(lab); err != nil {
		return err
	}
	if err := s.files(); err != nil {
		return err
	}
	for _, p := range parts {
		text, err := p.measure(&s, rounds)
		if err != nil {
			return err
		}
		fmt.Print(text)
		if err := replaceSection(output, "serve "+p.name, text); err != nil {
			return err
		}
	}
	return nil
}

// compared measures what a handshake costs, side by side with the blackbox exporter.
func (s *sweeper) compared(rounds int) (string, error) {
	var f served
	for range rounds {
		for _, measure := range []func(*served) error{s.blackbox, s.probes, s.continuousIP, s.continuousLink} {
			if err := measure(&f); err != nil {
				return "", err
			}
		}
	}
	return f.report(time.Now()), nil
}

// A cost is what a run came to.
type cost struct {
	handshakes, failed int
	cpu                time.Duration
	idle, peak         int64  // resident memory, KiB: before the first request, and at the most
	latency            sample // of requests
}

// each returns what a handshake costs that came about: a request that found no room costs little, and is worth nothing.
func (c cost) each() time.Duration { return c.cpu / time.Duration(max(1, c.handshakes-c.failed)) }

// blackbox has the blackbox exporter probe each target each second.
func (s *sweeper) blackbox(f *served) error {
	const modules = "modules:\n  tcp_connect:\n    prober: tcp\n    timeout: 5s\n    tcp:\n      preferred_ip_protocol: ip4\n"
	if err := os.WriteFile(s.file("blackbox.yml"), []byte(modules), 0o600); err != nil {
		return err
	}
	c, err := s.asked("tcp_connect", exporter, "prometheus-blackbox-exporter", "--config.file="+s.file("blackbox.yml"),
		"--web.listen-address="+exporter, "--log.level=error")
	f.blackbox = append(f.blackbox, c)
	return err
}

// probes has tcpprobe probe each target each second, when it is asked.
func (s *sweeper) probes(f *served) error {
	c, err := s.asked("tcp_handshake", serveAddress, s.program, "serve", "--listen", serveAddress)
	f.probes = append(f.probes, c)
	return err
}

// asked starts an exporter, and asks it for each target each second.
func (s *sweeper) asked(module, address string, args ...string) (cost, error) {
	e, err := s.start(address, args...)
	if err != nil {
		return cost{}, err
	}
	defer e.stop()
	var c cost
	c.idle = resident(e.Process.Pid)
	l := newAsker(e, module)
	defer l.close()
	if warm := l.paced(watched, watched, warmUp); warm.up == 0 {
		return cost{}, fmt.Errorf("%s: no probe succeeded: %s", args[0], warm.example)
	}
	before, err := e.cpu()
	if err != nil {
		return cost{}, err
	}
	a := l.paced(watched, watched, serveFor)
	after, err := e.cpu()
	if err != nil {
		return cost{}, err
	}
	c.handshakes, c.failed, c.latency = a.requests(), a.requests()-a.up, a.latency
	c.cpu, c.peak = after-before, highWater(e.Process.Pid)
	return c, nil
}

// continuousIP has tcpprobe watch all targets by itself, by the kernel's IP.
func (s *sweeper) continuousIP(f *served) error {
	c, err := s.continuous("tcp_handshake")
	f.continuous = append(f.continuous, c)
	return err
}

// continuousLink has tcpprobe watch all targets by itself, in frames.
func (s *sweeper) continuousLink(f *served) error {
	c, err := s.continuous("tcp_wire")
	f.inFrames = append(f.inFrames, c)
	return err
}

// continuous has tcpprobe watch all targets by itself, each as a module says.
func (s *sweeper) continuous(module string) (cost, error) {
	e, err := s.watching(module, "1s", watched)
	if err != nil {
		return cost{}, err
	}
	defer e.stop()
	c := cost{idle: resident(e.Process.Pid)}
	time.Sleep(warmUp)
	before, err := e.cpu()
	if err != nil {
		return cost{}, err
	}
	first, failed, err := e.counted()
	if err != nil {
		return cost{}, err
	}
	time.Sleep(serveFor)
	// Asking costs something too, so the processor's time is read first.
	after, err := e.cpu()
	if err != nil {
		return cost{}, err
	}
	last, failedLast, err := e.counted()
	if err != nil {
		return cost{}, err
	}
	c.handshakes, c.failed, c.cpu, c.peak = last-first, failedLast-failed, after-before, highWater(e.Process.Pid)
	return c, nil
}
