package neighbor

import (
	"slices"

	"tcpprobe/internal/route"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/ndp"
)

// receive reads the packets that are there.
func (f *Finder) receive() error {
	for range maxBurst {
		var frame socket.Frame
		octets, ok, err := f.socket.Receive(f.buffer[:], &frame)
		if err != nil || !ok {
			return err
		}
		switch frame.Type {
		case socket.FromHost:
			for _, q := range f.watched {
				q.left(octets, frame.Interface, frame.Stamp)
			}
		case socket.ToHost, socket.ToBroadcast: // link-local addresses are answered by broadcast (RFC 3927 2.5)
			f.handle(octets, frame)
		case socket.ToMulticast: // an address that somebody takes over is announced to all nodes (RFC 4861 7.2.6)
			if frame.Protocol == ndp.EtherType {
				f.handle(octets, frame)
			}
		}
	}
	return nil
}

// follow takes note of the changes in the kernel's own table. An entry that was confirmed, or set by an administrator, is
// followed; one for which nobody answered makes ours doubtful.
func (f *Finder) follow() error {
	if f.changes == nil {
		return nil
	}
	for {
		told, err := f.changes.receive()
		if err != nil || len(told) == 0 {
			return err
		}
		now := f.clock.Now()
		for _, c := range told {
			switch {
			case c.state&(route.NeighborReachable|route.NeighborPermanent|route.NeighborNoARP) != 0 && c.mac != [6]byte{}:
				if link, moved := f.table.move(c.hop, Entry{MAC: c.mac, Source: "kernel"}, now); moved {
					f.addLate(Event{Link: link, Address: c.hop.Address, MAC: c.mac, At: stamp.Stamp{User: now}, Verdict: Moved,
						Note: "the kernel's entry has another MAC"})
				}
			case c.state&route.NeighborFailed != 0:
				f.table.forget(c.hop, now)
			}
		}
	}
}

// addLate keeps an event that came when its question was over.
func (f *Finder) addLate(e Event) {
	if len(f.late) < maxEvents {
		f.late = append(f.late, e)
	}
}

// handle shows a packet to the questions on its link.
func (f *Finder) handle(octets []byte, frame socket.Frame) {
	for _, q := range slices.Backward(f.watched) {
		if q.link.Index != frame.Interface {
			continue
		}
		before, _ := q.query.mac()
		claim, ok := q.query.handle(frame.Protocol, octets, frame.Stamp)
		if !ok || claim.verdict == AddressConflict && f.isOwn(claim.mac) {
			continue
		}
		event := q.received(claim, frame.Source, frame.Stamp)
		if q.over {
			if after, ok := q.query.mac(); ok && after != before {
				f.table.move(q.hop(), Entry{MAC: after, Source: sourceOf(q.target)}, f.clock.Now())
			}
			if claim.verdict == Conflict || claim.verdict == Moved || claim.verdict == AddressConflict {
				f.addLate(event)
			}
		}
		if claim.verdict == AddressConflict {
			return // it is about our address, and told once for all questions in its name
		}
	}
}

// isOwn reports whether the MAC is that of any interface of this host: with two of them on one link, the packets of
// one come in on the other, with the addresses of both.
func (f *Finder) isOwn(mac [6]byte) bool {
	if f.own == nil {
		f.own, _ = f.kernel.ownMACs() // without, the packet is another's
	}
	return slices.Contains(f.own, mac)
}
