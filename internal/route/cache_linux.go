package route

import (
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Cache answers as Lookup does, and asks the kernel once for all destinations between which nothing in its tables
// distinguishes: those that the same prefixes of all routes and rules contain. The tables serve to know which destinations
// those are; the answer is the kernel's. It is for one goroutine.
//
// What it knows is forgotten after a second. It keeps no answer where the kernel may give one flow another than the next:
// on routes with several next hops, on a system whose rules look at ports, and to destinations that are on-link or local,
// which have each their own.
type Cache struct {
	conn   *netlink.Conn
	until  time.Time // when what is known has to be forgotten
	tables tables
	routes map[cacheKey]Route
}

// cacheKey is a set of flows for which the kernel has the same answer.
type cacheKey struct {
	prefix netip.Prefix
	flow   Flow // but for its destination and ports
}

const (
	cacheTime = time.Second

	// maxRoutes is how many routes a system may have for its tables to be read every second. A router of the Internet's
	// core has more, and is asked about each destination.
	maxRoutes = 10_000
)

// OpenCache returns a Cache for the network namespace of the calling thread.
func OpenCache() (*Cache, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "netlink", Err: err}
	}
	return &Cache{conn: conn}, nil
}

// Close closes the netlink socket.
func (c *Cache) Close() error { return c.conn.Close() }

// Lookup is the function Lookup, with an answer that may be up to a second old.
func (c *Cache) Lookup(f Flow, now time.Time) (Route, error) {
	if err := f.check(); err != nil {
		return Route{}, err
	}
	if !now.Before(c.until) {
		if err := c.renew(now); err != nil {
			return Route{}, &net.OpError{Op: "route", Net: "netlink", Err: err}
		}
	}
	prefix, ok := c.tables.prefix(f.Dst)
	key := cacheKey{prefix, f}
	key.flow.Dst, key.flow.SrcPort, key.flow.DstPort = netip.Addr{}, 0, 0
	if ok {
		if r, known := c.routes[key]; known {
			return r, nil
		}
	}
	r, err := kernel{c.conn}.lookupRoute(f)
	if ok && err == nil && !r.OnLink && !r.Local {
		c.routes[key] = r
	}
	return r, err
}

// renew forgets what is known, and reads the tables again.
func (c *Cache) renew(now time.Time) (err error) {
	c.until = now.Add(cacheTime)
	c.routes = make(map[cacheKey]Route)
	if c.tables.large {
		return nil
	}
	c.tables, err = kernel{c.conn}.tables()
	return err
}

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
				t.several[p] = t.several[p]
			}
		case unix.FRA_SPORT_RANGE, unix.FRA_DPORT_RANGE:
			t.byPort = true
		}
	}
}

// dump asks for everything of a kind.
func (k kernel) dump(request netlink.HeaderType, each func(unix.RtMsg, *netlink.AttributeDecoder)) error {
	data, err := binary.Append(nil, binary.NativeEndian, unix.RtMsg{Family: unix.AF_INET})
	if err != nil {
		return err
	}
	replies, err := k.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: request, Flags: netlink.Request | netlink.Dump},
		Data:   data,
	})
	if err != nil {
		return err
	}
	for _, reply := range replies {
		var header unix.RtMsg
		n, err := binary.Decode(reply.Data, binary.NativeEndian, &header)
		if err != nil {
			return err
		}
		attributes, err := netlink.NewAttributeDecoder(reply.Data[n:])
		if err != nil {
			return err
		}
		each(header, attributes)
		if err := attributes.Err(); err != nil {
			return err
		}
	}
	return nil
}
