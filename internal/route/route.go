package route

import "net/netip"

// Flow is what the kernel may take into account when it chooses a route.
type Flow struct {
	Dst       netip.Addr // an IPv4 address
	Src       netip.Addr // an address of this host; the zero Addr leaves the choice to the kernel
	SrcPort   uint16     // 0 where it is not known yet
	DstPort   uint16
	Protocol  uint8  // IP protocol: 6 TCP, 17 UDP; the ports count only beside it
	Interface string // the name of the interface to leave through; empty for any
	Mark      uint32 // as SO_MARK of socket(7); 0 for none
}

// Route is the kernel's answer for one Flow.
type Route struct {
	Interface string     // name of the interface that the datagrams leave through
	Index     int        // its index
	Source    netip.Addr // the source address: Flow.Src, or the kernel's choice
	// NextHop is whom the link delivers the datagrams to: the gateway, or the destination itself if it is on-link.
	// It is an IPv6 address where a route for IPv4 goes through an IPv6 gateway.
	NextHop netip.Addr
	OnLink  bool // there is no gateway: NextHop is the destination
	Local   bool // the destination is an address of this host

	// MTU is the longest datagram for this route, in octets: that of the route or of a path MTU that the kernel
	// remembers, else that of the link, and never more than the 65535 of Total Length.
	MTU     int
	LinkMTU int // of the interface, in octets

	HardwareAddr [6]byte // of the interface; zero where the link has none of 6 octets
	HardwareType uint16  // of the interface: ARPHRD_ETHER (1), ARPHRD_LOOPBACK (772), ARPHRD_NONE (65534), …
	Loopback     bool    // the interface is the loopback interface
	NoARP        bool    // the interface does without ARP: tun, WireGuard, "ip link set … arp off"
	PointToPoint bool    // the link has one other end, so that none needs finding
	Up           bool    // the interface is switched on
	Running      bool    // the link works: there is a carrier

	Neighbor Neighbor // the kernel's own knowledge of NextHop, where UsesARP
}

// hardwareEthernet is ARPHRD_ETHER: the hardware type number of Ethernet for ARP, which the kernel counts by.
const hardwareEthernet = 1

// UsesARP reports whether the next hop's MAC has to be known, and is found by ARP: the link is an Ethernet with ARP,
// and the next hop an IPv4 address.
func (r Route) UsesARP() bool {
	return r.HardwareType == hardwareEthernet && !r.Loopback && !r.NoARP && !r.PointToPoint && r.NextHop.Is4()
}

// Neighbor is the kernel's entry for one address in its neighbour table, the ARP cache. The zero value means that
// there is none.
type Neighbor struct {
	HardwareAddr [6]byte // meaningful if Known
	Known        bool    // the entry has a MAC that the kernel would send to
	Permanent    bool    // an administrator set the entry, and it is to be used instead of asking
}
