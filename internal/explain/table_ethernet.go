package explain

import (
	"slices"

	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// The EtherTypes that our frames have.
const (
	etherTypeNone = 0      // of what is no datagram and in no frame
	etherTypeIPv4 = 0x0800 // RFC 894
	etherTypeARP  = 0x0806 // RFC 826
	etherTypeIPv6 = 0x86dd // RFC 2464 3
)

const etherHeaderLen = 14 // octets

// newTable begins the explanation of an event's octets, with the Ethernet header in front if there was a frame of ours.
func (l *Lesson) newTable(e *probe.Event, etherType uint16, ends string) *table {
	t := &table{octets: e.Octets, printable: l.page.Printable, ends: ends, scale: -1}
	if e.Frame != nil {
		header := slices.Concat(e.Frame.Destination[:], e.Frame.Source[:], []byte{byte(etherType >> 8), byte(etherType)})
		t.octets = slices.Concat(header, e.Octets)
	}
	t.end = len(t.octets)
	switch {
	case e.Frame != nil:
		t.ethernet()
	case etherType != etherTypeNone && etherType != etherTypeARP:
		t.layer = "Ethernet"
		t.add(0, "", "no frame of ours: the kernel's IP carries it")
	}
	return t
}

// ofDatagram returns the EtherType of a datagram.
func ofDatagram(octets []byte) uint16 {
	if rawip.Is6(octets) {
		return etherTypeIPv6
	}
	return etherTypeIPv4
}

// ethernet explains the header of a frame.
func (t *table) ethernet() {
	t.layer = "Ethernet"
	t.fields(
		field{6, "894", func(b []byte) string { return "to " + station(b) }},
		field{6, "894", func(b []byte) string { return "from " + mac(b) }},
	)
	switch u16(t.rest()) {
	case etherTypeARP:
		t.add(2, "826", "it carries ARP (0x0806)")
	case etherTypeIPv6:
		t.add(2, "2464 3", "it carries IPv6 (0x86dd)")
	default:
		t.add(2, "894", "it carries IPv4 (0x0800)")
	}
}

// station writes a destination address.
func station(b []byte) string {
	switch {
	case slices.Min(b) == 0xff:
		return mac(b) + ", all on the link"
	case b[0] == 0x33 && b[1] == 0x33: // RFC 2464 7
		return mac(b) + ", a multicast group"
	}
	return mac(b)
}
