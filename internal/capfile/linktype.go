package capfile

import "fmt"

// LinkType says with which header the packets of an interface begin (draft-ietf-opsawg-pcaplinktype).
type LinkType uint16

const (
	LinkNull         LinkType = 0 // BSD loopback: the family in the octet order of the host that captured
	LinkEthernet     LinkType = 1
	LinkPPP          LinkType = 9
	LinkFDDI         LinkType = 10
	LinkRaw12        LinkType = 12 // raw IP, by the number that most systems have for it inside
	LinkRaw14        LinkType = 14 // raw IP on OpenBSD
	LinkPPPHDLC      LinkType = 50
	LinkPPPoE        LinkType = 51
	LinkRaw          LinkType = 101 // raw IP of either version
	LinkCiscoHDLC    LinkType = 104
	LinkIEEE80211    LinkType = 105
	LinkLoop         LinkType = 108 // OpenBSD loopback: the family in network order
	LinkEnc          LinkType = 109 // what OpenBSD's and FreeBSD's IPsec takes off or puts on
	LinkLinuxSLL     LinkType = 113 // Linux cooked
	LinkPflog        LinkType = 117 // what pf logs
	LinkARCNET       LinkType = 129 // as Linux has it
	LinkPrism        LinkType = 119 // 802.11 behind a Prism header
	LinkRadiotap     LinkType = 127 // 802.11 behind a radiotap header
	LinkAVS          LinkType = 163 // 802.11 behind an AVS header
	LinkPPI          LinkType = 192 // any other behind a header about the packet
	LinkPPPDirection LinkType = 204 // PPP behind an octet that says who sent it
	LinkMPLS         LinkType = 219
	LinkIPv4         LinkType = 228
	LinkIPv6         LinkType = 229
	LinkNFLOG        LinkType = 239 // what Linux's netfilter logs
	LinkLinuxSLL2    LinkType = 276 // Linux cooked, version 2
)

// String returns the name of those above as tcpdump and tshark know it, in capitals without LINKTYPE_, and the number of
// any other.
func (t LinkType) String() string {
	switch t {
	case LinkNull:
		return "NULL"
	case LinkEthernet:
		return "ETHERNET"
	case LinkPPP:
		return "PPP"
	case LinkFDDI:
		return "FDDI"
	case LinkRaw12, LinkRaw14, LinkRaw:
		return "RAW"
	case LinkPPPHDLC:
		return "PPP_HDLC"
	case LinkPPPoE:
		return "PPP_ETHER"
	case LinkCiscoHDLC:
		return "C_HDLC"
	case LinkIEEE80211:
		return "IEEE802_11"
	case LinkLoop:
		return "LOOP"
	case LinkEnc:
		return "ENC"
	case LinkLinuxSLL:
		return "LINUX_SLL"
	case LinkPflog:
		return "PFLOG"
	case LinkPrism:
		return "IEEE802_11_PRISM"
	case LinkRadiotap:
		return "IEEE802_11_RADIOTAP"
	case LinkAVS:
		return "IEEE802_11_AVS"
	case LinkARCNET:
		return "ARCNET_LINUX"
	case LinkPPI:
		return "PPI"
	case LinkPPPDirection:
		return "PPP_WITH_DIR"
	case LinkMPLS:
		return "MPLS"
	case LinkIPv4:
		return "IPV4"
	case LinkIPv6:
		return "IPV6"
	case LinkNFLOG:
		return "NFLOG"
	case LinkLinuxSLL2:
		return "LINUX_SLL2"
	}
	return fmt.Sprintf("link type %d", uint16(t))
}
