package capture

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"tcpprobe/internal/checksum"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

const (
	protocolUDP     = 17
	udpHeaderLength = 8
	defaultTTL      = 64
)

// errNotUDP says of which DNS messages the headers are not reconstructed.
var errNotUDP = errors.New("no message over UDP and IPv4 with both addresses known")

// encapsulate puts a DNS message into a datagram such as the kernel sent or received. What is not known of it is what
// Linux sends by default, and an Identification of 0.
func encapsulate(m *probe.DNSMessage, outbound bool, message []byte) ([]byte, error) {
	if m.Transport != "udp" || !m.Local.Addr().Is4() || !m.Server.Addr().Is4() || len(message) > 0xffff-udpHeaderLength {
		return nil, errNotUDP
	}
	src, dst := m.Server, m.Local
	if outbound {
		src, dst = m.Local, m.Server
	}
	return rawip.Header{
		TTL: defaultTTL, Protocol: protocolUDP, Src: src.Addr(), Dst: dst.Addr(),
	}.Append(nil, appendUDP(nil, src, dst, message))
}

// appendUDP appends a UDP datagram (RFC 768).
func appendUDP(b []byte, src, dst netip.AddrPort, data []byte) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(udpHeaderLength+len(data)))
	b = append(b, 0, 0) // checksum
	b = append(b, data...)
	u := b[start:]
	sum := ^checksum.Fold(checksum.Sum(checksum.PseudoHeader(src.Addr(), dst.Addr(), protocolUDP, len(u)), u))
	if sum == 0 {
		sum = 0xffff // 0 is for no checksum
	}
	binary.BigEndian.PutUint16(u[6:], sum)
	return b
}
