package diagram

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// Scene is what a diagram shows, whatever it is drawn with: parties, each with a line of its own, and what goes between
// this host and them.
type Scene struct {
	title    string
	subtitle string // what is the same for all steps
	host     party
	peers    []party // from near to far
	steps    []step
	outcome  probe.Outcome
	verdict  string        // in one line, the outcome first
	notes    []string      // below it
	advice   []string      // below them
	legend   []string      // that explains this kind of scene
	rtt      time.Duration // that is easy to see where time is to scale; 0 if there is none
}

// party is someone who takes part, with a line of its own.
type party struct {
	address netip.Addr
	roles   []string
	label   string // under the roles: the address, mostly
	rank    int
}

// step is one packet, or what happened without one.
type step struct {
	at       stamp.Stamp
	mark     string // beside it at this host's line: the time in milliseconds, or what else tells steps apart
	protocol string
	peer     int   // index; nobody for what happened on this host
	via      []int // peers that a packet is known to have passed
	rejected bool  // it is an ICMP error
	out      bool
	lost     bool     // nothing answers it
	silence  bool     // what was waited for did not come
	what     string   // "SYN [000010]"
	numbers  string   // "seq 0 ack 1"
	details  []string // "mss 1460 ws 7 sack ts", "rtt 11.573 ms"
	state    string   // that this host enters
}

// nobody is the index of the peer where this host is alone.
const nobody = -1

// time writes the mark of a step where nothing else says that it is a time.
func (s *step) time() string {
	if s.at.IsZero() {
		return s.mark
	}
	return s.mark + " ms"
}

// add adds a party, or a role of one that is there.
func (s *Scene) add(a netip.Addr, role string, rank int) {
	i := s.find(a)
	if i == nobody {
		p := party{address: a, roles: []string{role}, rank: rank}
		if a.IsValid() {
			p.label = a.String()
		}
		s.peers = append(s.peers, p)
		return
	}
	p := &s.peers[i]
	p.rank = max(p.rank, rank)
	if !slices.Contains(p.roles, role) {
		p.roles = append(p.roles, role)
	}
}

// find returns the index of the peer with an address.
func (s *Scene) find(a netip.Addr) int {
	return slices.IndexFunc(s.peers, func(p party) bool { return p.address == a })
}

// any reports whether there is a step of some kind.
func (s *Scene) any(is func(step) bool) bool { return slices.ContainsFunc(s.steps, is) }

// name returns the roles of a party.
func (p party) name() string { return strings.Join(p.roles, ", ") }
