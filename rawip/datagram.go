package rawip

import (
	"fmt"
	"io"
	"net/netip"
)

// A Datagram is what the headers of both families say alike.
type Datagram struct {
	Src, Dst       netip.Addr // without zones
	FinalDst       netip.Addr // whom it is for in the end: checksums of transports are over this one
	HopLimit       uint8      // IPv4 calls it Time to Live
	TrafficClass   uint8      // IPv4 calls it Type of Service: DSCP and ECN
	ID             uint16     // Identification, of IPv4
	FlowLabel      uint32     // of IPv6
	FragmentOffset int        // in octets; where it is not 0, the payload begins somewhere in the middle
	MoreFragments  bool       // the payload goes on in another one
	Protocol       uint8      // of the payload, which in IPv6 is behind the extension headers
	Payload        []byte
}

// ECN returns the ECN field (RFC 3168 5): 0 for Not-ECT, 1 for ECT(1), 2 for ECT(0), 3 for CE.
func (d *Datagram) ECN() uint8 { return d.TrafficClass & 0x3 }

// Is6 reports whether the datagram is IPv6.
func (d *Datagram) Is6() bool { return d.Src.Is6() }

// IsICMP reports whether the payload is ICMP, of the datagram's family.
func (d *Datagram) IsICMP() bool {
	if d.Is6() {
		return d.Protocol == ProtocolICMPv6
	}
	return d.Protocol == ProtocolICMP
}

// Parse reads a datagram of either family into d, as [ParseUnsized] and [ParseUnsized6] do. What d holds aliases it.
// The error is theirs, and [ErrMalformed] for any other version.
func (d *Datagram) Parse(datagram []byte) error {
	switch versionOf(datagram) {
	case version:
		h, payload, err := ParseUnsized(datagram)
		if err == nil {
			d.set(&h, payload)
		}
		return err
	case version6:
		h, payload, err := ParseUnsized6(datagram)
		if err == nil {
			d.set6(&h, payload)
		}
		return err
	}
	return unknownVersion(datagram)
}

// ParseQuoted reads a datagram of either family that an ICMP error quotes into d, as the functions [ParseQuoted] and
// [ParseQuoted6] do. The error is theirs, and [ErrMalformed] for any other version.
func (d *Datagram) ParseQuoted(quoted []byte) error {
	switch versionOf(quoted) {
	case version:
		q, err := ParseQuoted(quoted)
		if err == nil {
			d.set(&q.Header, q.Payload)
		}
		return err
	case version6:
		q, err := ParseQuoted6(quoted)
		if err == nil {
			d.set6(&q.Header, q.Payload)
		}
		return err
	}
	return unknownVersion(quoted)
}

func (d *Datagram) set(h *Header, payload []byte) {
	*d = Datagram{
		Src: h.Src, Dst: h.Dst, FinalDst: h.FinalDst(), HopLimit: h.TTL, TrafficClass: h.TOS, ID: h.ID,
		FragmentOffset: fragmentUnit * int(h.FragmentOffset), MoreFragments: h.MoreFragments, Protocol: h.Protocol, Payload: payload,
	}
}

func (d *Datagram) set6(h *Header6, payload []byte) {
	fragment, _ := h.Extensions.Fragment()
	*d = Datagram{
		Src: h.Src, Dst: h.Dst, FinalDst: h.Dst, HopLimit: h.HopLimit, TrafficClass: h.TrafficClass, FlowLabel: h.FlowLabel,
		FragmentOffset: fragment.Offset, MoreFragments: fragment.More, Protocol: h.Protocol, Payload: payload,
	}
}

// versionOf returns the version of a datagram, which in either family is in its first four bits; 0 where there is none.
func versionOf(datagram []byte) uint8 {
	if len(datagram) == 0 {
		return 0
	}
	return datagram[0] >> 4
}

// Is6 reports whether the octets are those of an IPv6 datagram, by their version.
func Is6(datagram []byte) bool { return versionOf(datagram) == version6 }

// unknownVersion is the error of a datagram that is neither IPv4 nor IPv6.
func unknownVersion(b []byte) error {
	if len(b) == 0 {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: version %d", ErrMalformed, b[0]>>4)
}
