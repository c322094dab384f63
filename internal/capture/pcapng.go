package capture

import (
	"encoding/binary"
	"strings"

	"tcpprobe/internal/checksum"
	"tcpprobe/probe"
)

// Block types (draft-ietf-opsawg-pcapng 4).
const (
	sectionHeader        = 0x0a0d0d0a
	interfaceDescription = 1
	nameResolution       = 4
	enhancedPacket       = 6
)

// Options (draft-ietf-opsawg-pcapng 3.5, 4.1, 4.2, 4.3 and 4.5).
const (
	optEndOfOptions = 0
	optComment      = 1

	shbOS          = 3
	shbApplication = 4

	ifName        = 2
	ifDescription = 3
	ifResolution  = 9
	ifFilter      = 11

	epbFlags = 2

	nsDNSIPv4 = 3
	nsDNSIPv6 = 4
)

// Bits of epb_flags (draft-ietf-opsawg-pcapng 4.3.1).
const (
	inbound          = 1
	outbound         = 2
	checksumNotReady = 1 << 9
	checksumValid    = 1 << 10
)

// Records of names (draft-ietf-opsawg-pcapng 4.5), each an address and its name.
const (
	recordEnd  = 0
	recordIPv4 = 1
	recordIPv6 = 2
)

// appendSection appends the Section Header Block, with which the file begins. Numbers in it are little-endian, whatever
// the processor.
func appendSection(b []byte, info Info) []byte {
	start := len(b)
	b = begin(b, sectionHeader)
	b = binary.LittleEndian.AppendUint32(b, 0x1a2b3c4d) // byte-order magic
	b = binary.LittleEndian.AppendUint16(b, 1)          // version 1.0
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, 1<<64-1) // the length of the section is not known yet
	b = appendTextOption(b, shbOS, info.OS)
	b = appendTextOption(b, shbApplication, info.Application)
	b = appendOption(b, optEndOfOptions, nil)
	return end(b, start)
}

// appendInterface appends an Interface Description Block.
func appendInterface(b []byte, d device, info Info) []byte {
	start := len(b)
	b = begin(b, interfaceDescription)
	b = binary.LittleEndian.AppendUint16(b, linkType)
	b = append(b, 0, 0) // reserved
	b = binary.LittleEndian.AppendUint32(b, snapLength)
	b = appendTextOption(b, ifName, d.name)
	b = appendTextOption(b, ifDescription, d.description)
	b = appendOption(b, ifResolution, []byte{9}) // 10^-9 s
	if d.filtered && info.Filter != "" {
		b = appendOption(b, ifFilter, append([]byte{0}, legible(info.Filter)...)) // 0 for the language of tcpdump
	}
	b = appendOption(b, optEndOfOptions, nil)
	return end(b, start)
}

// appendPacket appends an Enhanced Packet Block, of a packet on the interface with a number.
func appendPacket(b []byte, id uint32, p packet) []byte {
	start := len(b)
	ns := p.nanoseconds()
	captured := p.octets[:min(len(p.octets), snapLength)]
	b = begin(b, enhancedPacket)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(ns>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(captured)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.octets)))
	b = append(b, captured...)
	b = pad(b, len(captured))
	b = appendComments(b, p.comments)
	b = appendOption(b, epbFlags, binary.LittleEndian.AppendUint32(nil, p.flags()))
	b = appendOption(b, optEndOfOptions, nil)
	return end(b, start)
}

// flags returns the flags of a packet: its direction, and what is known of its checksum.
func (p packet) flags() uint32 {
	if p.outbound {
		return outbound
	}
	switch p.checksum {
	case checksum.Valid:
		return inbound | checksumValid
	case checksum.Partial:
		return inbound | checksumNotReady
	}
	return inbound
}

// appendNames appends a Name Resolution Block: the addresses of a name, if it was looked up, and comments. It appends
// nothing if there is neither.
func appendNames(b []byte, d *probe.DNS, comments []string) []byte {
	name := ""
	if d != nil && d.Source != "literal" {
		name = legible(strings.TrimSuffix(d.Name, "."))
	}
	if (name == "" || len(d.Addresses) == 0) && len(comments) == 0 {
		return b
	}
	start := len(b)
	b = begin(b, nameResolution)
	if name != "" {
		for _, a := range d.Addresses {
			switch value := append(append(a.AsSlice(), name...), 0); {
			case a.Is4():
				b = appendOption(b, recordIPv4, value)
			case a.Is6():
				b = appendOption(b, recordIPv6, value)
			}
		}
	}
	b = appendOption(b, recordEnd, nil)
	b = appendComments(b, comments)
	if name != "" && d.Server.IsValid() {
		option := uint16(nsDNSIPv4)
		if d.Server.Addr().Is6() {
			option = nsDNSIPv6
		}
		b = appendOption(b, option, d.Server.Addr().AsSlice())
	}
	b = appendOption(b, optEndOfOptions, nil)
	return end(b, start)
}

// begin appends the beginning of a block. Its length is written by end.
func begin(b []byte, kind uint32) []byte {
	b = binary.LittleEndian.AppendUint32(b, kind)
	return append(b, 0, 0, 0, 0)
}

// end ends the block that began at an octet: its length stands before and behind it, for readers from both sides.
func end(b []byte, start int) []byte {
	length := uint32(len(b) - start + 4)
	binary.LittleEndian.PutUint32(b[start+4:], length)
	return binary.LittleEndian.AppendUint32(b, length)
}

// appendComments appends comments, each as an option of its own.
func appendComments(b []byte, comments []string) []byte {
	for _, c := range comments {
		b = appendTextOption(b, optComment, c)
	}
	return b
}

// appendTextOption appends an option that is text, unless it is empty.
func appendTextOption(b []byte, code uint16, s string) []byte {
	if s == "" {
		return b
	}
	return appendOption(b, code, []byte(legible(s)))
}

// appendOption appends an option, or a record of the same form: code, length, value, and padding that does not count.
func appendOption(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return pad(b, len(value))
}

// pad appends zeros to a value of n octets up to a multiple of 4.
func pad(b []byte, n int) []byte { return append(b, make([]byte, -n&3)...) }
