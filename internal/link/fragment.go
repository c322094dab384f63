package link

import (
	"math/bits"
	"net/netip"

	"tcpprobe/rawip"
)

// maxHeader is how many octets a TCP header may have (RFC 9293 3.1). No others of a fragment matter.
const maxHeader = 60

// maxDatagrams is of how many datagrams there are fragments at a time. Of more than that, those that began first are forgotten.
const maxDatagrams = 1024

// fragments are those in which a TCP header is not whole.
type fragments struct {
	index map[datagramKey]int // into those below
	parts []part
	next  int // the one that is the oldest, once there are as many as there may be
	whole [maxHeader]byte
}

// datagramKey is what the fragments of a datagram have alike (RFC 791 3.2, RFC 8200 4.5). Of TCP alone there are any.
type datagramKey struct {
	src, dst netip.Addr
	id       uint32
}

// part is what there is of a TCP header.
type part struct {
	key    datagramKey
	octets [maxHeader]byte
	have   uint64 // a bit for each octet
}

// fragment looks at a fragment of a TCP segment. It leaves it as it is if it has the header as a whole, and completes the header
// if others were there before. Octets that came first hold.
func (d *Decoder) fragment(p *Packet) error {
	g := &p.Datagram
	if g.FragmentOffset == 0 && hasHeader(g.Payload) || d.peeking {
		return nil
	}
	if g.FragmentOffset >= maxHeader {
		return ErrFragment
	}
	part := d.fragments.part(datagramKey{g.Src, g.Dst, fragmentID(p)})
	part.add(g.FragmentOffset, g.Payload)
	n := part.contiguous()
	if !hasHeader(part.octets[:n]) {
		return ErrFragment
	}
	copy(d.fragments.whole[:], part.octets[:n])
	d.fragments.forget(part)
	p.Length = max(p.Length+g.FragmentOffset, n)
	g.Payload, g.FragmentOffset, g.MoreFragments = d.fragments.whole[:n], 0, true
	return nil
}

// hasHeader reports whether octets hold all of a TCP header. One that cannot be right is whole with its fixed part.
func hasHeader(b []byte) bool {
	const fixed, offset = 20, 12
	return len(b) >= fixed && len(b) >= 4*int(b[offset]>>4)
}

// fragmentID returns the Identification of a fragment.
func fragmentID(p *Packet) uint32 {
	if !p.Datagram.Is6() {
		return uint32(p.Datagram.ID)
	}
	return rawip.FragmentID6(p.Octets)
}

// part returns what there is of a datagram, with nothing in it if it is new.
func (s *fragments) part(key datagramKey) *part {
	if i, known := s.index[key]; known {
		return &s.parts[i]
	}
	if s.index == nil {
		s.index = make(map[datagramKey]int)
	}
	i := len(s.parts)
	if i < maxDatagrams {
		s.parts = append(s.parts, part{})
	} else {
		i = s.next
		s.next = (s.next + 1) % maxDatagrams
		if s.index[s.parts[i].key] == i {
			delete(s.index, s.parts[i].key)
		}
	}
	s.index[key] = i
	s.parts[i] = part{key: key}
	return &s.parts[i]
}

// forget forgets a datagram, whose part stays where it is until its turn comes.
func (s *fragments) forget(p *part) { delete(s.index, p.key) }

// add keeps what there is of the header in a fragment.
func (p *part) add(offset int, payload []byte) {
	for i, octet := range payload[:min(len(payload), maxHeader-offset)] {
		if bit := uint64(1) << (offset + i); p.have&bit == 0 {
			p.octets[offset+i] = octet
			p.have |= bit
		}
	}
}

// contiguous returns how many octets there are from the first one on.
func (p *part) contiguous() int { return bits.TrailingZeros64(^p.have) }
