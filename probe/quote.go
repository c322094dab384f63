package probe

import (
	"bytes"
	"net/netip"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// quote is what an ICMP error says, and of which segment.
type quote struct {
	message       ICMP
	whole         icmp.Message   // that the message is from
	local, remote netip.AddrPort // of the quoted segment, which we may have sent
	id            uint16         // Identification of its datagram
	seq           tcphdr.SeqNum
}

// quotedSegment reads an ICMP error about a TCP segment that the host which the error was sent to may have sent. Eight octets
// of the segment are enough, which is all that RFC 792 promises.
//
// What else the quoted header says is not compared: TTL, Type of Service, Total Length, Identification and checksum are
// changed on the way, and some routers quote them in another octet order.
func quotedSegment(ip rawip.Header, payload []byte) (quote, bool) {
	if ip.MoreFragments || ip.FragmentOffset != 0 || icmp.Verify(payload) == checksum.Invalid {
		return quote{}, false
	}
	m, err := icmp.Parse(payload)
	if err != nil {
		return quote{}, false
	}
	octets, err := m.Quoted()
	if err != nil {
		return quote{}, false
	}
	datagram, err := rawip.ParseQuoted(octets)
	if err != nil {
		return quote{}, false
	}
	h := datagram.Header
	if h.Protocol != rawip.ProtocolTCP || h.FragmentOffset != 0 || h.Src != ip.Dst {
		return quote{}, false
	}
	segment, err := tcphdr.ParseQuoted(datagram.Payload)
	if err != nil {
		return quote{}, false
	}
	mtu, _ := m.NextHopMTU()
	return quote{
		message: ICMP{
			From: ip.Src, Source: h.Src, Target: h.Dst, Type: uint8(m.Type), Code: uint8(m.Code), Name: m.Name(),
			MTU: int(mtu), TTL: ip.TTL, QuotedTTL: h.TTL, Quoted: octets,
		},
		whole:  m,
		local:  netip.AddrPortFrom(h.Src, segment.SrcPort),
		remote: netip.AddrPortFrom(h.Dst, segment.DstPort),
		id:     h.ID,
		seq:    segment.Seq,
	}, true
}

// keep returns a message that nothing else shares octets with, with what the router added about itself. That takes no part
// in whether the message counts.
func (q *quote) keep() *ICMP {
	kept := q.message
	kept.Quoted = bytes.Clone(kept.Quoted)
	objects, _ := q.whole.Objects() // those that can be read
	for _, o := range objects {
		if stack, ok := o.Labels(); ok {
			kept.Labels = append(kept.Labels, stack...)
		} else if i, err := o.Interface(); err == nil {
			kept.Interfaces = append(kept.Interfaces, i)
		}
	}
	return &kept
}
