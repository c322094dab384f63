package link

import (
	"errors"

	"tcpprobe/internal/capfile"
	"tcpprobe/rawip"
)

// Packet is a datagram as a frame carried it.
type Packet struct {
	Datagram rawip.Datagram // the headers, and as much of the payload as was captured
	Length   int            // octets of the payload on the wire: more than Datagram has, where it was cut
	Octets   []byte         // the datagram from its IP header on, as captured; of one out of several fragments, the last one

	VLANs     Tags              // identifiers of VLANs, the outer one first
	Labels    Tags              // labels of MPLS, the outer one first
	Direction capfile.Direction // as the link layer says
	Ifindex   int               // number of the interface on the host that captured, where the link layer says it; otherwise 0

	Tunnels []Tunnel // those that were opened, the outer one first; it holds until the next frame

	// Inner is the tunnel in which there is more TCP that was not looked at, since that was not wanted; NoTunnel if there is none.
	Inner Tunnel
}

// maxTags is how many tags of a frame are kept; there may be more.
const maxTags = 6

// Tags are the tags of a frame, or its labels.
type Tags struct {
	values [maxTags]uint32
	count  int
}

// All returns the tags, the outer one first: the first six, if there are more.
func (t *Tags) All() []uint32 { return t.values[:t.count] }

func (t *Tags) add(value uint32) {
	if t.count < maxTags {
		t.values[t.count] = value
		t.count++
	}
}

// Why a frame has no datagram that can be judged.
var (
	ErrLinkType  = errors.New("packets of this link type are not read")
	ErrNotIP     = errors.New("the frame carries no IP")
	ErrShort     = errors.New("a header is not there as a whole")
	ErrMalformed = errors.New("a header cannot be right")
	ErrFragment  = errors.New("a fragment without the TCP header, or with a part of it alone")
	ErrEncrypted = errors.New("the frame is encrypted")
)
