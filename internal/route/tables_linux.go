package route

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tables is what the kernel's routing tables and rules distinguish between.
type tables struct {
	large   bool                  // they have more routes than are worth reading
	byPort  bool                  // there are rules that look at ports
	several map[netip.Prefix]bool // every destination of a route or rule; true if the route has several next hops
	lengths []int                 // of the prefixes, the longest first
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
	return p, true
}

// tables reads all tables and rules.
func (k kernel) tables() (tables, error) {
	t := tables{several: make(map[netip.Prefix]bool)}
	if err := k.dump(unix.RTM_GETROUTE, func(header unix.RtMsg, d *netlink.AttributeDecoder) { t.addRoute(header, d) }); err != nil {
		return tables{}, err
	}
	if len(t.several) > maxRoutes {
		return tables{large: true}, nil
	}
	// A struct fib_rule_hdr is laid out as a struct rtmsg.
	if err := k.dump(unix.RTM_GETRULE, func(header unix.RtMsg, d *netlink.AttributeDecoder) { t.addRule(header, d) }); err != nil {
		return tables{}, err
	}
	lengths := make(map[int]bool)
	for p := range t.several {
		lengths[p.Bits()] = true
	}
	t.lengths = slices.SortedFunc(maps.Keys(lengths), func(a, b int) int { return b - a })
	return t, nil
}

func (t *tables) addRoute(header unix.RtMsg, d *netlink.AttributeDecoder) {
	const nextHopObject = 30 // RTA_NH_ID of linux/rtnetlink.h: it may be a group of several
	to, several := netip.IPv4Unspecified(), false
	for d.Next() {
		switch d.Type() {
		case unix.RTA_DST:
			to, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_MULTIPATH, nextHopObject:
			several = true
		}
	}
	p := netip.PrefixFrom(to, int(header.Dst_len)).Masked()
	t.several[p] = t.several[p] || several
}

func (t *tables) addRule(header unix.RtMsg, d *netlink.AttributeDecoder) {
	for d.Next() {
		switch d.Type() {
		case unix.FRA_DST:
			if to, ok := netip.AddrFromSlice(d.Bytes()); ok {
				p := netip.PrefixFrom(to, int(header.Dst_len)).Masked()
				if _, known := t.several[p]; !known {
					t.several[p] = false
				}
			}
		case unix.FRA_SPORT_RANGE, unix.FRA_DPORT_RANGE:
			t.byPort = true
		}
	}
}
