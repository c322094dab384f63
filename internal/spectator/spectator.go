package spectator

import (
	"time"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// Packet is a datagram as a capture has it. Nothing of it is held on to.
type Packet struct {
	Number int   // in the capture, from 1
	Time   int64 // nanoseconds since 1970
	IP     *rawip.Datagram
	Length int      // octets of the payload on the wire: more than IP has where the packet is cut
	Octets []byte   // the datagram, as far as it was captured
	VLANs  []uint32 // the outer one first
}

// MostAttempts is how many attempts are held at the most unless the configuration says otherwise: those under way, and those that
// wait to be told in the order of their beginnings.
const MostAttempts = 1 << 19

// Config is what a Spectator needs to know.
type Config struct {
	// Tell is called with every attempt. Where the verdicts are wanted as they become final that is then; otherwise in the
	// order in which the attempts began, in the end, or where there are too many.
	Tell func(*Handshake)
	Live bool // the verdicts are wanted as they become final
	Keep bool // the packets are wanted with them
	Most int  // attempts that are held; 0 for MostAttempts
}

// Counts are what a Spectator has seen.
type Counts struct {
	TCP        int   // packets that are TCP
	Middle     int   // packets of connections of which the beginning is not there
	Handshakes int   // attempts
	Early      int   // of them judged early, for want of room
	Packets    int   // datagrams of any kind
	First      int64 // time of the earliest, in nanoseconds since 1970
	Last       int64 // and of the latest
}

// Spectator judges the handshakes in the packets that it is shown. It is for one goroutine.
type Spectator struct {
	config   Config
	counts   Counts
	open     map[flow]uint32 // the latest attempt between two addresses and ports, by its number
	attempts queue
	details  map[uint32]*detail
	cookies  cookies
	now      int64 // time of the latest packet
	checked  int64 // when it was looked at last which verdicts are final

	brokenOff bool
}

// New returns a Spectator that has seen nothing.
func New(c Config) *Spectator {
	if c.Most == 0 {
		c.Most = MostAttempts
	}
	return &Spectator{config: c, open: make(map[flow]uint32), details: make(map[uint32]*detail), cookies: make(cookies)}
}

// Counts returns what has been seen so far.
func (s *Spectator) Counts() Counts { return s.counts }

// Packet looks at the next packet.
func (s *Spectator) Packet(p Packet) {
	s.pass(p.Time)
	switch {
	case p.IP.FragmentOffset != 0: // it has no ports
	case p.IP.Protocol == rawip.ProtocolTCP:
		s.counts.TCP++
		if h, length, err := tcphdr.ParseCaptured(p.IP.Payload); err == nil {
			s.segment(&p, &h, max(p.Length-length, 0))
		}
	case p.IP.IsICMP():
		s.rejection(&p)
	}
}

// pass lets time pass until that of a packet.
func (s *Spectator) pass(at int64) {
	if s.counts.Packets == 0 {
		s.counts.First, s.counts.Last, s.now, s.checked = at, at, at, at
	}
	s.counts.Packets++
	s.counts.First, s.counts.Last = min(s.counts.First, at), max(s.counts.Last, at)
	s.Advance(at)
}

// Advance says that it is so late, in nanoseconds since 1970, and nothing has come. Verdicts that are final by then are told, where
// that is wanted.
func (s *Spectator) Advance(now int64) {
	s.now = max(s.now, now)
	if s.config.Live && s.now-s.checked >= int64(checkEvery) {
		s.checked = s.now
		s.tellFinal()
	}
}

// Finish says that there are no more packets, or, if it was broken off, that nobody wants to wait for them: what would still be
// waited for is not judged then. All attempts that have not been told are told.
func (s *Spectator) Finish(brokenOff bool) {
	s.brokenOff = brokenOff
	for s.attempts.length() > 0 {
		s.retire(false)
	}
}

// segment takes a TCP segment.
func (s *Spectator) segment(p *Packet, h *tcphdr.Header, data int) {
	key := flowOf(p.IP, h)
	number, known := s.open[key]
	var a *attempt
	if known {
		a = s.attempts.at(number)
	}
	syn := h.Flags.Has(tcphdr.SYN)
	switch {
	case a == nil && !syn:
		s.counts.Middle++
		return
	case a == nil, syn && s.isNew(a, p, h):
		if a != nil {
			s.replace(a, p.Time)
		}
		a = s.begin(key, p, h)
	}
	from := client
	if !a.is(client, p.IP, h.SrcPort) {
		from = server
	}
	a.latest = max(a.latest, p.Time)
	if from == client {
		s.fromClient(a, p, h, data)
	} else {
		s.fromServer(a, p, h, data)
	}
}

// begin begins an attempt with a SYN, or with a SYN-ACK whose SYN was not seen.
func (s *Spectator) begin(key flow, p *Packet, h *tcphdr.Header) *attempt {
	if s.attempts.length() >= s.config.Most {
		s.retire(true)
	}
	s.counts.Handshakes++
	a := s.attempts.push(uint32(s.counts.Handshakes))
	a.v6, a.began, a.latest = p.IP.Is6(), p.Time, p.Time
	source, destination := &a.sides[client], &a.sides[server]
	if h.Flags.Has(tcphdr.ACK) {
		source, destination = destination, source
		a.find(began)
	}
	source.address, source.port = p.IP.Src.As16(), h.SrcPort
	destination.address, destination.port = p.IP.Dst.As16(), h.DstPort
	for i, vlan := range p.VLANs[:min(len(p.VLANs), len(a.vlans))] {
		a.vlans[i] = uint16(vlan)
		a.tagged = uint8(i + 1)
	}
	s.open[key] = a.number
	return a
}

// is reports whether an address and port are those of a side. Where both sides have the same, it is the client.
func (a *attempt) is(of int, ip *rawip.Datagram, port uint16) bool {
	s := &a.sides[of]
	return s.port == port && s.address == ip.Src.As16()
}

// replace ends an attempt because another begins with its addresses and ports.
func (s *Spectator) replace(a *attempt, at int64) {
	if a.closing == closeNone {
		a.find(portReused)
	}
	a.over, a.replaced = true, at
}

// timeOf returns a time in nanoseconds since 1970 as a Time.
func timeOf(at int64) time.Time { return time.Unix(0, at) }
