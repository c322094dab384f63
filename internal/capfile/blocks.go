package capfile

import "fmt"

// unknownDrops is what an obsolete Packet Block writes where it does not know how many packets were dropped.
const unknownDrops = 0xffff

// enhancedPacket reads an Enhanced Packet Block (draft-ietf-opsawg-pcapng 4.3).
func (f *Reader) enhancedPacket(b block, p *Packet) error {
	if len(b.body) < enhancedFixed {
		return f.tooShort(b)
	}
	i, err := f.interfaceOf(b, f.order.Uint32(b.body))
	if err != nil {
		return err
	}
	*p = Packet{Interface: i}
	return f.packet(b, b.body[4:], p)
}

// obsoletePacket reads a Packet Block (draft-ietf-opsawg-pcapng, appendix A).
func (f *Reader) obsoletePacket(b block, p *Packet) error {
	if len(b.body) < packetFixed {
		return f.tooShort(b)
	}
	i, err := f.interfaceOf(b, uint32(f.order.Uint16(b.body)))
	if err != nil {
		return err
	}
	*p = Packet{Interface: i}
	if drops := f.order.Uint16(b.body[2:]); drops != unknownDrops {
		p.Drops = uint64(drops)
	}
	return f.packet(b, b.body[4:], p)
}

// packet reads what both of these have behind the interface: time, lengths, octets and options.
func (f *Reader) packet(b block, body []byte, p *Packet) error {
	const fixed = 16
	captured := f.order.Uint32(body[8:])
	rest := body[fixed:]
	if int64(captured) > int64(len(rest)) {
		return &CorruptError{Offset: b.start, Reason: fmt.Sprintf("%s has %d octets in a block of %d", f.packetName(), captured, len(rest))}
	}
	i := &f.interfaces[p.Interface]
	p.LinkType, p.Offset = i.LinkType, b.start
	p.Time, p.Timed = i.clock.at(uint64(f.order.Uint32(body))<<32 | uint64(f.order.Uint32(body[4:])))
	p.Data = rest[:captured:captured]
	p.Length = max(int(min(f.order.Uint32(body[12:]), 1<<31-1)), int(captured))
	if padded := (int(captured) + 3) &^ 3; padded < len(rest) {
		f.packetOptions(rest[padded:], p)
	}
	f.number++
	p.Number = f.number
	return nil
}

// packetOptions reads the options of a packet.
func (f *Reader) packetOptions(b []byte, p *Packet) {
	for o := f.options(b); o.next(); {
		switch {
		case o.code == OptionComment:
			p.Comments = append(p.Comments, text(o.value))
		case o.code == OptionPacketFlags && len(o.value) == 4:
			switch f.order.Uint32(o.value) & FlagDirection {
			case FlagInbound:
				p.Direction = Inbound
			case FlagOutbound:
				p.Direction = Outbound
			}
		case o.code == OptionPacketDropCount && len(o.value) == 8:
			p.Drops = f.order.Uint64(o.value)
		}
	}
}

// simplePacket reads a Simple Packet Block (draft-ietf-opsawg-pcapng 4.4), which is of the first interface of its section and has
// no time. How much of the packet it has follows from the snap length.
func (f *Reader) simplePacket(b block, p *Packet) error {
	if len(b.body) < simpleFixed {
		return f.tooShort(b)
	}
	i, err := f.interfaceOf(b, 0)
	if err != nil {
		return err
	}
	length := int(min(f.order.Uint32(b.body), 1<<31-1))
	data := b.body[simpleFixed:]
	captured := min(length, len(data))
	if snap := f.interfaces[i].SnapLength; snap > 0 {
		captured = min(captured, snap)
	}
	f.number++
	*p = Packet{
		Number: f.number, Offset: b.start, Interface: i, LinkType: f.interfaces[i].LinkType,
		Length: length, Data: data[:captured:captured],
	}
	return nil
}
