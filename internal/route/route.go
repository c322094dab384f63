package route

import (
	"fmt"
	"net/netip"
)

// Flow is what the kernel may take into account when it chooses a route.
type Flow struct {
	Dst       netip.Addr // the zone of a link-local address is the Interface
	Src       netip.Addr // an address of this host; the zero Addr leaves the choice to the kernel
	SrcPort   uint16     // 0 where it is not known yet
	DstPort   uint16
	Protocol  uint8  // IP protocol: 6 TCP, 17 UDP; the ports count only beside it
	TOS       uint8  // Type of Service, as IP_TOS of ip(7): the DSCP in the upper six bits
	FlowLabel uint32 // of IPv6 (RFC 6437), which several next hops are chosen among by; 0 for none
	Interface string // the name of the interface to leave through; empty for any
	Mark      uint32 // as SO_MARK of socket(7); 0 for none
}

// Route is the kernel's answer for one Flow.
type Route struct {
	Interface string     // name of the interface that the datagrams leave through
	Index     int        // its index
	Source    netip.Addr // the source address: Flow.Src, or the kernel's choice
	Scope     int        // index of the interface whose link the link-local addresses of IPv6 are of; 0 if neither is one
	Zone      string     // its name
	// NextHop is whom the link delivers the datagrams to: the gateway, or the destination itself if it is on-link.
	// It is an IPv6 address where a route for IPv4 goes through an IPv6 gateway (RFC 8950).
	NextHop netip.Addr
	OnLink  bool // there is no gateway: NextHop is the destination
	Local   bool // the destination is an address of this host

	// Encap names what the kernel wraps the datagrams of this route in, "seg6" or "mpls", as ip-route(8) does; empty
	// for nothing. A frame sent past the kernel's routing is not wrapped.
	Encap string

	// MTU is the longest datagram for this route, in octets: that of the route or of a path MTU that the kernel
	// remembers, else that of the link, and never more than the length field of the header can say.
	MTU     int
	LinkMTU int // of the interface for the flow's family, in octets: that for IPv6 may be less than the link's

	HardwareAddr [6]byte // of the interface; zero where the link has none of 6 octets
	HardwareType uint16  // of the interface: ARPHRD_ETHER (1), ARPHRD_LOOPBACK (772), ARPHRD_NONE (65534), …
	Loopback     bool    // the interface is the loopback interface
	NoARP        bool    // the interface does without ARP and NDP: tun, WireGuard, "ip link set … arp off"
	PointToPoint bool    // the link has one other end, so that none needs finding
	External     bool    // the interface is a tunnel without ends of its own: routes name them, datagram by datagram

	Neighbor Neighbor // the kernel's own knowledge of NextHop, on an Ethernet
}

// hardwareEthernet is ARPHRD_ETHER: the hardware type number of Ethernet for ARP, which the kernel counts by.
const hardwareEthernet = 1

// AsksForMAC reports whether the next hop's MAC has to be known, and is found by asking the link: it is an Ethernet that is
// not without ARP, by which an IPv4 address is asked for, and an IPv6 address by NDP.
func (r Route) AsksForMAC() bool { return r.ethernet() && !r.NoARP && !r.PointToPoint }

// ethernet reports whether frames on the interface need the MAC of their receiver.
func (r Route) ethernet() bool { return r.HardwareType == hardwareEthernet && !r.Loopback }

// TakesFrames returns an error, a clause for a person, if a frame sent past the kernel's routing cannot reach the next
// hop: nobody can say to which MAC, or the kernel would have done more to the datagram than to frame it.
func (r Route) TakesFrames() error {
	switch {
	case r.Loopback:
		return fmt.Errorf("%s takes no frames from outside of the kernel", r.Interface)
	case r.Encap != "":
		return fmt.Errorf("the kernel encapsulates what takes this route (%s), and does not do so for frames", r.Encap)
	case r.External:
		return fmt.Errorf("%s is a tunnel whose ends the kernel's routes set, and not for frames", r.Interface)
	case !r.ethernet() || r.Neighbor.Permanent || r.AsksForMAC():
		return nil
	}
	return fmt.Errorf("%s does without ARP, and the kernel has no entry with a MAC for %v", r.Interface, r.NextHop)
}

// Neighbor is the kernel's entry for one address in its neighbour table, the cache of ARP and NDP. The zero value means
// that there is none.
type Neighbor struct {
	HardwareAddr [6]byte // meaningful if Known
	Known        bool    // the entry has a MAC that the kernel would send to
	Permanent    bool    // an administrator set the entry, and it is to be used instead of asking
	State        NeighborState
}

// NeighborState is how sure the kernel is of an entry. The numbers are those of linux/neighbour.h.
type NeighborState uint16

const (
	NeighborNone       NeighborState = 0
	NeighborIncomplete NeighborState = 0x01 // it is being asked for
	NeighborReachable  NeighborState = 0x02 // it was confirmed lately
	NeighborStale      NeighborState = 0x04 // it was confirmed once
	NeighborDelay      NeighborState = 0x08 // it is used, and will be asked for unless something confirms it
	NeighborProbe      NeighborState = 0x10 // it is used, and is being asked for
	NeighborFailed     NeighborState = 0x20 // nobody answered
	NeighborNoARP      NeighborState = 0x40 // it needs no asking
	NeighborPermanent  NeighborState = 0x80 // an administrator set it
)

// Unresolved reports whether the kernel has asked for the neighbour, and has no answer: it holds or drops what is for it.
func (s NeighborState) Unresolved() bool { return s&(NeighborIncomplete|NeighborFailed) != 0 }
