package icmp

import "fmt"

// A Type is the type of a message.
type Type uint8

// Types, as IANA registers them under "ICMP Type Numbers".
const (
	EchoReply              Type = 0  // RFC 792
	DestinationUnreachable Type = 3  // RFC 792
	SourceQuench           Type = 4  // RFC 792; deprecated by RFC 6633
	Redirect               Type = 5  // RFC 792
	Echo                   Type = 8  // RFC 792
	TimeExceeded           Type = 11 // RFC 792
	ParameterProblem       Type = 12 // RFC 792
)

// A Code says more about a message of a given type.
type Code uint8

// Codes of [DestinationUnreachable]: 0 to 5 from RFC 792, 6 to 12 from RFC 1122 3.2.2.1, 13 to 15 from RFC 1812 5.2.7.1.
const (
	NetworkUnreachable         Code = 0
	HostUnreachable            Code = 1
	ProtocolUnreachable        Code = 2
	PortUnreachable            Code = 3
	FragmentationNeeded        Code = 4
	SourceRouteFailed          Code = 5
	NetworkUnknown             Code = 6
	HostUnknown                Code = 7
	SourceHostIsolated         Code = 8
	NetworkProhibited          Code = 9
	HostProhibited             Code = 10
	NetworkUnreachableForTOS   Code = 11
	HostUnreachableForTOS      Code = 12
	AdministrativelyProhibited Code = 13
	HostPrecedenceViolation    Code = 14
	PrecedenceCutoff           Code = 15
)

// Codes of [TimeExceeded] (RFC 792).
const (
	TimeToLiveExceeded     Code = 0
	ReassemblyTimeExceeded Code = 1
)

// names are by type and code, as IANA registers them under "ICMP Type Numbers" and "Code Fields".
var names = [256][]string{
	EchoReply: {"echo reply"},
	DestinationUnreachable: {
		NetworkUnreachable:         "network unreachable",
		HostUnreachable:            "host unreachable",
		ProtocolUnreachable:        "protocol unreachable",
		PortUnreachable:            "port unreachable",
		FragmentationNeeded:        "fragmentation needed",
		SourceRouteFailed:          "source route failed",
		NetworkUnknown:             "network unknown",
		HostUnknown:                "host unknown",
		SourceHostIsolated:         "source host isolated",
		NetworkProhibited:          "network prohibited",
		HostProhibited:             "host prohibited",
		NetworkUnreachableForTOS:   "network unreachable for TOS",
		HostUnreachableForTOS:      "host unreachable for TOS",
		AdministrativelyProhibited: "administratively prohibited",
		HostPrecedenceViolation:    "host precedence violation",
		PrecedenceCutoff:           "precedence cutoff",
	},
	SourceQuench: {"source quench"},
	Redirect: {
		"redirect for network",
		"redirect for host",
		"redirect for TOS and network",
		"redirect for TOS and host",
	},
	6:    {"alternate host address"},
	Echo: {"echo"},
	9:    {0: "router advertisement", 16: "router advertisement, no common traffic"},
	10:   {"router solicitation"},
	TimeExceeded: {
		TimeToLiveExceeded:     "time to live exceeded",
		ReassemblyTimeExceeded: "reassembly time exceeded",
	},
	ParameterProblem: {
		"parameter problem",
		"required option missing",
		"bad length",
	},
	13: {"timestamp"},
	14: {"timestamp reply"},
	15: {"information request"},
	16: {"information reply"},
	17: {"address mask request"},
	18: {"address mask reply"},
	30: {"traceroute"},
	31: {"datagram conversion error"},
	32: {"mobile host redirect"},
	33: {"IPv6 where are you"},
	34: {"IPv6 I am here"},
	35: {"mobile registration request"},
	36: {"mobile registration reply"},
	37: {"domain name request"},
	38: {"domain name reply"},
	40: {
		"Photuris bad SPI",
		"Photuris authentication failed",
		"Photuris decompression failed",
		"Photuris decryption failed",
		"Photuris need authentication",
		"Photuris need authorization",
	},
	42: {"extended echo request"},
	43: {
		"extended echo reply",
		"extended echo reply, malformed query",
		"extended echo reply, no such interface",
		"extended echo reply, no such table entry",
		"extended echo reply, multiple interfaces satisfy query",
	},
}

// Name returns what a type and code mean, in the words of the RFC that defines them, such as "port unreachable". A pair
// that has no name here gives its numbers: "type 3 code 99".
func Name(t Type, c Code) string {
	if codes := names[t]; int(c) < len(codes) && codes[c] != "" {
		return codes[c]
	}
	return fmt.Sprintf("type %d code %d", t, c)
}
