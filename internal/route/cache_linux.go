package route

import (
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Cache asks the kernel, once for all destinations between which nothing in its tables distinguishes: those that the same
// prefixes of all routes and rules contain. The tables serve to know which destinations those are; the answer is the
// kernel's. It is for one goroutine.
//
// What it knows is forgotten after a second. It keeps no answer where the kernel may give one flow another than the next:
// on routes with several next hops, on a system whose rules look at ports or flow labels, and to destinations that are on-link
// or local, which have each their own.
type Cache struct {
	conn   asker
	until  [2]time.Time // when what is known has to be forgotten, of IPv4 and of IPv6
	tables [2]tables
	routes [2]map[cacheKey]Route
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

// NoCache returns a Cache that has err for every question, for those who can do without answers where there is no netlink.
func NoCache(err error) *Cache { return &Cache{conn: deaf{err}} }

// Close closes the netlink socket.
func (c *Cache) Close() error { return c.conn.Close() }

// Lookup returns the route of the flow, as it is now or was up to a second ago, in the Cache's network namespace. A flow that
// has none, or whose route carries nothing at the moment, is an *Error; any other error is a *net.OpError, of the netlink
// socket.
func (c *Cache) Lookup(f Flow, now time.Time) (Route, error) {
	f, err := f.zoned()
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return Route{}, err
	}
	of := 0
	if f.Dst.Is6() {
		of = 1
	}
	if !now.Before(c.until[of]) {
		if err := c.renew(of, family(f.Dst), now); err != nil {
			return Route{}, &net.OpError{Op: "route", Net: "netlink", Err: err}
		}
	}
	prefix, ok := c.tables[of].prefix(f.Dst)
	key := cacheKey{prefix, f}
	key.flow.Dst, key.flow.SrcPort, key.flow.DstPort, key.flow.FlowLabel = netip.Addr{}, 0, 0, 0
	if ok {
		if r, known := c.routes[of][key]; known {
			return r, nil
		}
	}
	r, err := kernel{c.conn}.lookupRoute(f)
	if ok && err == nil && !r.OnLink && !r.Local {
		c.routes[of][key] = r
	}
	return r, err
}

// renew forgets what is known of one family, and reads its tables again.
func (c *Cache) renew(of int, family uint8, now time.Time) (err error) {
	c.until[of] = now.Add(cacheTime)
	c.routes[of] = make(map[cacheKey]Route)
	if c.tables[of].large {
		return nil
	}
	c.tables[of], err = kernel{c.conn}.tables(family)
	return err
}
