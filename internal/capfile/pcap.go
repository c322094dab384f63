package capfile

import "fmt"

// pcapHeader is what the header of a pcap file says of its records.
type pcapHeader struct {
	headerLength int
	swapped      bool // captured and original length stand in the other order
	maybeSwapped bool // some of them do
}

// maxPacket is how many octets a packet may have. Those that a kernel has joined out of many (BIG TCP) have half a
// million.
const maxPacket = 16 << 20

// readFileHeader reads the header of a pcap file (draft-ietf-opsawg-pcap 4).
func (f *Reader) readFileHeader(magic uint32) error {
	b, err := f.in.peek(fileHeaderLength)
	if err != nil {
		return f.failed(0, "the file header", err)
	}
	major, minor := f.order.Uint16(b[4:]), f.order.Uint16(b[6:])
	if major != 2 {
		return &CorruptError{Reason: fmt.Sprintf("version %d.%d of the format is not known", major, minor)}
	}
	f.pcap = pcapHeader{headerLength: recordHeaderLength, swapped: minor < 3, maybeSwapped: minor == 3}
	resolution := uint8(6)
	switch magic {
	case MagicNanoseconds:
		resolution = 9
	case magicKuznetzov:
		f.pcap.headerLength = kuznetzovHeaderLength
	}
	// The upper half of the last word says whether frames end with a check sequence, which does not matter here.
	f.interfaces = []Interface{{
		LinkType:   LinkType(f.order.Uint32(b[20:])),
		SnapLength: int(min(f.order.Uint32(b[16:]), 1<<31-1)),
		clock:      newClock(resolution, 0),
	}}
	f.in.skip(fileHeaderLength)
	return nil
}

// nextRecord reads a record of a pcap file (draft-ietf-opsawg-pcap 5).
func (f *Reader) nextRecord(p *Packet) error {
	b, err := f.in.peek(f.pcap.headerLength)
	if err != nil {
		return f.failed(f.in.offset, f.packetName(), err)
	}
	captured, length := f.order.Uint32(b[8:]), f.order.Uint32(b[12:])
	if f.pcap.swapped || f.pcap.maybeSwapped && captured > length {
		captured, length = length, captured
	}
	if captured > maxPacket {
		return &CorruptError{Offset: f.in.offset, Reason: fmt.Sprintf("%s has %d octets", f.packetName(), captured)}
	}
	seconds, fraction := f.order.Uint32(b), f.order.Uint32(b[4:])
	whole := f.pcap.headerLength + int(captured)
	if b, err = f.in.peek(whole); err != nil {
		return f.failed(f.in.offset, f.packetName(), err)
	}
	f.number++
	i := &f.interfaces[0]
	*p = Packet{
		Number: f.number, Offset: f.in.offset, LinkType: i.LinkType, Timed: true,
		Time:   int64(seconds)*1e9 + int64(fraction)*i.clock.nanoseconds,
		Length: max(int(min(length, 1<<31-1)), int(captured)),
		Data:   b[f.pcap.headerLength:],
	}
	f.in.skip(whole)
	return nil
}
