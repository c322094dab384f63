package stats

import (
	"time"

	"tcpprobe/probe"
)

// phases are the longest times that what comes before and with a handshake took, of any handshake.
type phases struct {
	dns, nextHop, connect duration
}

// duration is one that may not exist.
type duration struct {
	time.Duration
	exists bool
}

// longest makes d the longer one of itself and another.
func (d *duration) longest(other time.Duration) {
	d.Duration, d.exists = max(d.Duration, other), true
}

// add takes the phases of a handshake: those that it had, and that came to an end.
func (p *phases) add(r *probe.Result) {
	if d := r.DNS; d != nil && d.Source == "dns" && d.RCode != "" {
		p.dns.longest(d.Duration)
	}
	if h := r.NextHop; h != nil && h.Attempts > 0 && h.MAC != [6]byte{} {
		p.nextHop.longest(h.Duration)
	}
	if t := r.TCP; t != nil && t.Connected {
		p.connect.longest(t.Connect)
	}
}
