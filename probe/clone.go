package probe

import (
	"slices"
	"unsafe"
)

// Clone returns a copy that shares no memory with r which anybody writes to again. It is in few pieces, without room to spare: for
// those who keep a result whose own memory is used for the next one.
func (r *Result) Clone() *Result {
	c := *r
	c.Findings, c.ICMP = slices.Clone(r.Findings), slices.Clone(r.ICMP)
	if r.TCP != nil {
		c.TCP = r.TCP.clone()
	}
	c.Events = cloneEvents(r.Events)
	return &c
}

func (t *TCP) clone() *TCP {
	c := *t
	c.States, c.Strays = slices.Clone(t.States), slices.Clone(t.Strays)
	if t.Peer != nil {
		peer := *t.Peer
		c.Peer = &peer
	}
	return &c
}

// cloneEvents returns a copy of events, with all their octets in one piece, and all their segments in another.
func cloneEvents(events []Event) []Event {
	if events == nil {
		return nil
	}
	size, count := 0, 0
	for i := range events {
		size += len(events[i].Octets)
		if s := events[i].Segment; s != nil {
			size, count = size+len(s.Header.Options), count+1
		}
	}
	octets, segments := make([]byte, 0, size), make([]Segment, 0, count)
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		begin := len(octets)
		octets = append(octets, b...)
		return octets[begin:len(octets):len(octets)]
	}
	c := make([]Event, len(events))
	for i, e := range events {
		e.Octets = keep(e.Octets)
		if s := e.Segment; s != nil {
			segments = append(segments, *s)
			e.Segment = &segments[len(segments)-1]
			e.Segment.Header.Options = keep(s.Header.Options)
		}
		if e.Frame != nil {
			frame := *e.Frame
			e.Frame = &frame
		}
		c[i] = e
	}
	return c
}

// Octets returns how many octets of memory a clone takes, about.
func (r *Result) Octets() int {
	size := int(unsafe.Sizeof(*r)) + len(r.Findings)*int(unsafe.Sizeof(Finding(""))) + len(r.Also)*addressOctets
	if d := r.DNS; d != nil {
		size += int(unsafe.Sizeof(*d)) + len(d.Name) + len(d.Addresses)*addressOctets
		for _, name := range d.CNAME {
			size += len(name) + stringOctets
		}
		for _, q := range d.Queries {
			size += int(unsafe.Sizeof(q)) + len(q.Addresses)*addressOctets
		}
	}
	if r.NAT64 != nil {
		size += int(unsafe.Sizeof(*r.NAT64))
	}
	if r.Route != nil {
		size += int(unsafe.Sizeof(*r.Route))
	}
	if r.NextHop != nil {
		size += int(unsafe.Sizeof(*r.NextHop))
	}
	if t := r.TCP; t != nil {
		size += int(unsafe.Sizeof(*t)) + len(t.States)*int(unsafe.Sizeof(StateChange{})) + len(t.Strays)*int(unsafe.Sizeof(Stray{}))
		if t.Peer != nil {
			size += int(unsafe.Sizeof(*t.Peer))
		}
	}
	for _, m := range r.ICMP {
		size += int(unsafe.Sizeof(*m)) + len(m.Quoted) + len(m.Labels)*int(unsafe.Sizeof(m.Labels)) + len(m.Interfaces)*interfaceOctets
	}
	for i := range r.Events {
		size += r.Events[i].octets()
	}
	return size
}

// What one of these takes, about.
const (
	addressOctets   = 24
	stringOctets    = 16
	interfaceOctets = 128
)

// octets returns how many octets of memory an event takes, about.
func (e *Event) octets() int {
	size := int(unsafe.Sizeof(*e)) + len(e.Octets)
	if m := e.DNS; m != nil {
		size += int(unsafe.Sizeof(*m)) + len(m.Name) + len(m.Note) + len(m.Addresses)*addressOctets
		for _, name := range m.CNAME {
			size += len(name) + stringOctets
		}
	}
	if e.Neighbor != nil {
		size += int(unsafe.Sizeof(*e.Neighbor))
	}
	if s := e.Segment; s != nil {
		size += int(unsafe.Sizeof(*s)) + len(s.Header.Options)
	}
	if e.Frame != nil {
		size += int(unsafe.Sizeof(*e.Frame))
	}
	if e.Connect != nil {
		size += int(unsafe.Sizeof(*e.Connect))
	}
	return size
}
