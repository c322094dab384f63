package tcphdr

import "strconv"

// An OptionKind is the first octet of an option, and tells what the option means.
type OptionKind uint8

// Option kinds, as IANA registers them under "TCP Option Kind Numbers".
const (
	EndOfOptions       OptionKind = 0   // RFC 9293 3.2; a single octet
	NoOperation        OptionKind = 1   // RFC 9293 3.2; a single octet
	MaximumSegmentSize OptionKind = 2   // RFC 9293 3.2
	WindowScale        OptionKind = 3   // RFC 7323 2.2
	SACKPermitted      OptionKind = 4   // RFC 2018 2
	SACK               OptionKind = 5   // RFC 2018 3
	Timestamps         OptionKind = 8   // RFC 7323 3.2
	MD5                OptionKind = 19  // RFC 2385
	UserTimeout        OptionKind = 28  // RFC 5482
	TCPAuth            OptionKind = 29  // RFC 5925
	MPTCP              OptionKind = 30  // RFC 8684
	FastOpen           OptionKind = 34  // RFC 7413 4.1.1
	AccECN0            OptionKind = 172 // RFC 9768
	AccECN1            OptionKind = 174 // RFC 9768
	Experiment1        OptionKind = 253 // RFC 6994
	Experiment2        OptionKind = 254 // RFC 6994
)

// String returns the short name that ss and tcpdump have made familiar, such as "mss", or "kind-99" for a kind that has
// none here.
func (k OptionKind) String() string {
	switch k {
	case EndOfOptions:
		return "eol"
	case NoOperation:
		return "nop"
	case MaximumSegmentSize:
		return "mss"
	case WindowScale:
		return "ws"
	case SACKPermitted:
		return "sackok"
	case SACK:
		return "sack"
	case Timestamps:
		return "ts"
	case MD5:
		return "md5"
	case UserTimeout:
		return "uto"
	case TCPAuth:
		return "ao"
	case MPTCP:
		return "mptcp"
	case FastOpen:
		return "tfo"
	case AccECN0, AccECN1:
		return "accecn"
	case Experiment1, Experiment2:
		return "exp"
	default:
		return "kind-" + strconv.Itoa(int(k))
	}
}
