//go:build linux

package demo

import (
	"bytes"
	"encoding/binary"
	"slices"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The server's addresses that something is wrong with, each in its own way.
const (
	busy    = "10.3.0.81" // nobody accepts its connections
	clamped = "10.3.0.82"
	reset   = "10.3.0.83"
	narrow  = "10.3.0.84"
)

const (
	clampedMSS = 1300 // octets that the middlebox has clients announce
	narrowMTU  = 1400 // octets of the longest datagram that it lets pass to narrow
)

// middlebox does on the way to the server what boxes do that nobody sees: it makes the MSS of a SYN smaller, resets a
// connection in the name of the server, and loses large datagrams without a word.
func middlebox(frame []byte) (on, back []byte) {
	const header = 14 // octets of an Ethernet header; in this network there are no VLANs
	if len(frame) < header || frame[12] != 0x08 || frame[13] != 0x00 {
		return frame, nil
	}
	ip, segment, err := rawip.Parse(frame[header:])
	if err != nil || ip.Protocol != rawip.ProtocolTCP || ip.FragmentOffset != 0 {
		return frame, nil
	}
	tcp, data, err := tcphdr.Parse(segment)
	if err != nil || !tcp.Flags.Has(tcphdr.SYN) {
		return frame, nil
	}
	switch ip.Dst.String() {
	case clamped:
		tcp.Options = slices.Clone(tcp.Options)
		if mss, ok := tcp.Options.Find(tcphdr.MaximumSegmentSize); ok && len(mss) == 2 {
			binary.BigEndian.PutUint16(mss, min(clampedMSS, binary.BigEndian.Uint16(mss)))
		}
		return datagram(frame[:header], ip, tcp, data), nil
	case reset:
		answer := tcphdr.Header{
			SrcPort: tcp.DstPort, DstPort: tcp.SrcPort, Ack: tcp.Seq.Add(1 + len(data)), Flags: tcphdr.RST | tcphdr.ACK,
		}
		ethernet := slices.Concat(frame[6:12], frame[:6], frame[12:header])
		return nil, datagram(ethernet, rawip.Header{TTL: 64, Protocol: rawip.ProtocolTCP, Src: ip.Dst, Dst: ip.Src}, answer, nil)
	case narrow:
		if len(frame) > header+narrowMTU {
			return nil, nil
		}
	}
	return frame, nil
}

// datagram returns a frame with a segment in it; nil if there is no such segment.
func datagram(ethernet []byte, ip rawip.Header, tcp tcphdr.Header, data []byte) []byte {
	segment, err := tcp.Append(nil, ip.Src, ip.Dst, data)
	if err != nil {
		return nil
	}
	frame, err := ip.Append(bytes.Clone(ethernet), segment)
	if err != nil {
		return nil
	}
	return frame
}
