package icmp

import "fmt"

// Types of ICMPv6, as IANA registers them under "ICMPv6 type Numbers".
const (
	DestinationUnreachable6 Type = 1   // RFC 4443 3.1
	PacketTooBig6           Type = 2   // RFC 4443 3.2
	TimeExceeded6           Type = 3   // RFC 4443 3.3
	ParameterProblem6       Type = 4   // RFC 4443 3.4
	EchoRequest6            Type = 128 // RFC 4443 4.1
	EchoReply6              Type = 129 // RFC 4443 4.2
)

// Codes of [DestinationUnreachable6]: 0 to 6 from RFC 4443 3.1, 7 from RFC 6554, 8 from RFC 8883.
const (
	NoRoute6                 Code = 0
	AdminProhibited6         Code = 1
	BeyondScope6             Code = 2
	AddressUnreachable6      Code = 3
	PortUnreachable6         Code = 4
	SourceFailedPolicy6      Code = 5
	RejectRoute6             Code = 6
	SourceRoutingHeaderError Code = 7
	HeadersTooLong6          Code = 8
)

// Codes of [TimeExceeded6] (RFC 4443 3.3).
const (
	HopLimitExceeded6       Code = 0
	ReassemblyTimeExceeded6 Code = 1
)

// Codes of [ParameterProblem6]: 0 to 2 from RFC 4443 3.4, 3 from RFC 7112, 4 from RFC 8754, 5 to 10 from RFC 8883.
const (
	ErroneousHeaderField6      Code = 0
	UnrecognizedNextHeader6    Code = 1
	UnrecognizedOption6        Code = 2
	IncompleteHeaderChain6     Code = 3
	SRUpperLayerHeaderError6   Code = 4
	UnrecognizedByNode6        Code = 5
	ExtensionHeaderTooBig6     Code = 6
	ExtensionHeaderChainTooBig Code = 7
	TooManyExtensionHeaders6   Code = 8
	TooManyOptions6            Code = 9
	OptionTooBig6              Code = 10
)

// names6 are by type and code, as IANA registers them under "ICMPv6 type Numbers" and "Code Fields".
var names6 = [256][]string{
	DestinationUnreachable6: {
		NoRoute6:                 "no route to destination",
		AdminProhibited6:         "administratively prohibited",
		BeyondScope6:             "beyond scope of source address",
		AddressUnreachable6:      "address unreachable",
		PortUnreachable6:         "port unreachable",
		SourceFailedPolicy6:      "source address failed policy",
		RejectRoute6:             "reject route to destination",
		SourceRoutingHeaderError: "error in source routing header",
		HeadersTooLong6:          "headers too long",
	},
	PacketTooBig6: {"packet too big"},
	TimeExceeded6: {
		HopLimitExceeded6:       "hop limit exceeded",
		ReassemblyTimeExceeded6: "reassembly time exceeded",
	},
	ParameterProblem6: {
		ErroneousHeaderField6:      "erroneous header field",
		UnrecognizedNextHeader6:    "unrecognized next header",
		UnrecognizedOption6:        "unrecognized option",
		IncompleteHeaderChain6:     "incomplete IPv6 header chain",
		SRUpperLayerHeaderError6:   "SR upper-layer header error",
		UnrecognizedByNode6:        "next header unrecognized by intermediate node",
		ExtensionHeaderTooBig6:     "extension header too big",
		ExtensionHeaderChainTooBig: "extension header chain too long",
		TooManyExtensionHeaders6:   "too many extension headers",
		TooManyOptions6:            "too many options in extension header",
		OptionTooBig6:              "option too big",
	},
	EchoRequest6: {"echo request"},
	EchoReply6:   {"echo reply"},
	130:          {"multicast listener query"},
	131:          {"multicast listener report"},
	132:          {"multicast listener done"},
	133:          {"router solicitation"},
	134:          {"router advertisement"},
	135:          {"neighbor solicitation"},
	136:          {"neighbor advertisement"},
	137:          {"redirect"},
	143:          {"multicast listener report, version 2"},
}

// Name6 is [Name] for ICMPv6.
func Name6(t Type, c Code) string {
	if codes := names6[t]; int(c) < len(codes) && codes[c] != "" {
		return codes[c]
	}
	return fmt.Sprintf("type %d code %d", t, c)
}
