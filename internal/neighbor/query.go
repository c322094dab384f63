package neighbor

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/bpf"

	"tcpprobe/arp"
	"tcpprobe/internal/stamp"
	"tcpprobe/ndp"
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
	// told returns what else the packet said that told the MAC.
	told() (router, override bool)

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

	router, override bool // in a packet of NDP: what it says of its sender
}

// newQuery returns the query by the protocol that translates addresses of the target's family.
func newQuery(link Link, source, target netip.Addr) query {
	if target.Is6() {
		return newNDPQuery(link, source, target)
	}
	return newARPQuery(link, source, target)
}

// protocolOf returns what the protocol is called that translates an address.
func protocolOf(target netip.Addr) string {
	if target.Is6() {
		return "NDP"
	}
	return "ARP"
}

// sourceOf returns that as the source of an Entry.
func sourceOf(target netip.Addr) string { return strings.ToLower(protocolOf(target)) }

// filterFor returns the program of a socket that receives what concerns the questions, by either protocol.
func filterFor(questions []*question) ([]bpf.RawInstruction, error) {
	var senders []netip.Addr
	for _, q := range questions {
		if !slices.Contains(senders, q.sender) {
			senders = append(senders, q.sender)
		}
		senders = append(senders, q.target)
	}
	byARP := arp.Filter(senders...)
	filter := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: ndp.EtherType, SkipFalse: 1},
		bpf.Jump{Skip: uint32(len(byARP))},
	}
	return bpf.Assemble(slices.Concat(filter, byARP, ndp.Filter(senders...)))
}
