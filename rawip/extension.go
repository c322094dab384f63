package rawip

import (
	"encoding/binary"
	"iter"
)

// Numbers of the extension headers that stand between an IPv6 header and a payload that can be read (RFC 8200 4). Behind
// others, such as ESP, nothing can be.
const (
	HeaderHopByHop           = 0
	HeaderRouting            = 43
	HeaderFragment           = 44
	HeaderDestinationOptions = 60
)

const (
	extensionUnit     = 8 // octets, of which an extension header has at least one unit
	fragmentHeaderLen = 8
	fragmentOffset    = 0xfff8 // the bits of its second word
	fragmentMore      = 1
)

// Extensions are the extension headers of a datagram, in the order in which they stand there.
type Extensions struct {
	First  uint8  // the number of the first one, where there are any
	Octets []byte // all of them
}

// An Extension is one extension header.
type Extension struct {
	Number uint8
	Octets []byte // the header with all of its fields, the first of which is the number of the next one
}

// All returns the extension headers, one after the other.
func (e Extensions) All() iter.Seq[Extension] {
	return func(yield func(Extension) bool) {
		number, rest := e.First, e.Octets
		for len(rest) > 0 {
			n, ok := extensionLen(number, rest)
			if !ok || !yield(Extension{Number: number, Octets: rest[:n:n]}) {
				return
			}
			number, rest = rest[0], rest[n:]
		}
	}
}

// A Fragment is what a fragment header says (RFC 8200 4.5).
type Fragment struct {
	Offset int  // in octets
	More   bool // there is another behind it
	ID     uint32
}

// Fragment returns what the first fragment header says by which the datagram is not whole, or else the last one, if there is
// one (RFC 6946: a fragment may be all of its datagram).
func (e Extensions) Fragment() (f Fragment, ok bool) {
	for x := range e.All() {
		if x.Number != HeaderFragment {
			continue
		}
		if f, ok = parseFragment(x.Octets), true; f.Offset > 0 || f.More {
			break
		}
	}
	return f, ok
}

func parseFragment(b []byte) Fragment {
	word := binary.BigEndian.Uint16(b[2:])
	return Fragment{Offset: int(word & fragmentOffset), More: word&fragmentMore != 0, ID: binary.BigEndian.Uint32(b[4:])}
}

// extensionLen returns the length of the extension header of that number at the beginning of b. It is not ok if the header is
// not whole, or if the number is that of something else.
func extensionLen(number uint8, b []byte) (n int, ok bool) {
	if len(b) < extensionUnit {
		return 0, false
	}
	switch number {
	case HeaderHopByHop, HeaderRouting, HeaderDestinationOptions:
		n = extensionUnit * (int(b[1]) + 1)
	case HeaderFragment:
		n = fragmentHeaderLen
	default:
		return 0, false
	}
	return n, n <= len(b)
}

// walkExtensions goes over the extension headers at the beginning of b, the first of which has that number. It returns the
// protocol that is behind them, and their length. It ends behind the header of a fragment that is not the first, in which no
// header follows. It is not ok if a header is not whole: then it returns its number, and the octet at which it begins.
func walkExtensions(number uint8, b []byte) (protocol uint8, length int, ok bool) {
	for {
		switch number {
		case HeaderHopByHop, HeaderRouting, HeaderDestinationOptions, HeaderFragment:
		default:
			return number, length, true
		}
		n, whole := extensionLen(number, b[length:])
		if !whole {
			return number, length, false
		}
		later := number == HeaderFragment && parseFragment(b[length:]).Offset > 0
		number = b[length]
		length += n
		if later {
			return number, length, true
		}
	}
}
