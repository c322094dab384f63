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
	id            uint16         // Identification of its datagram, of IPv4
	label         uint32         // flow label of its datagram, of IPv6
	segment       []byte         // as much of it as is quoted
	seq           tcphdr.SeqNum
}

// quotedSegment reads an ICMP error about a TCP segment that the host which the error was sent to may have sent. Eight octets
// of the segment are enough, which is all that RFC 792 promises.
//
// What else the quoted header says is not compared: hop limit, traffic class, flow label, length, Identification and checksum
// are changed on the way, and some routers quote them in another octet order.
func quotedSegment(ip *rawip.Datagram) (quote, bool) {
	if ip.MoreFragments || ip.FragmentOffset != 0 {
		return quote{}, false
	}
	m, ok := errorMessage(ip)
	if !ok {
		return quote{}, false
	}
	octets, err := m.Quoted()
	if err != nil {
		return quote{}, false
	}
	var d rawip.Datagram
	if d.ParseQuoted(octets) != nil {
		return quote{}, false
	}
	if d.Is6() != ip.Is6() || d.Protocol != rawip.ProtocolTCP || d.FragmentOffset != 0 || d.Src != ip.Dst {
		return quote{}, false
	}
	segment, err := tcphdr.ParseQuoted(d.Payload)
	if err != nil {
		return quote{}, false
	}
	mtu, _ := m.NextHopMTU()
	return quote{
		message: ICMP{
			From: ip.Src, Source: d.Src, Target: d.Dst, Type: uint8(m.Type), Code: uint8(m.Code), Name: m.Name(),
			MTU: int(min(mtu, maximumMTU)), TTL: ip.HopLimit, QuotedTTL: d.HopLimit, Quoted: octets,
		},
		whole:   m,
		local:   netip.AddrPortFrom(d.Src, segment.SrcPort),
		remote:  netip.AddrPortFrom(d.Dst, segment.DstPort),
		id:      d.ID,
		label:   d.FlowLabel,
		segment: d.Payload,
		seq:     segment.Seq,
	}, true
}

// maximumMTU is the greatest MTU that is told apart: that of any link is less, whatever a message says.
const maximumMTU = 1<<31 - 1

// errorMessage reads the ICMP message in a datagram, unless its checksum speaks against it.
func errorMessage(ip *rawip.Datagram) (icmp.Message, bool) {
	parse, state := icmp.Parse, checksum.Unknown
	if ip.Is6() {
		parse, state = icmp.Parse6, icmp.Verify6(ip.Payload, ip.Src, ip.Dst)
	} else {
		state = icmp.Verify(ip.Payload)
	}
	m, err := parse(ip.Payload)
	return m, err == nil && state != checksum.Invalid
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
