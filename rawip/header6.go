package rawip

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
)

const (
	version6      = 6
	headerLen6    = 40    // octets, without extension headers
	maxPayload6   = 65535 // octets: the Payload Length is 16 bits
	maxFlowLabel  = 1<<20 - 1
	optionJumbo   = 0xc2 // RFC 2675 2
	jumboLen      = 4    // octets of its data
	optionPad1    = 0    // RFC 8200 4.2
	optionsHeader = 2    // octets before the options of an extension header
)

// A Header6 is the IPv6 header (RFC 8200 3), with the extension headers behind it. Version, Payload Length and Next Header
// are computed when it is written.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-----------+---+---------------------------------------+
//	|Version|   DSCP    |ECN|              Flow Label               |
//	+-------+-----------+---+-------+---------------+---------------+
//	|        Payload Length         |  Next Header  |   Hop Limit   |
//	+-------------------------------+---------------+---------------+
//	|                        Source Address                         |
//	+                          (16 octets)                          +
//	+---------------------------------------------------------------+
//	|                      Destination Address                      |
//	+                          (16 octets)                          +
//	+---------------------------------------------------------------+
//	|                      [Extension headers]                      |
//	+---------------------------------------------------------------+
type Header6 struct {
	TrafficClass uint8  // see DSCP and ECN
	FlowLabel    uint32 // 20 bits (RFC 6437); 0 for none
	HopLimit     uint8
	Src, Dst     netip.Addr // without zones, when received
	Extensions   Extensions // as received; none are sent
	Protocol     uint8      // of what is behind the extension headers
}

// DSCP returns the differentiated services codepoint, 0 to 63 (RFC 2474 3).
func (h Header6) DSCP() uint8 { return h.TrafficClass >> 2 }

// ECN returns the ECN field (RFC 3168 5): 0 for Not-ECT, 1 for ECT(1), 2 for ECT(0), 3 for CE.
func (h Header6) ECN() uint8 { return h.TrafficClass & 0x3 }

// Parse6 returns the header and the payload of an IPv6 datagram, both of which alias it. Octets after the Payload Length,
// such as the padding of an Ethernet frame, are left out of the payload. Behind a fragment header that is not of the first
// fragment the payload is the rest of it, since what it is of stands in the first.
//
// A Payload Length of 0 with a jumbo payload option stands for the length in that option (RFC 2675 3).
//
// The error is [io.ErrUnexpectedEOF] if the datagram ends before its header or its Payload Length does, and [ErrMalformed]
// if the version is not 6, or an extension header goes beyond the Payload Length.
func Parse6(datagram []byte) (Header6, []byte, error) {
	h, b, err := parseFixed6(datagram)
	if err != nil {
		return Header6{}, nil, err
	}
	length, ok := jumboLength(datagram)
	if !ok {
		length = int(binary.BigEndian.Uint16(datagram[4:]))
	}
	if length > len(b) {
		return Header6{}, nil, io.ErrUnexpectedEOF
	}
	return h.walk(b[:length])
}

// ParseUnsized6 is [Parse6] for a datagram that the kernel has joined out of several, or not yet cut into several, and that
// may be longer than a Payload Length can say. Where the Payload Length is 0, the datagram is all of the slice, which may be
// the beginning of a longer one.
func ParseUnsized6(datagram []byte) (Header6, []byte, error) {
	h, b, err := parseFixed6(datagram)
	if err != nil {
		return Header6{}, nil, err
	}
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if length == 0 {
		length = len(b)
		if jumbo, ok := jumboLength(datagram); ok {
			length = min(jumbo, length)
		}
	}
	if length > len(b) {
		return Header6{}, nil, io.ErrUnexpectedEOF
	}
	return h.walk(b[:length])
}

// parseFixed6 returns what the first 40 octets say, with the Next Header as the Protocol, and the octets behind them.
func parseFixed6(b []byte) (Header6, []byte, error) {
	if len(b) < headerLen6 {
		return Header6{}, nil, io.ErrUnexpectedEOF
	}
	first := binary.BigEndian.Uint32(b)
	if v := first >> 28; v != version6 {
		return Header6{}, nil, fmt.Errorf("%w: version %d", ErrMalformed, v)
	}
	return Header6{
		TrafficClass: uint8(first >> 20),
		FlowLabel:    first & maxFlowLabel,
		Protocol:     b[6],
		HopLimit:     b[7],
		Src:          netip.AddrFrom16([16]byte(b[8:24])),
		Dst:          netip.AddrFrom16([16]byte(b[24:40])),
	}, b[headerLen6:], nil
}

// walk goes over the extension headers at the beginning of b, and returns the header with them and what is behind them.
func (h Header6) walk(b []byte) (Header6, []byte, error) {
	first := h.Protocol
	protocol, n, ok := walkExtensions(first, b)
	if !ok {
		return Header6{}, nil, fmt.Errorf("%w: extension header %d at octet %d ends beyond the datagram", ErrMalformed, protocol, headerLen6+n)
	}
	h.Protocol = protocol
	if n > 0 {
		h.Extensions = Extensions{First: first, Octets: b[:n:n]}
	}
	return h, b[n:], nil
}

// jumboLength returns the length of what is behind the first 40 octets of a datagram, if a jumbo payload option tells it:
// Payload Length 0, and a hop-by-hop options header that has the option (RFC 2675 2).
func jumboLength(datagram []byte) (int, bool) {
	b := datagram[headerLen6:]
	if binary.BigEndian.Uint16(datagram[4:]) != 0 || datagram[6] != HeaderHopByHop || len(b) < extensionUnit {
		return 0, false
	}
	options := b[optionsHeader:min(extensionUnit*(int(b[1])+1), len(b))]
	for len(options) > 0 {
		if options[0] == optionPad1 {
			options = options[1:]
			continue
		}
		if len(options) < 2 || 2+int(options[1]) > len(options) {
			return 0, false
		}
		if options[0] == optionJumbo && options[1] == jumboLen {
			length := binary.BigEndian.Uint32(options[2:])
			return int(min(length, 1<<31-1)), length > maxPayload6
		}
		options = options[2+int(options[1]):]
	}
	return 0, false
}

// Append appends to b the datagram made of the header and payload. It is [Header6.AppendHeader] with the payload after it.
func (h Header6) Append(b []byte, payload []byte) ([]byte, error) {
	b, err := h.AppendHeader(b, len(payload))
	if err != nil {
		return b, err
	}
	return append(b, payload...), nil
}

// AppendHeader appends to b the header alone, for a payload of payloadLen octets that the caller appends afterwards. Zones
// of the addresses are left out.
//
// It refuses with [ErrMalformed], and returns b as it was, if an address is not IPv6, the flow label is longer than 20 bits,
// the payload is longer than 65535 octets, or there are extension headers.
func (h Header6) AppendHeader(b []byte, payloadLen int) ([]byte, error) {
	switch {
	case !isIPv6(h.Src):
		return b, fmt.Errorf("%w: source address %v", ErrMalformed, h.Src)
	case !isIPv6(h.Dst):
		return b, fmt.Errorf("%w: destination address %v", ErrMalformed, h.Dst)
	case h.FlowLabel > maxFlowLabel:
		return b, fmt.Errorf("%w: flow label %#x", ErrMalformed, h.FlowLabel)
	case len(h.Extensions.Octets) > 0:
		return b, fmt.Errorf("%w: extension headers", ErrMalformed)
	case payloadLen < 0 || payloadLen > maxPayload6:
		return b, fmt.Errorf("%w: payload of %d octets", ErrMalformed, payloadLen)
	}
	src, dst := h.Src.As16(), h.Dst.As16()
	b = binary.BigEndian.AppendUint32(b, version6<<28|uint32(h.TrafficClass)<<20|h.FlowLabel)
	b = binary.BigEndian.AppendUint16(b, uint16(payloadLen))
	b = append(b, h.Protocol, h.HopLimit)
	b = append(b, src[:]...)
	return append(b, dst[:]...), nil
}

// isIPv6 reports whether an address may stand in an IPv6 header. IPv4 in the form of IPv6 may not leave a host (RFC 4038 4.2).
func isIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }
