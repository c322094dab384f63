package capfile

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Lengths in octets of blocks and of what they begin with.
const (
	blockOverhead  = 12 // type, length, and the length again
	blockHeader    = 8
	minSection     = 28
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
	s, err := f.block()
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
		head, err := f.in.peek(blockHeader)
		if err != nil {
			return f.failed(f.in.offset, "a block", err)
		}
		kind := f.order.Uint32(head)
		switch kind {
		case BlockSectionHeader:
			if err := f.beginSection(); err != nil {
				return err
			}
			continue
		case BlockInterfaceDescription, BlockPacket, BlockSimplePacket, BlockNameResolution, BlockInterfaceStatistics, BlockEnhancedPacket:
		default:
			if err := f.skipBlock(); err != nil {
				return err
			}
			continue
		}
		b, err := f.block()
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

// length returns the length that the block at the beginning of the window has by its header.
func (f *Reader) length() (uint32, error) {
	b, err := f.in.peek(blockHeader)
	if err != nil {
		return 0, f.failed(f.in.offset, "a block", err)
	}
	total := f.order.Uint32(b[4:])
	if total < blockOverhead || total%4 != 0 {
		return 0, &CorruptError{Offset: f.in.offset, Reason: fmt.Sprintf("%s has a length of %d octets", f.blockName(f.order.Uint32(b)), total)}
	}
	return total, nil
}

// block reads the next block. Its body holds until the next one is read.
func (f *Reader) block() (block, error) {
	total, err := f.length()
	if err != nil {
		return block{}, err
	}
	b, err := f.in.peek(blockHeader)
	if err != nil {
		return block{}, err // it was there before
	}
	s := block{kind: f.order.Uint32(b), start: f.in.offset}
	if total > maxKept {
		return block{}, &CorruptError{Offset: s.start, Reason: fmt.Sprintf("%s has a length of %d octets", f.blockName(s.kind), total)}
	}
	if b, err = f.in.peek(int(total)); err != nil {
		return block{}, f.failed(s.start, f.blockName(s.kind), err)
	}
	if again := f.order.Uint32(b[total-4:]); again != total {
		return block{}, &CorruptError{Offset: s.start, Reason: fmt.Sprintf("%s has a length of %d octets in front and %d at its end", f.blockName(s.kind), total, again)}
	}
	s.body = b[blockHeader : total-4]
	f.in.skip(int(total))
	return s, nil
}

// skipBlock passes over the next block without keeping it.
func (f *Reader) skipBlock() error {
	total, err := f.length()
	if err != nil {
		return err
	}
	start := f.in.offset
	if err := f.in.discard(int64(total)); err != nil {
		return f.failed(start, "a block", err)
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
