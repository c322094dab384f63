package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// An overloaded is what becomes of more requests than the machine has time for.
type overloaded struct {
	capacity int // handshakes a second that it does, however many are asked for
	asked    int // requests a second
	answers
	idle, peak int64 // resident memory, KiB
}

// overload asks for four times as many handshakes a second as the machine makes.
func (s *sweeper) overload(int) (string, error) {
	e, err := s.start(serveAddress, s.program, "serve", "--listen", serveAddress)
	if err != nil {
		return "", err
	}
	defer e.stop()
	a := newAsker(e, "tcp_handshake")
	defer a.close()
	var o overloaded
	// Idle is what it takes when it has been asked for something, and has nothing to do.
	a.paced(100, watched, warmUp)
	o.idle = resident(e.Process.Pid)
	o.capacity = a.capacity(64, warmUp)
	o.asked = 4 * o.capacity
	o.peak = peak(func() int64 { return resident(e.Process.Pid) }, func() { o.answers = a.paced(o.asked, clients, serveFor/2) })
	return o.report(time.Now()), nil
}

// A scraped is what it costs to give the metrics of very many targets away.
type scraped struct {
	cpu    time.Duration // of one answer
	size   int           // of it, in octets
	memory int64         // resident, KiB
}

// watching starts tcpprobe with targets of its own.
func (s *sweeper) watching(module, interval string, targets int) (*exporterProcess, error) {
	all, err := os.ReadFile(s.file("all"))
	if err != nil {
		return nil, err
	}
	some, _ := nthLine(all, targets)
	config := fmt.Appendf(nil, "targets:\n  - module: %s\n    interval: %s\n    targets:\n", module, interval)
	for target := range strings.Lines(string(some)) {
		config = fmt.Appendf(config, "      - %s", target)
	}
	if err := os.WriteFile(s.file("serve.yml"), config, 0o644); err != nil {
		return nil, err
	}
	return s.start(serveAddress, s.program, "serve", "--listen", serveAddress, "--config", s.file("serve.yml"))
}

// scrape scrapes the metrics of very many targets. What watching them costs meanwhile is measured before, and taken off.
func (s *sweeper) scrape(int) (string, error) {
	const scrapes, pause = 10, time.Second
	e, err := s.watching("tcp_handshake", "30s", watchedMany)
	if err != nil {
		return "", err
	}
	defer e.stop()
	time.Sleep(35 * time.Second) // every target has had a handshake
	a := newAsker(e, "")
	defer a.close()
	var c scraped
	var spent [3]time.Duration
	for n := range spent {
		if spent[n], err = e.cpu(); err != nil {
			return "", err
		}
		if n == 2 {
			break
		}
		begun := time.Now()
		for i := range scrapes {
			if n == 1 {
				status, body, err := a.get(e.url + "/metrics")
				if err != nil || status != http.StatusOK {
					return "", fmt.Errorf("/metrics: status %d: %w", status, err)
				}
				c.size = len(body)
			}
			time.Sleep(time.Until(begun.Add(time.Duration(i+1) * pause)))
		}
	}
	c.cpu = max(0, (spent[2]-spent[1])-(spent[1]-spent[0])) / scrapes
	c.memory = resident(e.Process.Pid)
	return c.report(time.Now()), nil
}
