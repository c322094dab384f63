package prober

import (
	"net/netip"
	"sync"
	"time"

	"tcpprobe/internal/nat64"
	"tcpprobe/internal/route"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
)

// sources is which addresses of this host the kernel would send from. Its methods may be called from any goroutine.
type sources struct {
	iface string
	mark  uint32

	mu     sync.Mutex
	routes *route.Cache
}

// openSources returns the sources of what leaves by an interface, or by any if it has no name, and with a mark.
func openSources(iface string, mark uint32, connectOnly bool) (*sources, error) {
	routes, err := openRoutes(connectOnly)
	if err != nil {
		return nil, err
	}
	return &sources{iface: iface, mark: mark, routes: routes}, nil
}

// openRoutes opens what asks for routes. Those who call connect(2) alone are told where there is nobody to be asked, as in some
// sandboxes, and do without.
func openRoutes(connectOnly bool) (*route.Cache, error) {
	routes, err := route.OpenCache()
	if err != nil && connectOnly {
		return route.NoCache(err), nil
	}
	return routes, err
}

// order returns the addresses of a name in the order in which getaddrinfo(3) hands them out (RFC 6724).
func (s *sources) order(addresses []netip.Addr) []netip.Addr {
	if len(addresses) < 2 {
		return addresses
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	destinations := make([]resolver.Destination, len(addresses))
	now := time.Now()
	for i, a := range addresses {
		destinations[i].Address = a
		source, err := s.routes.Source(route.Flow{Dst: a, Protocol: rawip.ProtocolTCP, Interface: s.iface, Mark: s.mark}, now)
		if err == nil { // without a source nobody can go there
			destinations[i].Source, destinations[i].Deprecated = source.Prefix, source.Deprecated
		}
	}
	resolver.Order(destinations)
	ordered := make([]netip.Addr, len(destinations))
	for i, d := range destinations {
		ordered[i] = d.Address
	}
	return ordered
}

// hasIPv6 reports whether this host has an IPv6 address beside that of loopback, or does not know.
func (s *sources) hasIPv6() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	has, err := s.routes.HasIPv6()
	return has || err != nil
}

// onlyIPv6 reports whether this host can send to IPv6 addresses beyond its links, and to IPv4 addresses not at all.
func (s *sources) onlyIPv6() bool {
	far := netip.AddrFrom4([4]byte{192, 0, 0, 170}) // of ipv4only.arpa, as the other
	far6, _ := nat64.Embed(nat64.WellKnown(), far)
	s.mu.Lock()
	defer s.mu.Unlock()
	flow, now := route.Flow{Dst: far, Protocol: rawip.ProtocolTCP, Interface: s.iface, Mark: s.mark}, time.Now()
	if _, err := s.routes.Lookup(flow, now); err == nil {
		return false
	}
	flow.Dst = far6
	way, err := s.routes.Lookup(flow, now)
	return err == nil && !way.Source.IsLinkLocalUnicast()
}

// Close closes the netlink socket.
func (s *sources) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.routes.Close()
}
