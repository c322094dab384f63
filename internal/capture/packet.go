package capture

import (
	"encoding/binary"
	"time"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// linkType says that packets begin with an Ethernet header (draft-ietf-opsawg-pcaplinktype). All do: PCAP has room for
// one link type, and of PCAPNG files libpcap reads only those that have one.
const linkType = capfile.LinkEthernet

// EtherTypes, by which an Ethernet header says what follows it.
const (
	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd
)

// device is an interface as the file describes it.
type device struct {
	name, description string
	filtered          bool // only what the filter passes is seen here
}

// kernelUDP is where DNS messages go.
var kernelUDP = device{
	name: "dns", description: "DNS messages through a UDP socket of the kernel, headers reconstructed",
}

// packet is a packet for the file.
type packet struct {
	on       device
	at       time.Time
	octets   []byte // an Ethernet frame
	outbound bool
	checksum checksum.State // of a received segment
	comments []string
}

// newPacket returns the packet of an event. It reports false if there is none, or none that could be put together.
func newPacket(r *probe.Result, e *probe.Event) (packet, bool) {
	p := packet{at: e.At.Time()}
	if len(e.Octets) == 0 {
		return p, false
	}
	switch e.Kind {
	case probe.EventDNSQuery, probe.EventNeighborRequest, probe.EventSegmentSent:
		p.outbound = true
	case probe.EventDNSAnswer, probe.EventNeighborReply, probe.EventSegmentReceived, probe.EventICMPReceived:
	default:
		return p, false
	}
	payload := e.Octets
	switch {
	case e.DNS != nil:
		datagram, err := encapsulate(e.DNS, p.outbound, e.Octets)
		if err != nil {
			return p, false
		}
		p.on, payload = kernelUDP, datagram
		p.comments = append(p.comments, "the IPv4 and UDP headers are reconstructed: a socket of the kernel carried the message")
	case e.Neighbor != nil:
		p.on = device{name: e.Neighbor.Interface, filtered: true}
	default:
		p.on = device{filtered: true}
		if r.Route != nil {
			p.on.name = r.Route.Interface
		}
	}
	frame := e.Frame
	if frame == nil {
		frame = &probe.Frame{} // zeros, as on Linux's loopback
		p.comments = append(p.comments, "the Ethernet header, if there was one, is not known: its addresses are zeros")
	}
	p.octets = appendFrame(nil, *frame, etherType(e), payload)
	if e.Segment != nil && !p.outbound {
		p.checksum = e.Segment.Checksum
	}
	if e.At.Source() == stamp.User {
		p.comments = append(p.comments, "the time is of this process, not of the kernel")
	}
	return p, true
}

// etherType returns the EtherType of the octets of an event. The first four bits of a datagram say its version.
func etherType(e *probe.Event) uint16 {
	switch {
	case e.Neighbor != nil && !e.Neighbor.Address.Is6():
		return etherTypeARP
	case e.DNS == nil && e.Octets[0]>>4 == 6:
		return etherTypeIPv6
	}
	return etherTypeIPv4 // also of DNS messages: encapsulate makes no other datagram
}

// appendFrame appends an Ethernet frame, without its check sequence.
func appendFrame(b []byte, f probe.Frame, etherType uint16, payload []byte) []byte {
	b = append(b, f.Destination[:]...)
	b = append(b, f.Source[:]...)
	b = binary.BigEndian.AppendUint16(b, etherType)
	return append(b, payload...)
}
