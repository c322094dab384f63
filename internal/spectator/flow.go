package spectator

import (
	"bytes"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// flow is two addresses and ports, the lower first, so that it is the same for both directions.
type flow struct {
	addresses [2][16]byte
	ports     [2]uint16
}

// newFlow returns the flow between two addresses and ports.
func newFlow(a, b [16]byte, portA, portB uint16) flow {
	if c := bytes.Compare(a[:], b[:]); c > 0 || c == 0 && portA > portB {
		a, b, portA, portB = b, a, portB, portA
	}
	return flow{[2][16]byte{a, b}, [2]uint16{portA, portB}}
}

// flowOf returns the flow of a segment.
func flowOf(ip *rawip.Datagram, h *tcphdr.Header) flow {
	return newFlow(ip.Src.As16(), ip.Dst.As16(), h.SrcPort, h.DstPort)
}

// flow returns the flow of an attempt.
func (a *attempt) flow() flow {
	c, s := &a.sides[client], &a.sides[server]
	return newFlow(c.address, s.address, c.port, s.port)
}
