package capfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
)

// Lengths in octets of blocks and of what they begin with.
const (
	blockOverhead  = 12 // type, length, and the length again
	blockHeader    = 8
	maxKept        = maxPacket + 1<<16 // of a block that is kept: a packet and its options
	maxInterfaces  = 1 << 16
	sectionFixed   = 16 // of the body, before options
	interfaceFixed = 8
	enhancedFixed  = 20
	packetFixed    = 20
	simpleFixed    = 4
	statsFixed     = 12
)

// block is a block of a pcapng file.
type block struct {
	kind  uint32
	start int64  // octet of the file at which it begins
	body  []byte // between the lengths
}

// beginSection reads the Section Header Block that comes next (draft-ietf-opsawg-pcapng 4.1). Its octet order is that of all
// that follows, the length of itself included.
func (f *Reader) beginSection() error {
	start := f.in.offset
	b, err := f.in.peek(blockHeader + 4)
	if err != nil {
		return f.failed(start, "a Section Header Block", err)
	}
	switch uint32(ByteOrderMagic) {
	case binary.LittleEndian.Uint32(b[blockHeader:]):
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(b[blockHeader:]):
		f.order = binary.BigEndian
	default:
		if start == 0 {
			return fmt.Errorf("%w: a Section Header Block without its byte-order magic", ErrNotCapture)
		}
		return &CorruptError{Offset: start, Reason: "a Section Header Block without its byte-order magic"}
	}
	kind, length, err := f.head()
	if err != nil {
		return err
	}
	s, err := f.block(kind, length)
	if err != nil {
		return err
	}
	if len(s.body) < sectionFixed {
		return f.tooShort(s)
	}
	if major := f.order.Uint16(s.body[4:]); major != 1 {
		return &CorruptError{Offset: start, Reason: fmt.Sprintf("version %d.%d of the format is not known", major, f.order.Uint16(s.body[6:]))}
	}
	f.section = len(f.interfaces)
	return nil
}

// nextBlock reads blocks up to one with a packet.
func (f *Reader) nextBlock(p *Packet) error {
	for {
		kind, length, err := f.head()
		if err != nil {
			return err
		}
		switch kind {
		case BlockSectionHeader:
			if err := f.beginSection(); err != nil {
				return err
			}
			continue
		case BlockInterfaceDescription, BlockPacket, BlockSimplePacket, BlockNameResolution, BlockInterfaceStatistics, BlockEnhancedPacket:
		default:
			if err := f.skip(kind, length); err != nil {
				return err
			}
			continue
		}
		b, err := f.block(kind, length)
		if err != nil {
			return err
		}
		switch kind {
		case BlockEnhancedPacket:
			return f.enhancedPacket(b, p)
		case BlockSimplePacket:
			return f.simplePacket(b, p)
		case BlockPacket:
			return f.obsoletePacket(b, p)
		case BlockInterfaceDescription:
			err = f.describeInterface(b)
		case BlockInterfaceStatistics:
			err = f.statistics(b)
		case BlockNameResolution:
			f.resolveNames(b)
		}
		if err != nil {
			return err
		}
	}
}

// head returns the type of the next block, and its length in octets. That of a Section Header Block is not looked at: it may be in
// another octet order.
func (f *Reader) head() (kind, length uint32, err error) {
	b, err := f.in.peek(blockHeader)
	if err != nil {
		return 0, 0, f.failed(f.in.offset, "a block", err)
	}
	return f.order.Uint32(b), f.order.Uint32(b[4:]), nil
}

// block reads the next block, of a type and a length. Its body holds until the next one is read.
func (f *Reader) block(kind, length uint32) (block, error) {
	b := block{kind: kind, start: f.in.offset}
	if err := f.checkLength(b, length, maxKept); err != nil {
		return b, err
	}
	octets, err := f.in.peek(int(length))
	if err != nil {
		return b, f.failed(b.start, f.blockName(kind), err)
	}
	if again := f.order.Uint32(octets[length-4:]); again != length {
		return b, &CorruptError{Offset: b.start, Reason: fmt.Sprintf("%s has a length of %d octets in front and %d at its end", f.blockName(kind), length, again)}
	}
	b.body = octets[blockHeader : length-4]
	f.in.skip(int(length))
	return b, nil
}

// skip passes over the next block without keeping it.
func (f *Reader) skip(kind, length uint32) error {
	b := block{kind: kind, start: f.in.offset}
	if err := f.checkLength(b, length, math.MaxUint32); err != nil {
		return err
	}
	if err := f.in.discard(int64(length)); err != nil {
		return f.failed(b.start, f.blockName(kind), err)
	}
	return nil
}

// checkLength refuses lengths that no block has, or that are greater than a limit.
func (f *Reader) checkLength(b block, length, limit uint32) error {
	if length < blockOverhead || length%4 != 0 || length > limit {
		return &CorruptError{Offset: b.start, Reason: fmt.Sprintf("%s has a length of %d octets", f.blockName(b.kind), length)}
	}
	return nil
}

// tooShort says that a block has no room for what belongs into it.
func (f *Reader) tooShort(b block) error {
	return &CorruptError{Offset: b.start, Reason: fmt.Sprintf("%s has a body of %d octets", f.blockName(b.kind), len(b.body))}
}

// describeInterface reads an Interface Description Block (draft-ietf-opsawg-pcapng 4.2).
func (f *Reader) describeInterface(b block) error {
	if len(b.body) < interfaceFixed {
		return f.tooShort(b)
	}
	if len(f.interfaces) == maxInterfaces {
		return &CorruptError{Offset: b.start, Reason: fmt.Sprintf("there are more than %d interfaces", maxInterfaces)}
	}
	i := Interface{
		LinkType:   LinkType(f.order.Uint16(b.body)),
		SnapLength: int(min(f.order.Uint32(b.body[4:]), 1<<31-1)),
	}
	resolution, offset := uint8(6), int64(0)
	for o := f.options(b.body[interfaceFixed:]); o.next(); {
		switch {
		case o.code == OptionInterfaceName:
			i.Name = text(o.value)
		case o.code == OptionInterfaceDescription:
			i.Description = text(o.value)
		case o.code == OptionInterfaceFilter && len(o.value) > 0 && o.value[0] == 0: // in the language of tcpdump
			i.Filter = text(o.value[1:])
		case o.code == OptionInterfaceResolution && len(o.value) == 1:
			resolution = o.value[0]
		case o.code == OptionInterfaceTimeOffset && len(o.value) == 8:
			offset = int64(f.order.Uint64(o.value))
		}
	}
	i.clock = newClock(resolution, offset)
	f.interfaces = append(f.interfaces, i)
	return nil
}

// statistics reads an Interface Statistics Block (draft-ietf-opsawg-pcapng 4.6). A later one replaces an earlier one, since what
// they count begins with the capture.
func (f *Reader) statistics(b block) error {
	if len(b.body) < statsFixed {
		return f.tooShort(b)
	}
	i, err := f.interfaceOf(b, f.order.Uint32(b.body))
	if err != nil {
		return err
	}
	var received, dropped uint64
	counted := false
	for o := f.options(b.body[statsFixed:]); o.next(); {
		if len(o.value) != 8 {
			continue
		}
		switch n := f.order.Uint64(o.value); o.code {
		case OptionStatisticsReceived:
			received, counted = n, true
		case OptionStatisticsInterfaceDrops, OptionStatisticsSystemDrops:
			dropped, counted = dropped+n, true
		}
	}
	if counted {
		s := &f.interfaces[i]
		s.Counted, s.Received, s.Dropped = true, received, dropped
	}
	return nil
}

// interfaceOf returns the index of an interface that a block names by its number within the section.
func (f *Reader) interfaceOf(b block, number uint32) (int, error) {
	if int64(number) >= int64(len(f.interfaces)-f.section) {
		return 0, &CorruptError{Offset: b.start, Reason: fmt.Sprintf("%s is of interface %d, which is not described", f.blockName(b.kind), number)}
	}
	return f.section + int(number), nil
}

// maxNames is how many addresses are given names.
const maxNames = 1 << 16

// resolveNames reads a Name Resolution Block (draft-ietf-opsawg-pcapng 4.5). Of several names of an address the first holds.
func (f *Reader) resolveNames(b block) {
	for o := f.options(b.body); o.next(); {
		var address netip.Addr
		var name []byte
		switch {
		case o.code == RecordIPv4 && len(o.value) > 4:
			address, name = netip.AddrFrom4([4]byte(o.value)), o.value[4:]
		case o.code == RecordIPv6 && len(o.value) > 16:
			address, name = netip.AddrFrom16([16]byte(o.value)), o.value[16:]
		default:
			continue
		}
		if _, known := f.names[address]; known || len(f.names) == maxNames {
			continue
		}
		if f.names == nil {
			f.names = make(map[netip.Addr]string)
		}
		f.names[address] = text(name)
	}
}
