package neighbor

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"tcpprobe/arp"
	"tcpprobe/internal/stamp"
)

// Link is the interface to ask on.
type Link struct {
	Index        int
	Name         string
	HardwareAddr [6]byte
}

// Hop is an address on the link of an interface: whom to find.
type Hop struct {
	Index   int // of the interface
	Address netip.Addr
}

// Entry is what is known of a neighbour.
type Entry struct {
	MAC    [6]byte
	Source string // who says so: "arp" or "ndp", or "kernel" where nobody answers and the kernel knows it all the same
}

// IsGroup reports whether the MAC is that of several stations.
func (e Entry) IsGroup() bool { return e.MAC[0]&1 != 0 }

// Verdict is what a packet was taken for.
type Verdict uint8

const (
	Ignored         Verdict = iota // it names the neighbour, and yet nothing of it is believed
	Accepted                       // the answer
	Repeated                       // the answer again
	Conflict                       // a valid answer with another MAC than the one before
	Moved                          // the neighbour is at another MAC now
	Stronger                       // the owner's answer after that of a proxy or of another member of an anycast group, which it replaces
	AddressConflict                // another station says that our own address is its own (RFC 5227 2.4, RFC 4862 5.4.4)
)

// Event is one packet, sent or received. That the kernel's entry for a neighbour has another MAC is one without Octets.
type Event struct {
	Link    Link
	Out     bool       // sent by the Finder
	Attempt int        // number of the request that was sent last, from 1
	Address netip.Addr // whose MAC is asked for or told
	Peer    netip.Addr // the other address of the packet: who asks, or who is told. A Finder need not ask in the name of the source
	MAC     [6]byte    // of Address, by a packet received
	Octets  []byte     // of the packet, without the link header
	// EtherSource and EtherDestination are the addresses of the frame. Where the source of an answer is not its MAC, it
	// was sent on behalf of another station, or is a forgery.
	EtherSource, EtherDestination [6]byte

	At      stamp.Stamp
	Sent    stamp.Stamp // of a packet received: when the last request before it left; zero if there was none
	Verdict Verdict     // of a packet received
	Note    string      // of a packet received: the verdict as a clause for a person

	Router, Override bool // of an advertisement received: its flags (RFC 4861 4.4)
}

// Result is what was found, or the way it went without finding anything.
type Result struct {
	Entry
	Attempts int           // requests made
	Duration time.Duration // from the first request to the answer
	Clock    stamp.Source  // the clock of Duration
	Answers  [][6]byte     // the MACs of all that answered so far: more than one is a conflict
	Ignored  int           // how many packets in the neighbour's name were not believed

	// Router and Override are the flags of the advertisement that told the MAC (RFC 4861 4.4): the neighbour is a router, and
	// speaks for itself, not as a proxy or for an anycast address.
	Router, Override bool
}

// Attempts is how many times a neighbour is asked before it counts as silent, by ARP and by NDP.
const Attempts = arp.Tries

// ErrTimeout is the cause of an Error when every request was left without an answer.
var ErrTimeout = errors.New("no answer")

// Error says why there is no MAC.
type Error struct {
	Protocol  string // "ARP" or "NDP"
	Target    netip.Addr
	Interface string // name
	// Err is ErrTimeout, the error of the context, or that of the socket: it is ENETDOWN or ENXIO if the interface
	// is down or gone.
	Err error
}

// Error returns the reason as a clause for a person.
func (e *Error) Error() string {
	if errors.Is(e.Err, ErrTimeout) {
		return fmt.Sprintf("nobody answered for %v on %s", e.Target, e.Interface)
	}
	return fmt.Sprintf("%s for %v on %s: %v", e.Protocol, e.Target, e.Interface, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
