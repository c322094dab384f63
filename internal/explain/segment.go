package explain

import (
	"fmt"
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// segmentSent explains a segment of ours.
func (l *Lesson) segmentSent(r *probe.Result, e *probe.Event) {
	s := segmentOf(e)
	why := l.whySent(s, e)
	l.talk.sent(s, e)
	name := name(s)
	if s.Again > 0 {
		name += " again"
	}
	l.page.headline(r, e, "TCP", text.Out, name+", "+sizes(e, s))
	l.page.prose(why...)
	l.datagram(e, s, 0)
	l.controlBlock(r)
}

// segmentReceived explains a segment of the peer.
func (l *Lesson) segmentReceived(r *probe.Result, e *probe.Event) {
	s := segmentOf(e)
	means := l.whatMeans(s, e)
	l.talk.received(s)
	l.page.headline(r, e, "TCP", text.In, name(s)+", "+sizes(e, s))
	l.page.prose(means...)
	l.datagram(e, s, 1)
	l.controlBlock(r)
}

// tcpSilence explains that no answer came.
func (l *Lesson) tcpSilence(r *probe.Result, e *probe.Event) {
	l.talk.state = probe.StateClosed
	name, came := "nothing came back", ""
	if report.Heard(r) {
		name, came = "no answer in time", "What did come is no answer of the target, and proves nothing about the port."
	}
	l.page.headline(r, e, "TCP", text.Silence, name)
	waited := ""
	if len(l.talk.syns) > 0 {
		d, _ := stamp.Between(l.talk.syns[0].at, e.At)
		waited = fmt.Sprintf("%s left, and in %s no answer came that counts.", text.Count(len(l.talk.syns), "SYN"), text.Seconds(d))
	}
	l.page.prose(waited, came,
		"Silence proves nothing: the SYN or its answer was lost or is dropped by a firewall, the host is down, or its accept",
		"queue is full. A closed port would have said so by RST (RFC 9293 3.5.2), and a router that drops a datagram need not tell.",
		"The time that we wait is over, and the connection is given up (RFC 9293 3.8.3).")
	l.controlBlock(r)
}

// datagram adds the table of a segment and, if that is wanted, its checksums.
func (l *Lesson) datagram(e *probe.Event, s segment, side int) {
	t := l.newTable(e, ofDatagram(e.Octets), "cut off here: the rest of the header is missing")
	t.ours = side == 0
	t.scale = l.talk.scaleOf(side)
	if side == 1 {
		t.checksumFrom = stateOf(s.Checksum)
	}
	t.datagram(false)
	l.page.table(t)
	if l.checksums {
		l.datagramChecksums(e.Octets)
	}
}

// name returns the control bits of a segment as people write them.
func name(s segment) string {
	if !s.known {
		return "unreadable"
	}
	return s.Header.Flags.String()
}

// sizes says how many octets a packet has, and in which layers.
func sizes(e *probe.Event, s segment) string {
	n := len(e.Octets)
	var layers []string
	if e.Frame != nil {
		n += etherHeaderLen
		layers = append(layers, fmt.Sprintf("Ethernet %d", etherHeaderLen))
	}
	if s.whole {
		ip := "IPv4"
		if s.ip.Is6() {
			ip = "IPv6"
		}
		layers = append(layers, fmt.Sprintf("%s %d", ip, s.headers), fmt.Sprintf("TCP %d", tcpHeaderLen+len(s.Header.Options)))
		if s.Length > 0 {
			layers = append(layers, fmt.Sprintf("data %d", s.Length))
		}
	}
	if layers == nil {
		return text.Count(n, "octet")
	}
	return text.Count(n, "octet") + ": " + strings.Join(layers, ", ")
}
