// Package explain renders a handshake as a lesson: why each packet exists, what its answer must contain, and what every
// octet of it means, with the RFC and the section in which that is written.
//
// It is a rendering of the same events as package report's, and like those a pure function of results and a
// [report.Style]. Text is at most 80 columns wide, and holds nothing of what was received or typed that is not
// printable. Octets that were cut off or make no sense are shown as they are.
package explain

import (
	"io"

	"tcpprobe/internal/report"
	"tcpprobe/probe"
)

// Lesson explains one handshake, packet by packet, as it happens.
type Lesson struct {
	page      page
	checksums bool
	begun     bool
	query     []byte // the DNS message that was sent last
	talk      conversation
	alike     bool   // a handshake of several that are alike is being explained
	model     []byte // the first SYN of those
}

// New returns a Lesson that writes to w. With checksums it shows how every checksum comes about. A style that is Quiet
// wants no lesson: then nothing is written at all.
func New(w io.Writer, s report.Style, checksums bool) *Lesson {
	return &Lesson{page: newPage(w, s), checksums: checksums}
}

// Event explains an event of the result, which may be unfinished: prose first, then the octets beside their meaning, then
// our control block as it is after the event. Events are to be given in their order. One that was built and never sent
// is explained like one that was; what it does not hold is left out.
//
// The error is the writer's.
func (l *Lesson) Event(r *probe.Result, e *probe.Event) error {
	if l.page.quiet {
		return nil
	}
	l.open()
	switch e.Kind {
	case probe.EventDNSQuery:
		l.dnsQuery(r, e)
	case probe.EventDNSAnswer:
		l.dnsAnswer(r, e)
	case probe.EventDNSSilence:
		l.dnsSilence(r, e)
	case probe.EventRouteFound:
		l.routeFound(r, e)
	case probe.EventNeighborRequest:
		l.neighborRequest(r, e)
	case probe.EventNeighborReply:
		l.neighborReply(r, e)
	case probe.EventNeighborSilence:
		l.neighborSilence(r, e)
	case probe.EventSegmentSent:
		l.segmentSent(r, e)
	case probe.EventSegmentReceived:
		l.segmentReceived(r, e)
	case probe.EventICMPReceived:
		l.icmpReceived(r, e)
	case probe.EventTCPSilence:
		l.tcpSilence(r, e)
	}
	return l.page.Flush()
}

// open says how to read the lesson, the first time.
func (l *Lesson) open() {
	if !l.begun {
		l.begun = true
		l.page.prose("Left: the offset in the packet and the octets, in hexadecimal. Right: what they mean; at the edge,",
			"the RFC and its section in which that is written.")
	}
	l.page.Line("")
}

// orZero returns what p points to, or a zero value for what did not happen.
func orZero[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}
