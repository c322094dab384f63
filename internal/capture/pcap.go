package capture

import (
	"encoding/binary"

	"tcpprobe/internal/capfile"
)

// snapLength is how many octets of a packet the file takes: more than any that is sent or received here.
const snapLength = 262144

// appendFileHeader appends what a PCAP file begins with. Numbers in it are little-endian, whatever the processor.
func appendFileHeader(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, capfile.MagicNanoseconds)
	b = binary.LittleEndian.AppendUint16(b, 2) // version 2.4
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...) // reserved
	b = binary.LittleEndian.AppendUint32(b, snapLength)
	return binary.LittleEndian.AppendUint32(b, uint32(linkType))
}

// appendRecord appends a packet to a PCAP file.
func appendRecord(b []byte, p packet) []byte {
	ns := p.nanoseconds()
	captured := p.octets[:min(len(p.octets), snapLength)]
	b = binary.LittleEndian.AppendUint32(b, uint32(ns/1e9))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns%1e9))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(captured)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.octets)))
	return append(b, captured...)
}

// nanoseconds returns the time of a packet since 1970; 0 if there is no such number.
func (p packet) nanoseconds() uint64 {
	if s := p.at.Unix(); s < 0 || s > 0xffffffff {
		return 0
	}
	return uint64(p.at.Unix())*1e9 + uint64(p.at.Nanosecond())
}
