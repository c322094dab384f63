package netlab

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Address gives an interface an address and, once it is up, the route to the address's network. One of IPv6 does not wait for
// the detection of duplicates.
func (h *Host) Address(ifname string, prefix netip.Prefix) error {
	info, err := h.info(ifname)
	if err == nil {
		header := unix.IfAddrmsg{Family: family(prefix.Addr()), Prefixlen: uint8(prefix.Bits()), Index: uint32(info.Index)}
		if prefix.Addr().Is6() {
			header.Flags = unix.IFA_F_NODAD
		}
		err = h.request(unix.RTM_NEWADDR, netlink.Create|netlink.Excl, header, func(e *netlink.AttributeEncoder) {
			// The two differ on a point-to-point link alone.
			e.Bytes(unix.IFA_LOCAL, prefix.Addr().AsSlice())
			e.Bytes(unix.IFA_ADDRESS, prefix.Addr().AsSlice())
		})
	}
	if err == nil && prefix.Addr().Is6() && info.Flags&unix.IFF_LOWER_UP != 0 {
		err = h.untilLocal(info.Index, prefix.Addr())
	}
	return opError(fmt.Sprintf("address %v on %s", prefix, ifname), h.name, err)
}

// A RouteType says what a route does with a datagram (rtnetlink(7), rtm_type).
type RouteType uint8

// What a route does. A connect(2) that meets one of the last three fails with the error named; a router answers a datagram
// with the message named.
const (
	Unicast     RouteType = unix.RTN_UNICAST     // sends it on
	Unreachable RouteType = unix.RTN_UNREACHABLE // EHOSTUNREACH; ICMP host unreachable
	Prohibit    RouteType = unix.RTN_PROHIBIT    // EACCES; ICMP communication administratively prohibited
	Blackhole   RouteType = unix.RTN_BLACKHOLE   // EINVAL; silence
)

// A Route is an entry of a host's routing tables.
type Route struct {
	Dst     netip.Prefix // the zero Prefix for the default route
	NextHop netip.Addr   // the zero Addr if the destination is on the link
	Dev     string       // interface; may be empty if there is a NextHop, or if Type is not Unicast
	Type    RouteType    // 0 is Unicast
	Source  netip.Addr   // preferred source address, or the zero Addr
	Table   int          // 0 is the main table
	Metric  int          // the lower, the more preferred
	MTU     int          // path MTU in octets; 0 is that of the interface
}

// Route adds a route, in place of the one to the same destination with the same table and metric if there is one.
func (h *Host) Route(r Route) error {
	return opError(fmt.Sprintf("route %v", r.Dst), h.name, h.addRoute(r))
}

func (h *Host) addRoute(r Route) error {
	if r.Type == 0 {
		r.Type = Unicast
	}
	header := unix.RtMsg{
		Family:   family(r.Dst.Addr(), r.NextHop),
		Dst_len:  uint8(max(r.Dst.Bits(), 0)),
		Protocol: unix.RTPROT_STATIC,
		Scope:    unix.RT_SCOPE_UNIVERSE,
		Type:     uint8(r.Type),
	}
	if r.Type == Unicast && !r.NextHop.IsValid() {
		header.Scope = unix.RT_SCOPE_LINK
	}
	var index int32
	if r.Dev != "" {
		var err error
		if index, err = h.index(r.Dev); err != nil {
			return err
		}
	}
	return h.request(unix.RTM_NEWROUTE, netlink.Create|netlink.Replace, header, func(e *netlink.AttributeEncoder) {
		if r.Dst.Bits() > 0 {
			e.Bytes(unix.RTA_DST, r.Dst.Masked().Addr().AsSlice())
		}
		if r.NextHop.IsValid() {
			e.Bytes(unix.RTA_GATEWAY, r.NextHop.AsSlice())
		}
		if index != 0 {
			e.Uint32(unix.RTA_OIF, uint32(index))
		}
		if r.Source.IsValid() {
			e.Bytes(unix.RTA_PREFSRC, r.Source.AsSlice())
		}
		if r.MTU != 0 {
			e.Nested(unix.RTA_METRICS, func(e *netlink.AttributeEncoder) error {
				e.Uint32(unix.RTAX_MTU, uint32(r.MTU))
				return nil
			})
		}
		e.Uint32(unix.RTA_TABLE, table(r.Table))
		e.Uint32(unix.RTA_PRIORITY, uint32(r.Metric))
	})
}

// table returns the number of a routing table in which 0 stands for the main one.
func table(n int) uint32 {
	if n == 0 {
		return unix.RT_TABLE_MAIN
	}
	return uint32(n)
}

// A Rule chooses the routing table for datagrams (ip-rule(8)). A field left at zero matches every
// datagram, and the rule matches those that all its fields match.
type Rule struct {
	Priority   int // the lower, the earlier the rule is asked
	From, To   netip.Prefix
	Mark       uint32
	Interface  string // the one that the sending socket is bound to
	Protocol   uint8
	SourcePort uint16
	DestPort   uint16
	Table      int // 0 is the main table
}

// Rule adds a rule.
func (h *Host) Rule(r Rule) error {
	header := unix.RtMsg{ // struct fib_rule_hdr has the same layout; its action stands where Type does
		Family:  family(r.From.Addr(), r.To.Addr()),
		Dst_len: uint8(max(r.To.Bits(), 0)),
		Src_len: uint8(max(r.From.Bits(), 0)),
		Type:    unix.FR_ACT_TO_TBL,
	}
	err := h.request(unix.RTM_NEWRULE, netlink.Create|netlink.Excl, header, func(e *netlink.AttributeEncoder) {
		e.Uint32(unix.FRA_PRIORITY, uint32(r.Priority))
		e.Uint32(unix.FRA_TABLE, table(r.Table))
		if r.From.IsValid() {
			e.Bytes(unix.FRA_SRC, r.From.Masked().Addr().AsSlice())
		}
		if r.To.IsValid() {
			e.Bytes(unix.FRA_DST, r.To.Masked().Addr().AsSlice())
		}
		if r.Mark != 0 {
			e.Uint32(unix.FRA_FWMARK, r.Mark)
		}
		if r.Interface != "" {
			e.String(unix.FRA_OIFNAME, r.Interface)
		}
		if r.Protocol != 0 {
			e.Uint8(unix.FRA_IP_PROTO, r.Protocol)
		}
		if r.SourcePort != 0 {
			e.Bytes(unix.FRA_SPORT_RANGE, portRange(r.SourcePort))
		}
		if r.DestPort != 0 {
			e.Bytes(unix.FRA_DPORT_RANGE, portRange(r.DestPort))
		}
	})
	return opError(fmt.Sprintf("rule %d", r.Priority), h.name, err)
}

// portRange is a struct fib_rule_port_range with one port in it.
func portRange(port uint16) []byte {
	b := binary.NativeEndian.AppendUint16(nil, port)
	return binary.NativeEndian.AppendUint16(b, port)
}

// Neighbor tells an interface the MAC of a next hop, in place of what it knew. A permanent entry stays as it is; another is
// confirmed by ARP when it has grown old.
func (h *Host) Neighbor(ifname string, addr netip.Addr, mac [6]byte, permanent bool) error {
	index, err := h.index(ifname)
	if err == nil {
		header := unix.NdMsg{Family: family(addr), Ifindex: index, State: unix.NUD_REACHABLE}
		if permanent {
			header.State = unix.NUD_PERMANENT
		}
		err = h.request(unix.RTM_NEWNEIGH, netlink.Create|netlink.Replace, header, func(e *netlink.AttributeEncoder) {
			e.Bytes(unix.NDA_DST, addr.AsSlice())
			e.Bytes(unix.NDA_LLADDR, mac[:])
		})
	}
	return opError(fmt.Sprintf("neighbor %v on %s", addr, ifname), h.name, err)
}
