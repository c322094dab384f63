package neighbor

import "net/netip"

// hostAddress is an address of this host.
type hostAddress struct {
	index     int // of its interface
	local     netip.Addr
	network   netip.Prefix
	secondary bool  // another address of the same network is the primary one
	tentative bool  // it is not known yet to be free (RFC 4862 5.4)
	scope     uint8 // RT_SCOPE_… of rtnetlink(7): where it is valid
}

// The scopes of rtnetlink(7) that are told apart.
const scopeLink = 253

// announced returns the IPv4 address in whose name the kernel asks for a target, for a datagram from source and with a setting of
// arp_announce (arp_solicit of net/ipv4/arp.c). 0 is any address of this host; 1 only those that share a network with the
// target; 2 the one that suits the target best, whatever the datagram's is.
func announced(addresses []hostAddress, level, index int, source, target netip.Addr) netip.Addr {
	if level == 1 && onLink(addresses, index, source, target) || level < 1 || level > 2 {
		return source
	}
	if a, ok := preferred(addresses, index, target); ok {
		return a
	}
	return source
}

// onLink is inet_addr_onlink of net/ipv4/devinet.c: whether source and target are in one network of the interface.
func onLink(addresses []hostAddress, index int, source, target netip.Addr) bool {
	for _, a := range addresses {
		if a.index == index && !a.secondary && a.network.Contains(source) && a.network.Contains(target) {
			return true
		}
	}
	return false
}

// preferred is inet_select_addr of net/ipv4/devinet.c: the address of the interface that is in a network with the target,
// else the first one of the interface, else of another.
func preferred(addresses []hostAddress, index int, target netip.Addr) (first netip.Addr, ok bool) {
	for _, a := range addresses {
		if a.index != index || a.secondary || a.scope > scopeLink {
			continue
		}
		if a.network.Contains(target) {
			return a.local, true
		}
		if !ok {
			first, ok = a.local, true
		}
	}
	if ok {
		return first, true
	}
	for _, a := range addresses {
		if a.index != index && !a.secondary && a.scope < scopeLink {
			return a.local, true
		}
	}
	return netip.Addr{}, false
}
