package capfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// options goes over options, or records of the same form (draft-ietf-opsawg-pcapng 3.5), up to their end or to one that is not
// whole.
type options struct {
	order binary.ByteOrder
	rest  []byte
	code  uint16
	value []byte
}

func (f *Reader) options(b []byte) options { return options{order: f.order, rest: b} }

// next goes on to the next option, if there is one.
func (o *options) next() bool {
	const header = 4
	if len(o.rest) < header {
		return false
	}
	o.code = o.order.Uint16(o.rest)
	length := int(o.order.Uint16(o.rest[2:]))
	if o.code == OptionEnd || header+length > len(o.rest) {
		return false
	}
	o.value = o.rest[header : header+length]
	o.rest = o.rest[min(header+(length+3)&^3, len(o.rest)):]
	return true
}

// text returns the text of an option, which some writers end with a zero.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// blockName names a block of a type, for a sentence.
func (f *Reader) blockName(kind uint32) string {
	switch kind {
	case BlockSectionHeader:
		return "a Section Header Block"
	case BlockInterfaceDescription:
		return "an Interface Description Block"
	case BlockPacket, BlockSimplePacket, BlockEnhancedPacket:
		return f.packetName()
	case BlockNameResolution:
		return "a Name Resolution Block"
	case BlockInterfaceStatistics:
		return "an Interface Statistics Block"
	}
	return fmt.Sprintf("a block of type %#x", kind)
}
