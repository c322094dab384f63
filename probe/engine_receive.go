package probe

import (
	"errors"
	"net/netip"

	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// receive takes what has arrived. It reports true if there may be more.
func (e *Engine) receive() (more bool, err error) {
	for range receiveAtOnce {
		p, ok, err := e.wire.Receive()
		if lost, is := errors.AsType[*rawip.LinkError](err); is {
			e.loseLink(lost)
			continue
		}
		switch {
		case err != nil:
			return false, err
		case !ok:
			return false, nil
		default:
			e.handle(p)
		}
	}
	return true, nil
}

// handle takes one datagram.
func (e *Engine) handle(p rawip.Packet) {
	ip := &e.received
	if ip.Parse(p.Octets) != nil {
		return
	}
	switch {
	case ip.FragmentOffset != 0: // it has no ports
	case p.Sent:
		e.handleSent(p, ip)
	case !ip.Is6() && rawip.VerifyHeader(p.Octets) == checksum.Invalid:
	case ip.Protocol == rawip.ProtocolTCP:
		e.handleSegment(p, ip)
	case ip.IsICMP():
		e.handleICMP(p, ip)
	}
}

// find returns the handshake that something belongs to: of those with the addresses and ports the one that claims it, or
// else the one that began last.
func (e *Engine) find(local, remote netip.AddrPort, claims func(*flow) bool) *flow {
	last := e.flows[flowKey{local, remote}]
	for f := last; f != nil && last.sibling != nil; f = f.sibling {
		if claims(f) {
			return f
		}
	}
	return last
}

// handleSent takes the sight of a datagram of ours as it left, for the sake of its stamp.
func (e *Engine) handleSent(p rawip.Packet, ip *rawip.Datagram) {
	s, _, err := tcphdr.Parse(ip.Payload)
	if err != nil {
		return
	}
	f := e.find(netip.AddrPortFrom(ip.Src, s.SrcPort), netip.AddrPortFrom(ip.Dst, s.DstPort), func(f *flow) bool { return f.sent(ip, s) })
	// Interfaces may lie on top of each other: that of the route is the one that counts.
	if f == nil || !f.listens(p) || f.Path.Link && p.Interface != f.Path.Interface {
		return
	}
	number, ok := f.numberOf(ip, s, p.At.User)
	if !ok {
		return
	}
	f.h.Stamped(number, p.At.Kernel)
	f.noteStamp(number, p.At.Kernel)
}

// handleSegment takes a segment that was sent to us.
func (e *Engine) handleSegment(p rawip.Packet, ip *rawip.Datagram) {
	s, data, err := tcphdr.Parse(ip.Payload)
	if err != nil {
		return
	}
	f := e.find(netip.AddrPortFrom(ip.Dst, s.DstPort), netip.AddrPortFrom(ip.Src, s.SrcPort), func(f *flow) bool { return f.h.expects(s.Ack) })
	lingers := f == nil
	if lingers {
		f = e.over.flows[flowKey{netip.AddrPortFrom(ip.Dst, s.DstPort), netip.AddrPortFrom(ip.Src, s.SrcPort)}]
	}
	if f == nil {
		e.countElsewhere(p, ip, s)
		return
	}
	if !f.listens(p) {
		return
	}
	if ip.MoreFragments {
		f.strays.fragments++
		f.h.find(FindingFragmentIgnored) // its checksum is that of the whole
		return
	}
	sum := tcphdr.Verify(ip.Payload, ip.Src, ip.FinalDst)
	if p.NoChecksum && sum == checksum.Invalid {
		sum = checksum.Partial
	}
	if sum == checksum.Invalid {
		f.strays.checksum++
		f.h.find(FindingChecksumInvalid)
		return
	}
	verdict := f.h.HandleSegment(Arrival{Header: s, Data: len(data), TTL: ip.HopLimit, ECN: ip.ECN(), At: p.At})
	if lingers {
		e.send(f)
		f.unsent = f.unsent[:0] // the peer will say it once more
		return
	}
	if verdict == VerdictOpened || verdict == VerdictRefused {
		f.arrived = p.Interface
	}
	f.noteReceived(p, ip, s, len(data), sum, verdict)
	e.work(f)
}

// maximumSearch is how many handshakes may be under way for what comes from elsewhere to be looked up among them, one by one.
const maximumSearch = 64

// countElsewhere counts an answer that acknowledges our SYN, and comes from another address or port than it was sent to.
func (e *Engine) countElsewhere(p rawip.Packet, ip *rawip.Datagram, s tcphdr.Header) {
	if !s.Flags.Has(tcphdr.ACK) || s.Flags&(tcphdr.SYN|tcphdr.RST) == 0 || len(e.flows) > maximumSearch || ip.MoreFragments {
		return
	}
	local := netip.AddrPortFrom(ip.Dst, s.DstPort)
	for key, f := range e.flows {
		if key.local != local || !f.h.expects(s.Ack) || f.h.outcome != OutcomePending || !f.listens(p) {
			continue
		}
		if !p.NoChecksum && tcphdr.Verify(ip.Payload, ip.Src, ip.Dst) == checksum.Invalid {
			continue
		}
		if f.strays.elsewhere++; f.strays.elsewhere == 1 {
			f.strays.from = netip.AddrPortFrom(ip.Src, s.SrcPort)
		}
	}
}

// handleICMP takes an ICMP error.
func (e *Engine) handleICMP(p rawip.Packet, ip *rawip.Datagram) {
	q, ok := quotedSegment(ip)
	if !ok {
		return
	}
	f := e.find(q.local, q.remote, func(f *flow) bool { return f.h.underWay(q.seq) })
	if f == nil || !f.listens(p) {
		return
	}
	m := &q.message
	m.At, m.SentTTL = p.At, f.TTL
	verdict := f.h.HandleICMP(Notice{ICMP: m, Seq: q.seq, Number: f.quotedNumber(&q)})
	if verdict == VerdictRejectedByICMP || verdict == VerdictNotedICMP && len(f.Result.ICMP) < keptSegments {
		kept := q.keep()
		f.Result.ICMP = append(f.Result.ICMP, kept)
		f.noteICMP(p, kept)
	}
	e.work(f)
}
