package icmp

// A Meaning is what an error message says about the datagram that it quotes, whichever of the two protocols it is of.
type Meaning uint8

const (
	MeansNothing                Meaning = iota // it is no error, or does not say whether the datagram was delivered
	MeansNoRoute                               // a router has no route to the destination
	MeansAddressUnreachable                    // the last router does not reach the destination
	MeansProhibited                            // a policy forbids it
	MeansBeyondScope                           // from a link-local source it cannot go further
	MeansSourceFailedPolicy                    // a policy forbids its source
	MeansRejectRoute                           // the route to the destination is one that rejects
	MeansPortUnreachable                       // nobody listens at the port
	MeansProtocolUnreachable                   // the destination does not speak the protocol
	MeansTooBig                                // the next hop's link does not take a datagram as long as it
	MeansHopLimitExceeded                      // it has passed as many routers as it may
	MeansReassemblyTimeExceeded                // not all of its fragments came in time
	MeansHeaderProblem                         // something in its headers is wrong or not known
	MeansSourceRouteFailed                     // the way that it asked for is not there
	MeansUnreachable                           // it was not delivered, for another reason
	MeansRedirect                              // it was delivered, and another router is nearer
	MeansQuench                                // it came too fast; deprecated (RFC 6633)
)

var meaningNames = [...]string{
	"nothing", "no route", "address unreachable", "prohibited", "beyond scope of source address", "source address failed policy",
	"reject route", "port unreachable", "protocol unreachable", "too big", "hop limit exceeded", "reassembly time exceeded",
	"header problem", "source route failed", "unreachable", "redirect", "quench",
}

// String says the meaning in a word or a few.
func (m Meaning) String() string { return meaningNames[m] }

// Undelivered reports whether it is that the datagram was not delivered.
func (m Meaning) Undelivered() bool {
	return m != MeansNothing && m != MeansRedirect && m != MeansQuench
}

// Forbidden reports whether it is that somebody's policy kept the datagram from being delivered.
func (m Meaning) Forbidden() bool {
	return m == MeansProhibited || m == MeansSourceFailedPolicy || m == MeansRejectRoute
}

// Meaning returns what the message says about the datagram that it quotes.
func (m Message) Meaning() Meaning {
	if m.V6 {
		return meaning6(m.Type, m.Code)
	}
	return meaning4(m.Type, m.Code)
}

// meaning4 is Meaning for ICMP.
func meaning4(t Type, c Code) Meaning {
	switch t {
	case DestinationUnreachable:
		if int(c) < len(unreachable4) {
			return unreachable4[c]
		}
		return MeansUnreachable
	case TimeExceeded:
		return timeExceeded(c == ReassemblyTimeExceeded)
	case ParameterProblem:
		return MeansHeaderProblem
	case Redirect:
		return MeansRedirect
	case SourceQuench:
		return MeansQuench
	}
	return MeansNothing
}

// meaning6 is Meaning for ICMPv6.
func meaning6(t Type, c Code) Meaning {
	switch t {
	case DestinationUnreachable6:
		if int(c) < len(unreachable6) {
			return unreachable6[c]
		}
		return MeansUnreachable
	case PacketTooBig6: // whatever its code (RFC 4443 3.2)
		return MeansTooBig
	case TimeExceeded6:
		return timeExceeded(c == ReassemblyTimeExceeded6)
	case ParameterProblem6:
		if c == UnrecognizedNextHeader6 {
			return MeansProtocolUnreachable // what IPv4 has its own code for
		}
		return MeansHeaderProblem
	}
	return MeansNothing
}

func timeExceeded(reassembly bool) Meaning {
	if reassembly {
		return MeansReassemblyTimeExceeded
	}
	return MeansHopLimitExceeded
}

// unreachable4 are the meanings of the codes of [DestinationUnreachable].
var unreachable4 = [...]Meaning{
	NetworkUnreachable:         MeansNoRoute,
	HostUnreachable:            MeansAddressUnreachable,
	ProtocolUnreachable:        MeansProtocolUnreachable,
	PortUnreachable:            MeansPortUnreachable,
	FragmentationNeeded:        MeansTooBig,
	SourceRouteFailed:          MeansSourceRouteFailed,
	NetworkUnknown:             MeansNoRoute,
	HostUnknown:                MeansAddressUnreachable,
	SourceHostIsolated:         MeansUnreachable,
	NetworkProhibited:          MeansProhibited,
	HostProhibited:             MeansProhibited,
	NetworkUnreachableForTOS:   MeansNoRoute,
	HostUnreachableForTOS:      MeansAddressUnreachable,
	AdministrativelyProhibited: MeansProhibited,
	HostPrecedenceViolation:    MeansUnreachable,
	PrecedenceCutoff:           MeansUnreachable,
}

// unreachable6 are the meanings of the codes of [DestinationUnreachable6].
var unreachable6 = [...]Meaning{
	NoRoute6:                 MeansNoRoute,
	AdminProhibited6:         MeansProhibited,
	BeyondScope6:             MeansBeyondScope,
	AddressUnreachable6:      MeansAddressUnreachable,
	PortUnreachable6:         MeansPortUnreachable,
	SourceFailedPolicy6:      MeansSourceFailedPolicy,
	RejectRoute6:             MeansRejectRoute,
	SourceRoutingHeaderError: MeansSourceRouteFailed,
	HeadersTooLong6:          MeansUnreachable,
}
