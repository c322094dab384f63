package tcphdr

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// Options are the options of a segment exactly as they stand on the wire, at most 40 octets: order, padding and
// malformations included. Build them from nil with [AppendMSS] and the other Append functions.
type Options []byte

// An Option is one option of a segment.
type Option struct {
	Kind OptionKind
	Data []byte // without kind and length; nil for the kinds that are a single octet
}

// All yields the options in order, those of a single octet included. It stops after the End of Option List, or before
// the first malformed option. The data of the options aliases o.
func (o Options) All() iter.Seq[Option] {
	return func(yield func(Option) bool) {
		for rest := o; len(rest) > 0; {
			opt, n := rest.first()
			if n == 0 || !yield(opt) || opt.Kind == EndOfOptions {
				return
			}
			rest = rest[n:]
		}
	}
}

// Malformed reports whether an option is cut off or has a length below 2 (RFC 9293, MUST-7), and if so, at which octet of
// o that option begins. The options before it can be trusted; what comes after cannot be told apart.
func (o Options) Malformed() (at int, bad bool) {
	end, whole := o.end()
	if whole {
		return 0, false
	}
	return end, true
}

// Find returns the data of the first option of the given kind, which aliases o.
func (o Options) Find(k OptionKind) (data []byte, ok bool) {
	for opt := range o.All() {
		if opt.Kind == k {
			return opt.Data, true
		}
	}
	return nil, false
}

// MSS returns the maximum segment size in octets (RFC 9293 3.2), any value that the sender chose to give. It is not ok if
// the option is of another kind, or of the wrong length.
func (o Option) MSS() (mss uint16, ok bool) {
	if o.Kind != MaximumSegmentSize || len(o.Data) != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(o.Data), true
}

// WindowScale returns the shift count of the window (RFC 7323 2.2), which a receiver takes as 14 if it is greater (2.3). It
// is not ok if the option is of another kind, or of the wrong length.
func (o Option) WindowScale() (shift uint8, ok bool) {
	if o.Kind != WindowScale || len(o.Data) != 1 {
		return 0, false
	}
	return o.Data[0], true
}

// Timestamps returns the timestamp value and the timestamp echo reply, TSval and TSecr (RFC 7323 3.2), in ticks of the
// clocks of the sender and of the receiver. It is not ok if the option is of another kind, or of the wrong length.
func (o Option) Timestamps() (val, ecr uint32, ok bool) {
	if o.Kind != Timestamps || len(o.Data) != 8 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(o.Data), binary.BigEndian.Uint32(o.Data[4:]), true
}

// A Block is a range of sequence numbers that arrived out of order: from Left up to, but not including, Right.
type Block struct{ Left, Right SeqNum }

// SACK returns the blocks of a selective acknowledgment (RFC 2018 3). It is not ok if the option is of another kind, or has
// no whole number of blocks, one at the least.
func (o Option) SACK() (blocks []Block, ok bool) {
	if o.Kind != SACK || len(o.Data) == 0 || len(o.Data)%8 != 0 {
		return nil, false
	}
	for d := o.Data; len(d) > 0; d = d[8:] {
		blocks = append(blocks, Block{SeqNum(binary.BigEndian.Uint32(d)), SeqNum(binary.BigEndian.Uint32(d[4:]))})
	}
	return blocks, true
}

// MSS is [Option.MSS] of the first option of that kind.
func (o Options) MSS() (mss uint16, ok bool) { return o.option(MaximumSegmentSize).MSS() }

// WindowScale is [Option.WindowScale] of the first option of that kind.
func (o Options) WindowScale() (shift uint8, ok bool) { return o.option(WindowScale).WindowScale() }

// Timestamps is [Option.Timestamps] of the first option of that kind.
func (o Options) Timestamps() (val, ecr uint32, ok bool) { return o.option(Timestamps).Timestamps() }

// SACKPermitted reports whether the sender can receive selective acknowledgments (RFC 2018 2).
func (o Options) SACKPermitted() bool {
	data, ok := o.Find(SACKPermitted)
	return ok && len(data) == 0
}

// option returns the first option of the given kind, or one without data if there is none.
func (o Options) option(k OptionKind) Option {
	data, _ := o.Find(k)
	return Option{Kind: k, Data: data}
}

// AppendNoOperation appends an octet that only moves what follows to another boundary (RFC 9293 3.2).
func AppendNoOperation(o Options) Options {
	return append(o, byte(NoOperation))
}

// AppendMSS appends the maximum segment size that we can receive, in octets (RFC 9293 3.2).
func AppendMSS(o Options, mss uint16) Options {
	return binary.BigEndian.AppendUint16(append(o, byte(MaximumSegmentSize), 4), mss)
}

// AppendWindowScale appends the shift count of our windows, 0 to 14 (RFC 7323 2.2).
func AppendWindowScale(o Options, shift uint8) Options {
	return append(o, byte(WindowScale), 3, shift)
}

// AppendSACKPermitted appends that we can receive selective acknowledgments (RFC 2018 2).
func AppendSACKPermitted(o Options) Options {
	return append(o, byte(SACKPermitted), 2)
}

// AppendFastOpenRequest appends a Fast Open option without a cookie, which asks for one (RFC 7413 4.1.1).
func AppendFastOpenRequest(o Options) Options {
	return append(o, byte(FastOpen), 2)
}

// AppendTimestamps appends our timestamp value and the timestamp echo reply (RFC 7323 3.2).
func AppendTimestamps(o Options, val, ecr uint32) Options {
	o = binary.BigEndian.AppendUint32(append(o, byte(Timestamps), 10), val)
	return binary.BigEndian.AppendUint32(o, ecr)
}

// first returns the option at the beginning of o and its length in octets, which is 0 if no whole option stands there.
func (o Options) first() (opt Option, n int) {
	if len(o) == 0 {
		return Option{}, 0
	}
	kind := OptionKind(o[0])
	if kind == EndOfOptions || kind == NoOperation {
		return Option{Kind: kind}, 1
	}
	if len(o) < 2 {
		return Option{}, 0
	}
	n = int(o[1])
	if n < 2 || n > len(o) {
		return Option{}, 0
	}
	return Option{Kind: kind, Data: o[2:n:n]}, n
}

// end returns where the options end: after the End of Option List, at the end of o, or, if they are not whole, at the
// malformed option.
func (o Options) end() (at int, whole bool) {
	for at < len(o) {
		opt, n := o[at:].first()
		if n == 0 {
			return at, false
		}
		at += n
		if opt.Kind == EndOfOptions {
			break
		}
	}
	return at, true
}

// check says what keeps the options from being sent, if anything does.
func (o Options) check() error {
	end, whole := o.end()
	if !whole {
		return fmt.Errorf("%w: option at octet %d", ErrMalformed, end)
	}
	for i, octet := range o[end:] {
		if octet != 0 {
			return fmt.Errorf("%w: padding %#02x at octet %d of the options", ErrMalformed, octet, end+i)
		}
	}
	return nil
}
