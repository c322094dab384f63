package neighbor

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/bpf"

	"tcpprobe/arp"
	"tcpprobe/internal/stamp"
)

// query is the machine that finds one MAC by the packets of a protocol.
type query interface {
	// next returns the request to send now, if it is time for one.
	next(now time.Time) (request, bool, error)
	// handle takes a packet that another station sent to this one or to all. It is not ok if it does not concern the query.
	handle(etherType uint16, octets []byte, at stamp.Stamp) (claim, bool)
	// mac returns the neighbour's MAC as it was told last, once it is known.
	mac() ([6]byte, bool)
	answers() [][6]byte

	Deadline() (time.Time, bool)
	Sent(at stamp.Stamp)
	Done() bool
	Attempts() int
	Duration() (time.Duration, stamp.Source)
}

// request is a packet to be sent.
type request struct {
	etherType uint16
	to        [6]byte
	octets    []byte
}

// claim is what a received packet says, and what it was taken for.
type claim struct {
	address netip.Addr // whose MAC it tells
	mac     [6]byte
	peer    netip.Addr // whom it is told
	verdict Verdict
	note    string // the verdict as a clause for a person
	octets  []byte // without the padding of the frame
}

// arpQuery is a query by ARP.
type arpQuery struct {
	*arp.Query
	source, target netip.Addr
}

func newARPQuery(link Link, source, target netip.Addr) arpQuery {
	q := arp.NewQuery(arp.QueryConfig{SenderHA: link.HardwareAddr, SenderPA: source, TargetPA: target})
	return arpQuery{q, source, target}
}

func (q arpQuery) next(now time.Time) (request, bool, error) {
	packet, ok := q.Next(now)
	if !ok {
		return request{}, false, nil
	}
	octets, err := packet.Append(nil)
	return request{etherType: arp.EtherType, to: arp.Broadcast, octets: octets}, true, err
}

func (q arpQuery) handle(etherType uint16, octets []byte, at stamp.Stamp) (claim, bool) {
	if etherType != arp.EtherType {
		return claim{}, false
	}
	packet, err := arp.Parse(octets)
	if err != nil {
		return claim{}, false
	}
	judged := q.HandlePacket(packet, at)
	if judged == arp.Unrelated {
		return claim{}, false
	}
	return claim{packet.SenderPA, packet.SenderHA, packet.TargetPA, verdictOf(judged), judged.String(), octets[:arp.Size]}, true
}

func (q arpQuery) mac() ([6]byte, bool) {
	return q.MAC()
}

func (q arpQuery) answers() [][6]byte {
	var macs [][6]byte
	for _, mac := range q.Answers() {
		macs = append(macs, mac)
	}
	return macs
}

// verdictOf returns a verdict of ARP without what is ARP's own.
func verdictOf(v arp.Verdict) Verdict {
	switch v {
	case arp.Accepted:
		return Accepted
	case arp.Repeated:
		return Repeated
	case arp.Conflict:
		return Conflict
	case arp.Moved:
		return Moved
	case arp.AddressConflict:
		return AddressConflict
	}
	return Ignored
}

// protocol is what the protocol is called.
const protocol = "ARP"

// filterFor returns the program of a socket that receives what concerns the questions.
func filterFor(questions []*question) ([]bpf.RawInstruction, error) {
	var senders []netip.Addr
	for _, q := range questions {
		if !slices.Contains(senders, q.sender) {
			senders = append(senders, q.sender)
		}
		senders = append(senders, q.target)
	}
	return bpf.Assemble(arp.Filter(senders...))
}
