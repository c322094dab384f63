package resolver

import (
	"errors"
	"math"
	"net/netip"
	"slices"
)

const (
	// maxLinks is how many CNAME records a host's name may be away from its addresses, over all messages.
	maxLinks = 16

	// MaxAddresses is how many addresses of a name are kept. A message has room for 4,000.
	MaxAddresses = 1024
)

var (
	errLoop     = errors.New("its CNAME records run in a circle")
	errTooLong  = errors.New("more than 16 CNAME records lead on from it")
	errNotAsked = errors.New("its CNAME record leads to a name that the DNS is not asked for")
)

// chain is a path of CNAME records and what stands at its end.
type chain struct {
	names     []string // the name that was looked up, then what each CNAME record led to
	addresses []netip.Addr
	pointers  []string // what PTR records name
	omitted   int      // addresses beyond MaxAddresses
	ttl       uint32   // the least of the records used, in seconds
}

func newChain(name string) chain { return chain{names: []string{name}, ttl: math.MaxUint32} }

// last returns the name at the end.
func (c chain) last() string { return c.names[len(c.names)-1] }

// found reports whether there is anything at the end.
func (c chain) found() bool { return len(c.addresses)+len(c.pointers) > 0 }

// aliases returns what the CNAME records led to, safe to print.
func (c chain) aliases() []string {
	var names []string
	for _, name := range c.names[1:] {
		names = append(names, Escape(name))
	}
	return names
}

// bounded returns the first MaxAddresses of a list, and how many it leaves out.
func bounded(addresses []netip.Addr) (kept []netip.Addr, omitted int) {
	n := min(len(addresses), MaxAddresses)
	return addresses[:n:n], len(addresses) - n
}

// follow returns the chain lengthened by what the records of a message say of its end, in whatever order they stand
// (RFC 1034 3.6.2). Records of other names are not looked at.
func (c chain) follow(records []Record) (chain, error) {
	c.names = slices.Clone(c.names)
	seen := make(map[netip.Addr]bool)
	for {
		alias := -1
		for i, r := range records {
			switch {
			case !equalNames(r.Name, c.last()):
			case r.Pointer != "":
				c.ttl = min(c.ttl, r.TTL)
				c.pointers = append(c.pointers, r.Pointer)
			case !r.Address.IsValid():
				if alias < 0 {
					alias = i
				}
			case seen[r.Address]:
				c.ttl = min(c.ttl, r.TTL)
			default:
				c.ttl = min(c.ttl, r.TTL)
				seen[r.Address] = true
				c.addresses = append(c.addresses, r.Address)
			}
		}
		if c.found() || alias < 0 {
			c.addresses, c.omitted = bounded(c.addresses)
			return c, nil
		}
		next := records[alias].CNAME
		switch {
		case slices.ContainsFunc(c.names, func(n string) bool { return equalNames(n, next) }):
			return c, errLoop
		case len(c.names) > maxLinks:
			return c, errTooLong
		case next == "" || isSpecial(next):
			return c, errNotAsked
		}
		c.names = append(c.names, next)
		c.ttl = min(c.ttl, records[alias].TTL)
	}
}
