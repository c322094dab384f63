package capture

import (
	"encoding/binary"
	"time"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// linkType says what a packet begins with (draft-ietf-opsawg-pcaplinktype).
type linkType uint16

const (
	ethernet linkType = 1   // an Ethernet header
	raw      linkType = 101 // an IPv4 or IPv6 header
)

// EtherTypes, by which an Ethernet header says what follows it.
const (
	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd
)

// device is an interface as the file describes it.
type device struct {
	name, description string
	link              linkType
	filtered          bool // only what the filter passes is seen here
}

// kernelUDP is where DNS messages go.
var kernelUDP = device{
	name: "dns", description: "DNS messages through a UDP socket of the kernel, headers reconstructed", link: raw,
}

// packet is a packet for the file.
type packet struct {
	on       device
	at       time.Time
	octets   []byte
	outbound bool
	checksum checksum.State // of a received segment
	comments []string
}

// newPacket returns the packet of an event. It reports false if there is none, or none that could be put together.
func newPacket(r *probe.Result, e *probe.Event) (packet, bool) {
	p := packet{at: e.At.Time(), octets: e.Octets}
	if len(e.Octets) == 0 {
		return p, false
	}
	switch e.Kind {
	case probe.DNSQuery, probe.ARPRequest, probe.SegmentSent:
		p.outbound = true
	case probe.DNSAnswer, probe.ARPReply, probe.SegmentReceived, probe.ICMPReceived:
	default:
		return p, false
	}
	p.on = device{link: raw, filtered: true}
	if r.Route != nil {
		p.on.name = r.Route.Interface
	}
	switch {
	case e.DNS != nil:
		datagram, err := encapsulate(e.DNS, p.outbound, e.Octets)
		if err != nil {
			return p, false
		}
		p.on, p.octets = kernelUDP, datagram
		p.comments = append(p.comments, "the IPv4 and UDP headers are reconstructed: a socket of the kernel carried the message")
	case e.ARP != nil:
		p.on = device{name: e.ARP.Interface, link: ethernet, filtered: true}
		frame := e.Frame
		if frame == nil {
			frame = &probe.Frame{}
			p.comments = append(p.comments, "the addresses of the frame are not known")
		}
		p.octets = appendFrame(nil, *frame, etherTypeARP, e.Octets)
	case e.Frame != nil:
		p.on.link = ethernet
		p.octets = appendFrame(nil, *e.Frame, etherType(e.Octets), e.Octets)
	default:
		p.on.description = "datagrams through the kernel's IP"
	}
	if e.Segment != nil && !p.outbound {
		p.checksum = e.Segment.Checksum
	}
	if e.At.Source() == stamp.User {
		p.comments = append(p.comments, "the time is of this process, not of the kernel")
	}
	return p, true
}

// etherType returns the EtherType of a datagram, of which the first four bits say the version.
func etherType(datagram []byte) uint16 {
	if datagram[0]>>4 == 6 {
		return etherTypeIPv6
	}
	return etherTypeIPv4
}

// appendFrame appends an Ethernet frame, without its check sequence.
func appendFrame(b []byte, f probe.Frame, etherType uint16, payload []byte) []byte {
	b = append(b, f.Destination[:]...)
	b = append(b, f.Source[:]...)
	b = binary.BigEndian.AppendUint16(b, etherType)
	return append(b, payload...)
}
