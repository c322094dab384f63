package probe

import "tcpprobe/rawip"

// What the engine reads of a machine, for the tests of the machine.

func (h *Handshake) Result() *TCP        { return h.result() }
func (h *Handshake) Findings() []Finding { return h.findings }
func (h *Handshake) Err() error          { return h.err }

// Quotes reports whether an ICMP error quotes a TCP segment that the host which it was sent to may have sent.
func Quotes(ip *rawip.Datagram) bool {
	_, ok := quotedSegment(ip)
	return ok
}
