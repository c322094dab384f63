package port

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"tcpprobe/rawip"
)

// quietTime is how long a server may take the segments of a connection for those of the next one from the same port, at
// twice the Maximum Segment Lifetime that stacks use: 60 s (RFC 9293 3.4.3 has 2 minutes for one).
const quietTime = 2 * time.Minute

// Cycles give out the ports of a range in orders in which each comes once before any comes again, one order for every server.
// So a server sees no port twice as long as there is another. They may be used by several goroutines.
type Cycles struct {
	ports rawip.PortRange

	mu     sync.Mutex
	orders map[netip.AddrPort]*order
	pruned time.Time
}

// order is a way through a range: first, first+step, first+2*step, …, all modulo the number of ports, which the step has no
// divisor in common with (RFC 6056 3.3: nobody else can foresee it).
type order struct {
	next, step int
	used       time.Time
}

// NewCycles returns Cycles through a range.
func NewCycles(ports rawip.PortRange) *Cycles {
	return &Cycles{ports: ports, orders: make(map[netip.AddrPort]*order)}
}

// Len returns how many ports there are.
func (c *Cycles) Len() int { return c.ports.Len() }

// Contains reports whether a port is one of the range.
func (c *Cycles) Contains(port uint16) bool { return c.ports.Contains(port) }

// Reserved reports whether the administrator keeps a port for servers, in the range or outside of it.
func (c *Cycles) Reserved(port uint16) bool { return c.ports.Reserved(port) }

// Next returns the next port for connections with a server. The zero AddrPort is all servers that have no order of their own.
func (c *Cycles) Next(server netip.AddrPort, now time.Time) uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prune(now)
	o := c.orders[server]
	if o == nil {
		o = newOrder(c.ports.Len())
		c.orders[server] = o
	}
	port := c.ports.At(o.next)
	o.next = (o.next + o.step) % c.ports.Len()
	o.used = now
	return port
}

// prune forgets the orders of servers that have seen no connection for so long that any port will do.
func (c *Cycles) prune(now time.Time) {
	if now.Sub(c.pruned) < quietTime {
		return
	}
	c.pruned = now
	for server, o := range c.orders {
		if now.Sub(o.used) >= quietTime {
			delete(c.orders, server)
		}
	}
}

func newOrder(n int) *order {
	o := &order{next: random(n), step: 1 + random(n)}
	for divisor(o.step, n) != 1 {
		o.step++
	}
	return o
}

// divisor returns the greatest common divisor of two numbers.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// random returns a number from 0 to below n.
func random(n int) int {
	var b [8]byte
	rand.Read(b[:]) // it never fails
	return int(binary.BigEndian.Uint64(b[:]) % uint64(n))
}
