package route

import (
	"maps"
	"math/bits"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// tables is what the kernel's routing tables and rules distinguish between.
type tables struct {
	large   bool                  // they have more routes than are worth reading
	byPort  bool                  // there are rules that look at ports
	several map[netip.Prefix]bool // every destination of a route or rule; true if the route has several next hops
	lengths []int                 // of the prefixes, the longest first
	sources []netip.Addr          // of IPv6, among which the kernel chooses by what a destination shares with them
}

// prefix returns the longest prefix that contains the address. All addresses of which it is the longest are contained in the
// same prefixes. It is not ok if the kernel may answer differently for each flow.
func (t *tables) prefix(a netip.Addr) (p netip.Prefix, ok bool) {
	if t.large || t.byPort {
		return netip.Prefix{}, false
	}
	found := false
	for _, length := range t.lengths {
		within, err := a.Prefix(length)
		if err != nil {
			return netip.Prefix{}, false
		}
		several, is := t.several[within]
		if several {
			return netip.Prefix{}, false
		}
		if is && !found {
			p, found = within, true
		}
	}
	if shared := t.shared(a); shared >= p.Bits() {
		p, _ = a.Prefix(min(shared+1, a.BitLen()))
	}
	return p, true
}

// shared returns how many bits an address has in common with an address of this host, at the most; -1 if there are none.
// All that are one bit further alike share as much with each of them.
func (t *tables) shared(a netip.Addr) int {
	most := -1
	b := a.As16()
	for _, source := range t.sources {
		c := source.As16()
		for i := range b {
			if different := b[i] ^ c[i]; different != 0 {
				most = max(most, 8*i+bits.LeadingZeros8(different))
				break
			}
			if i == len(b)-1 {
				most = 8 * len(b)
			}
		}
	}
	return most
}

// tables reads all tables and rules of a family.
func (k kernel) tables(family uint8) (tables, error) {
	t := tables{several: make(map[netip.Prefix]bool)}
	seen := make(map[routeKey]bool)
	err := k.dump(unix.RTM_GETROUTE, unix.RtMsg{Family: family}, func(data []byte) error { return t.addRoute(data, seen) })
	if err != nil {
		return tables{}, err
	}
	if len(t.several) > maxRoutes {
		return tables{large: true}, nil
	}
	// A struct fib_rule_hdr is laid out as a struct rtmsg.
	if err := k.dump(unix.RTM_GETRULE, unix.RtMsg{Family: family}, t.addRule); err != nil {
		return tables{}, err
	}
	if family == unix.AF_INET6 {
		if err := k.addSources(&t); err != nil {
			return tables{}, err
		}
	}
	lengths := make(map[int]bool)
	for p := range t.several {
		lengths[p.Bits()] = true
	}
	t.lengths = slices.SortedFunc(maps.Keys(lengths), func(a, b int) int { return b - a })
	return t, nil
}

// routeKey is what tells the routes to one destination apart that the kernel never chooses among.
type routeKey struct {
	to, from netip.Prefix
	table    uint32
	metric   uint32
	tos      uint8
}

// addRoute adds one route. Of those that are alike but for their next hops, as several routers announce them, the kernel takes
// now one and now the other.
func (t *tables) addRoute(data []byte, seen map[routeKey]bool) error {
	const nextHopObject = 30 // RTA_NH_ID of linux/rtnetlink.h: it may be a group of several
	var header unix.RtMsg
	d, err := decode(data, &header)
	if err != nil {
		return err
	}
	to, from, several := unspecified(header.Family), unspecified(header.Family), false
	key := routeKey{table: uint32(header.Table), tos: header.Tos}
	for d.Next() {
		switch d.Type() {
		case unix.RTA_DST:
			to = addrFrom(d.Bytes())
		case unix.RTA_SRC:
			from = addrFrom(d.Bytes())
		case unix.RTA_TABLE:
			key.table = d.Uint32()
		case unix.RTA_PRIORITY:
			key.metric = d.Uint32()
		case unix.RTA_MULTIPATH, nextHopObject:
			several = true
		}
	}
	key.to = netip.PrefixFrom(to, int(header.Dst_len)).Masked()
	key.from = netip.PrefixFrom(from, int(header.Src_len)).Masked()
	// IPv4 has no two such routes. Those of multicast, one for each interface, are of no use to TCP.
	several = several || header.Family == unix.AF_INET6 && header.Type == unix.RTN_UNICAST && seen[key]
	seen[key] = true
	t.several[key.to] = t.several[key.to] || several
	return d.Err()
}

// unspecified is the address of a family that no host has.
func unspecified(family uint8) netip.Addr {
	if family == unix.AF_INET {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// addRule adds what one rule distinguishes between.
func (t *tables) addRule(data []byte) error {
	const flowLabel = 26 // FRA_FLOWLABEL of linux/fib_rules.h
	var header unix.RtMsg
	d, err := decode(data, &header)
	if err != nil {
		return err
	}
	for d.Next() {
		switch d.Type() {
		case unix.FRA_DST:
			if to := addrFrom(d.Bytes()); to.IsValid() {
				t.add(netip.PrefixFrom(to, int(header.Dst_len)).Masked())
			}
		case unix.FRA_SPORT_RANGE, unix.FRA_DPORT_RANGE, flowLabel:
			t.byPort = true
		}
	}
	return d.Err()
}

// add adds a prefix that makes a difference, and is no route.
func (t *tables) add(p netip.Prefix) {
	if _, known := t.several[p]; !known {
		t.several[p] = false
	}
}

// addSources adds what the choice of a source for IPv6 distinguishes between (RFC 6724 5): by rule 2 the scope, by rule 6 the
// labels, and by rule 8 how many bits a destination has in common with an address of this host.
func (k kernel) addSources(t *tables) error {
	t.add(netip.MustParsePrefix("fec0::/10")) // site-local addresses are a scope of their own (RFC 3879)
	labels := unix.IfAddrlblmsg{Family: unix.AF_INET6}
	err := k.dump(unix.RTM_GETADDRLABEL, labels, func(data []byte) error {
		const address = 1 // IFAL_ADDRESS of linux/if_addrlabel.h
		var header unix.IfAddrlblmsg
		d, err := decode(data, &header)
		if err != nil {
			return err
		}
		for d.Next() {
			if d.Type() == address {
				t.add(netip.PrefixFrom(addrFrom(d.Bytes()), int(header.Prefixlen)).Masked())
			}
		}
		return d.Err()
	})
	if err != nil {
		return err
	}
	all, err := k.addresses(unix.AF_INET6)
	for _, a := range all {
		if !a.address.IsLinkLocalUnicast() && !a.address.IsLoopback() {
			t.sources = append(t.sources, a.address)
		}
	}
	return err
}
