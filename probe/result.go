package probe

import (
	"net/netip"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

// Outcome is how a probe ended. A failure is an outcome like any other, not an error.
type Outcome uint8

const (
	OutcomePending     Outcome = iota // no verdict yet
	OutcomeEstablished                // the handshake was completed, or with CloseHalf answered by a SYN-ACK
	OutcomeRefused                    // the peer answered our SYN with RST
	OutcomeUnreachable                // an ICMP error quoted our SYN
	OutcomeTimeout                    // SYNs left and nothing came back
	OutcomeDNSError                   // the name did not resolve
	OutcomeNoRoute                    // the kernel has no route
	OutcomeARPTimeout                 // the next hop did not answer ARP
	OutcomeNDPTimeout                 // the next hop did not answer NDP
	OutcomeLocalError                 // the system refused to send
	OutcomeInterrupted                // the run was ended before there was a verdict

	// Of handshakes between others alone.
	OutcomeHalfOpen // a SYN-ACK answered the SYN, and no ACK came
	OutcomeUnknown  // the capture begins or ends in it, or has one direction alone
)

var outcomeNames = [...]string{"pending", "established", "refused", "unreachable", "timeout", "dns_error", "no_route", "arp_timeout", "ndp_timeout", "local_error", "interrupted", "half_open", "unknown"}

// String returns the outcome as it stands in the JSON results: "established", "dns_error".
func (o Outcome) String() string { return outcomeNames[o] }

// Finding is something noteworthy that did not decide the outcome, by its code in the JSON results.
type Finding string

const (
	FindingSYNRetransmitted      Finding = "syn_retransmitted"       // the first SYN got no answer in time
	FindingDuplicateSYNACK       Finding = "duplicate_syn_ack"       // our ACK was lost, or the accept queue is full
	FindingStalePeerState        Finding = "stale_peer_state"        // an ACK of something that we never sent
	FindingResetAfterEstablished Finding = "reset_after_established" // accepted, then reset
	FindingRSTIgnored            Finding = "rst_ignored"             // a RST that proves nothing about our SYN
	FindingPeerSpeaksFirst       Finding = "peer_speaks_first"       // data or FIN before we sent any
	FindingOptionsMalformed      Finding = "options_malformed"       // the SYN-ACK's options could not be read to the end
	FindingChecksumInvalid       Finding = "checksum_invalid"        // segments were discarded for their checksum
	FindingSimultaneousOpen      Finding = "simultaneous_open"       // the peer's SYN crossed ours
	FindingARPConflict           Finding = "arp_conflict"            // more than one MAC answers for the next hop's address: two hosts, or one with two interfaces
	FindingARPUnanswered         Finding = "arp_unanswered"          // nobody answered for the next hop, and the kernel knows its MAC all the same
	FindingNDPConflict           Finding = "ndp_conflict"            // more than one MAC answers for the next hop's IPv6 address, each for itself
	FindingNDPUnanswered         Finding = "ndp_unanswered"          // nobody answered for the next hop's IPv6 address, and the kernel knows its MAC all the same
	FindingLinkLocalSource       Finding = "link_local_source"       // our address is link-local, and the target is not: routers go no further with it
	FindingNextHopMoved          Finding = "next_hop_moved"          // the next hop is at another MAC than before
	FindingNextHopOwnMAC         Finding = "next_hop_own_mac"        // the next hop has the MAC of our own interface
	FindingNextHopGroupMAC       Finding = "next_hop_group_mac"      // the next hop has the MAC of a group
	FindingAddressConflict       Finding = "address_conflict"        // another host claims our own address
	FindingICMPThenAnswer        Finding = "icmp_then_answer"        // an ICMP error first, then an answer of the peer all the same
	FindingTimestampsMismatch    Finding = "timestamps_mismatch"     // the SYN-ACK echoes a time stamp that we never sent
	FindingMD5Signature          Finding = "md5_signature"           // the SYN-ACK is signed (RFC 2385), and we have no key
	FindingCloseUnanswered       Finding = "close_unanswered"        // the peer did not close, and was reset at the end
	FindingFragmentIgnored       Finding = "fragment_ignored"        // part of a datagram came, which cannot be judged
	FindingDNSAnswerDamaged      Finding = "dns_answer_damaged"      // a part of the DNS answer cannot be read
	FindingAnsweredElsewhere     Finding = "answered_elsewhere"      // the answer came by another interface than that of our SYN
	FindingPortOutsideRange      Finding = "port_outside_range"      // no port of the kernel's range was left, and another was taken
	FindingRepathed              Finding = "repathed"                // a repetition of our SYN with another flow label was answered, and the first was not: its path may be broken
	FindingMTUBelowMinimum       Finding = "mtu_below_minimum"       // a router names an MTU that no link of IPv6 may have
)

// Result is everything about one handshake with one target: what every renderer prints. What did not happen is nil or
// zero.
type Result struct {
	Target string // as the user wrote it
	Host   string // the name or address in it
	Port   uint16
	Seq    int // from 1, of the handshakes with this target
	// Address is the one that the handshake is with, as soon as it is known. A link-local one has its zone.
	Address netip.Addr
	// Also is the other addresses of the name, which nobody wants probed.
	Also  []netip.Addr
	Time  time.Time   // wall clock, of the start
	Start stamp.Stamp // what the times of the events are counted from

	Outcome  Outcome
	Findings []Finding
	Err      error // what stands behind DNSError, NoRoute, ARPTimeout, NDPTimeout and LocalError

	DNS     *DNS
	NAT64   *NAT64 // nil unless the handshake is through a translator, or there is no route and could be through one
	Route   *Route
	NextHop *NextHop
	TCP     *TCP
	ICMP    []*ICMP

	Events []Event // in the order in which they happened
}

// DNS is how the name became an address.
type DNS struct {
	Source    string // "literal", "hosts" or "dns"
	Server    netip.AddrPort
	Name      string // the fully qualified name that was found, or asked last
	RCode     string // "NOERROR", "NXDOMAIN", …; empty if no answer came
	Searched  bool   // Name was completed from the search list
	Addresses []netip.Addr
	Omitted   int // addresses beyond these
	CNAME     []string
	Attempts  int
	Duration  time.Duration
	Known     bool // it was found before, for another handshake: Duration was no part of this one
	Clock     stamp.Source
	Queries   []DNSQueries // for each type of addresses, if several were asked for
}

// DNSQueries is what became of the addresses of one type.
type DNSQueries struct {
	Type      string // "A" or "AAAA"
	RCode     string // empty if no answer came
	Addresses []netip.Addr
	Duration  time.Duration
	Clock     stamp.Source
}

// NAT64 is how a host without IPv4 reaches one without IPv6: through a translator, for which the IPv4 address is in an IPv6 address
// behind a prefix (RFC 6052).
type NAT64 struct {
	Prefix      netip.Prefix
	Address     netip.Addr // of IPv4
	Synthesized netip.Addr // of IPv6, that stands for it
}

// Route is which way the kernel sends our segments.
type Route struct {
	Interface string
	MAC       [6]byte // of the interface; zero if it has none
	Source    netip.Addr
	NextHop   netip.Addr // the destination itself if it is on the link
	OnLink    bool
	MTU       int // what the kernel knows of the path, or the interface's
	LinkMTU   int // the interface's
}

// NextHop is how the next hop became a link-layer address.
type NextHop struct {
	Source   string // "arp", "ndp", "kernel" (nobody answers, but the kernel has an entry), "permanent" (an entry by hand) or "not_needed"
	Address  netip.Addr
	MAC      [6]byte   // zero if there is none
	Answers  [][6]byte // every different answer, the one used first
	Attempts int
	Duration time.Duration
	Clock    stamp.Source

	// Router and Override are the flags of the neighbor advertisement that told the MAC (RFC 4861 4.4).
	Router, Override bool
}

// TCP is the handshake: the control block at its end, and how it got there.
type TCP struct {
	Local, Remote netip.AddrPort
	Send          string   // "link": frames of our own; "ip": through the kernel's routing; "connect": by connect(2)
	Bypassed      []string // what of this host is known to exist that "link" goes past: "nftables input", "IPsec"
	ArrivedIndex  int      // of the interface that the answer came by; 0 if there was none, or it is not known
	ArrivedOn     string   // its name, if it is another than that of the route
	State         State
	States        []StateChange
	SYNSent       int // SYNs that left, retransmissions included
	SYNChallenged int // of which a challenge ACK came back: they were not lost, and are no handshake either
	AnsweredSYN   int // which of them was answered, from 1; 0 if none was, or it is not known which

	Answered     bool          // RTT was measured
	RTT          time.Duration // from the SYN that was answered to its answer: SYN-ACK, RST or ICMP error
	RTTAmbiguous bool          // not to be relied on: RTT is from the last SYN of which any may have been answered (Karn), or to a SYN-ACK that may be a repetition
	Clock        stamp.Source  // of RTT
	Connected    bool          // our ACK left
	Connect      time.Duration // from the first SYN to our ACK: what an application waits
	Turnaround   time.Duration // from the SYN-ACK's arrival to our ACK: what this program added

	Peer   *Peer // what the SYN-ACK said; nil if there was none
	TTL    uint8 // of the answer; 0 if there was none
	Close  Close
	Strays []Stray // what came in and decided nothing, by kind

	// Of a handshake by connect(2) alone.
	ConnectedTo netip.AddrPort // whom the kernel connected with, if that is another than Remote
	SendMSS     int            // octets of data that the kernel puts into a segment; 0 if it is not known
}

// ByKernel reports whether the kernel made the handshake, by connect(2). Then nobody saw its segments: what is known is what
// the kernel tells (TCP_INFO), and the times but for RTT are those of the calls.
func (t *TCP) ByKernel() bool { return t != nil && t.Send == SendConnect }

// SendConnect is Send of a handshake that the kernel made.
const SendConnect = "connect"

// Peer is what the SYN-ACK said of the other side.
type Peer struct {
	MSS           uint16
	HasMSS        bool
	WindowScale   uint8
	HasScale      bool
	SACKPermitted bool
	Timestamps    bool
	ECN           ECN
	Window        uint16
}

// StateChange is one step of the connection's life.
type StateChange struct {
	State State
	At    stamp.Stamp
}

// ICMP is an ICMP error that quoted our SYN.
type ICMP struct {
	From       netip.Addr
	Source     netip.Addr // whom the quoted datagram was from: this host
	Target     netip.Addr // whom it was for
	Type, Code uint8
	Name       string
	MTU        int              // next-hop MTU; 0 if it names none
	Labels     []icmp.Label     // the MPLS label stack that our datagram had at the router; nil if it tells of none
	Interfaces []icmp.Interface // of the router; nil if it tells of none
	Quoted     []byte           // what it quotes of our datagram
	TTL        uint8            // of the ICMP message's own datagram
	QuotedTTL  uint8            // what was left of our datagram's TTL, or hop limit, when it was rejected
	SentTTL    uint8            // what it left us with
	At         stamp.Stamp
}

// Is6 reports whether it is one of ICMPv6: Type and Code are of its numbers then.
func (m ICMP) Is6() bool { return m.From.Is6() }

// Meaning returns what it says about our datagram.
func (m ICMP) Meaning() icmp.Meaning {
	return icmp.Message{V6: m.Is6(), Type: icmp.Type(m.Type), Code: icmp.Code(m.Code)}.Meaning()
}

// Own reports whether this host's kernel sent the error to itself, as it does if a datagram that it was to send finds no
// next hop.
func (m ICMP) Own() bool { return m.From == m.Source && m.From != m.Target }

// Hops returns how many hops away our datagram was rejected, from the TTL that is quoted: 1 is the first router. 0 means
// that the quote does not tell.
//
// A router that rejects what it was about to forward has counted the TTL down already. One that finds the TTL used up
// has not, and the destination has no reason to. A router whose routing table rejects has not either, but its message
// looks like the first kind: the count is one too low then.
func (m ICMP) Hops() int {
	if m.QuotedTTL == 0 || m.QuotedTTL > m.SentTTL || m.Own() {
		return 0
	}
	crossed := int(m.SentTTL - m.QuotedTTL)
	if m.Meaning() == icmp.MeansHopLimitExceeded || m.From == m.Target {
		return crossed + 1
	}
	return max(crossed, 1)
}

// EventKind says what happened.
type EventKind uint8

const (
	EventDNSQuery EventKind = iota
	EventDNSAnswer
	EventDNSSilence // no answer in time
	EventRouteFound
	EventNeighborRequest
	EventNeighborReply
	EventNeighborSilence
	EventSegmentSent
	EventSegmentReceived
	EventICMPReceived
	EventTCPSilence
	EventConnectCalled // connect(2) has the kernel make the handshake
	EventConnectAgain  // the kernel has sent its SYN again
	EventConnectEnded  // the kernel has made the handshake, or given up
)

// Event is one thing that happened: the material of which ladder, JSON, capture and explanation are made.
type Event struct {
	Kind   EventKind
	At     stamp.Stamp
	Step   time.Duration // how long the step took that ends with this event; 0 if none does
	Octets []byte        // as they were sent or received: DNS message, ARP packet, IP datagram
	Frame  *Frame        // that carried an ARP packet or a datagram; nil if it went by the kernel's IP

	DNS      *DNSMessage     // for DNSQuery, DNSAnswer, DNSSilence
	Route    *Route          // for RouteFound
	Neighbor *NeighborPacket // for NeighborRequest, NeighborReply, NeighborSilence
	Segment  *Segment        // for SegmentSent, SegmentReceived
	ICMP     *ICMP           // for ICMPReceived
	Connect  *Connect        // for ConnectCalled, ConnectAgain, ConnectEnded
}

// Connect is a step of connect(2).
type Connect struct {
	Again int    // for ConnectAgain: how often the SYN was sent again so far
	Errno string // for ConnectEnded: what connect(2) says, as "ECONNREFUSED"; empty if the connection is established
}

// Frame is the Ethernet header in front of the octets.
type Frame struct {
	Source, Destination [6]byte
}

// DNSMessage is a query or an answer.
type DNSMessage struct {
	Server    netip.AddrPort
	Local     netip.AddrPort // not valid if nothing was sent
	Transport string         // "udp" or "tcp"
	Type      string         // "A" or "AAAA"
	Name      string
	RCode     string
	Searched  bool // Name was completed from the search list
	Addresses []netip.Addr
	Omitted   int // addresses beyond these
	CNAME     []string
	TTL       uint32 // seconds
	Damaged   bool   // a part of the answer cannot be read
	Attempt   int    // from 1
	Failed    bool   // the query could not be delivered; without, a silence is the end of the time
	Note      string // why it was ignored, or what failed
}

// NeighborPacket is a request or a reply of ARP, or, if Address is an IPv6 address, a neighbor solicitation or advertisement of
// NDP.
type NeighborPacket struct {
	Interface string
	Address   netip.Addr // that is asked for, or answered
	Sender    netip.Addr // that asks
	MAC       [6]byte    // in a reply
	Attempt   int        // from 1
	Attempts  int        // at most
	Note      string     // why a reply was ignored

	Router, Override bool // in an advertisement: its flags (RFC 4861 4.4)
}

// Protocol returns "ARP" or "NDP".
func (p NeighborPacket) Protocol() string {
	if p.Address.Is6() {
		return "NDP"
	}
	return "ARP"
}

// Segment is one of our connection's segments.
type Segment struct {
	Header    tcphdr.Header // Options do not alias anything
	Length    int           // octets of data
	TTL       uint8
	TOS       uint8
	ID        uint16 // Identification of the datagram, of IPv4
	FlowLabel uint32 // of the datagram, of IPv6
	Size      int    // octets of the datagram
	Checksum  checksum.State
	State     State         // of our control block after it
	Verdict   Verdict       // for received ones: what it meant
	Again     int           // for sent ones: how many times the same was sent before
	After     time.Duration // and how long after the one before
	Tries     int           // for SYNs: how many times it may be sent again
	Answers   int           // for a SYN-ACK or RST: which SYN it answers, from 1; 0 if not known
}
