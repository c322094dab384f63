package capture

import (
	"encoding/binary"
	"strings"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/checksum"
	"tcpprobe/probe"
)

// appendSection appends the Section Header Block, with which the file begins. Numbers in it are little-endian, whatever
// the processor.
func appendSection(b []byte, info Info) []byte {
	start := len(b)
	b = begin(b, capfile.BlockSectionHeader)
	b = binary.LittleEndian.AppendUint32(b, capfile.ByteOrderMagic)
	b = binary.LittleEndian.AppendUint16(b, 1) // version 1.0
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, 1<<64-1) // the length of the section is not known yet
	b = appendTextOption(b, capfile.OptionSectionOS, info.OS)
	b = appendTextOption(b, capfile.OptionSectionApplication, info.Application)
	b = appendOption(b, capfile.OptionEnd, nil)
	return end(b, start)
}

// appendInterface appends an Interface Description Block.
func appendInterface(b []byte, d device, info Info) []byte {
	start := len(b)
	b = begin(b, capfile.BlockInterfaceDescription)
	b = binary.LittleEndian.AppendUint16(b, uint16(linkType))
	b = append(b, 0, 0) // reserved
	b = binary.LittleEndian.AppendUint32(b, snapLength)
	b = appendTextOption(b, capfile.OptionInterfaceName, d.name)
	b = appendTextOption(b, capfile.OptionInterfaceDescription, d.description)
	b = appendOption(b, capfile.OptionInterfaceResolution, []byte{9}) // 10^-9 s
	if d.filtered && info.Filter != "" {
		b = appendOption(b, capfile.OptionInterfaceFilter, append([]byte{0}, legible(info.Filter)...)) // 0 for the language of tcpdump
	}
	b = appendOption(b, capfile.OptionEnd, nil)
	return end(b, start)
}

// appendPacket appends an Enhanced Packet Block, of a packet on the interface with a number.
func appendPacket(b []byte, id uint32, p packet) []byte {
	start := len(b)
	ns := p.nanoseconds()
	captured := p.octets[:min(len(p.octets), snapLength)]
	b = begin(b, capfile.BlockEnhancedPacket)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(ns>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(captured)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.octets)))
	b = append(b, captured...)
	b = pad(b, len(captured))
	b = appendComments(b, p.comments)
	b = appendOption(b, capfile.OptionPacketFlags, binary.LittleEndian.AppendUint32(nil, p.flags()))
	b = appendOption(b, capfile.OptionEnd, nil)
	return end(b, start)
}

// flags returns the flags of a packet: its direction, and what is known of its checksum.
func (p packet) flags() uint32 {
	if p.outbound {
		return capfile.FlagOutbound
	}
	switch p.checksum {
	case checksum.Valid:
		return capfile.FlagInbound | capfile.FlagChecksumValid
	case checksum.Partial:
		return capfile.FlagInbound | capfile.FlagChecksumNotReady
	}
	return capfile.FlagInbound
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
	b = begin(b, capfile.BlockNameResolution)
	if name != "" {
		for _, a := range d.Addresses {
			switch value := append(append(a.AsSlice(), name...), 0); {
			case a.Is4():
				b = appendOption(b, capfile.RecordIPv4, value)
			case a.Is6():
				b = appendOption(b, capfile.RecordIPv6, value)
			}
		}
	}
	b = appendOption(b, capfile.RecordEnd, nil)
	b = appendComments(b, comments)
	if name != "" && d.Server.IsValid() {
		option := uint16(capfile.OptionNamesDNSIPv4)
		if d.Server.Addr().Is6() {
			option = capfile.OptionNamesDNSIPv6
		}
		b = appendOption(b, option, d.Server.Addr().AsSlice())
	}
	b = appendOption(b, capfile.OptionEnd, nil)
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
		b = appendTextOption(b, capfile.OptionComment, c)
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
