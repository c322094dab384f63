package route

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// hostAddress is an address of this host.
type hostAddress struct {
	address netip.Addr
	network int    // the length of its prefix
	index   int    // of its interface
	flags   uint32 // IFA_F_*
}

// unusable says why the address cannot be used yet, or never: "" if it can.
func (a hostAddress) unusable() string {
	switch {
	case a.flags&unix.IFA_F_DADFAILED != 0:
		return "another host on the link has it: the detection of duplicates has failed (RFC 4862 5.4)"
	case a.flags&unix.IFA_F_TENTATIVE != 0 && a.flags&unix.IFA_F_OPTIMISTIC == 0:
		return "it is tentative: the detection of duplicates is not over (RFC 4862 5.4)"
	}
	return ""
}

// family returns the address family of an address as the kernel counts them.
func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// address asks for an IPv6 address of this host, of the interface with an index or of any if that is 0. It is not ok if
// there is none.
func (k kernel) address(a netip.Addr, index int) (_ hostAddress, ok bool, err error) {
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.IFA_ADDRESS, a.AsSlice())
	var answer unix.IfAddrmsg
	d, err := k.ask(unix.RTM_GETADDR, unix.IfAddrmsg{Family: unix.AF_INET6, Index: uint32(index)}, attributes, &answer)
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL) {
		return hostAddress{}, false, nil
	}
	if err != nil {
		return hostAddress{}, false, err
	}
	found, err := readAddress(answer, d)
	return found, err == nil, err
}

// addresses asks for all addresses of this host that are of a family.
func (k kernel) addresses(family uint8) (all []hostAddress, err error) {
	err = k.dump(unix.RTM_GETADDR, unix.IfAddrmsg{Family: family}, func(data []byte) error {
		var header unix.IfAddrmsg
		d, err := decode(data, &header)
		if err != nil {
			return err
		}
		a, err := readAddress(header, d)
		all = append(all, a)
		return err
	})
	return all, err
}

// readAddress reads what the kernel says of one address.
func readAddress(header unix.IfAddrmsg, d *netlink.AttributeDecoder) (hostAddress, error) {
	a := hostAddress{network: int(header.Prefixlen), index: int(header.Index), flags: uint32(header.Flags)}
	local := false
	for d.Next() {
		switch d.Type() {
		case unix.IFA_LOCAL:
			a.address, local = addrFrom(d.Bytes()), true
		case unix.IFA_ADDRESS: // the other end's, if there is a local one beside it
			if !local {
				a.address = addrFrom(d.Bytes())
			}
		case unix.IFA_FLAGS:
			a.flags = d.Uint32()
		}
	}
	return a, d.Err()
}

// addrFrom reads an address of 4 or 16 octets; of others it is the zero Addr.
func addrFrom(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// checkSource returns an error if the source of a flow of IPv6 is not an address of this host, or may not be used.
func (k kernel) checkSource(f Flow) error {
	a, ok, err := k.address(f.Src, 0)
	switch {
	case err != nil:
		return err
	case ok && a.unusable() != "":
		return f.fail(unix.EADDRNOTAVAIL, "%v is no source: %s", f.Src, a.unusable())
	case !ok && !k.isLocal(f.Src): // it may be of a route that makes a whole prefix local
		return f.fail(unix.EADDRNOTAVAIL, "%v is not an address of this host", f.Src)
	}
	return nil
}

// checkOwn looks for the addresses of a flow of IPv6 among this host's: for the interface of a link-local source, and whether
// the destination is one that the kernel routes as a neighbour's because it may not be used.
func (k kernel) checkOwn(f Flow, p *path) error {
	if p.kind == unix.RTN_UNICAST && !p.gateway.IsValid() {
		a, ok, err := k.address(f.Dst, p.index)
		if err != nil {
			return err
		}
		if ok && a.unusable() != "" {
			return f.fail(unix.EADDRNOTAVAIL, "%v is an address of this host that cannot be used: %s", f.Dst, a.unusable())
		}
	}
	if !p.source.IsLinkLocalUnicast() {
		return nil
	}
	for _, index := range []int{p.index, 0} { // the route to an address of this host is one of the loopback interface
		a, ok, err := k.address(p.source, index)
		if err != nil {
			return err
		}
		if ok {
			p.scope = a.index
			return nil
		}
	}
	return nil
}

// without says why there is no route for a flow of IPv6.
func (k kernel) without(f Flow, index int) error {
	missing := f.refused(unix.ENETUNREACH)
	if index != 0 {
		if l, err := k.indexedLink(index); err == nil {
			if err := f.usesIPv6(l); err != nil {
				return err
			}
		}
	}
	all, err := k.addresses(unix.AF_INET6)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(a hostAddress) bool { return a.address.IsLoopback() })
	global := slices.ContainsFunc(all, func(a hostAddress) bool { return !a.address.IsLinkLocalUnicast() })
	switch {
	case len(all) == 0:
		missing.Reason += ": this host has no IPv6 address"
	case !global:
		missing.Reason += ": this host has none but link-local IPv6 addresses"
	}
	return missing
}

// usesIPv6 returns an error if an interface is one without IPv6.
func (f Flow) usesIPv6(l link) error {
	switch {
	case l.disabledIPv6:
		return f.fail(unix.ENETUNREACH, "IPv6 is switched off on %s (net.ipv6.conf.%s.disable_ipv6)", l.name, l.name)
	case l.mtu6 == 0:
		return f.fail(unix.ENETUNREACH, "%s has no IPv6, which takes an MTU of 1280 (RFC 8200 5)", l.name)
	}
	return nil
}

// HasIPv6 reports whether this host has an IPv6 address beside that of loopback. The error is a *net.OpError.
func (c *Cache) HasIPv6() (bool, error) {
	all, err := kernel{c.conn}.addresses(unix.AF_INET6)
	if err != nil {
		return false, &net.OpError{Op: "address", Net: "netlink", Err: err}
	}
	return slices.ContainsFunc(all, func(a hostAddress) bool { return !a.address.IsLoopback() }), nil
}

// Source is the address that the kernel would send from.
type Source struct {
	Prefix     netip.Prefix // the address, and the length of its network's prefix
	Deprecated bool         // its preferred lifetime is over (RFC 4862 5.5.4)
}

// Source returns which address the kernel would send from for a flow. The error is that of Lookup.
func (c *Cache) Source(f Flow, now time.Time) (Source, error) {
	r, err := c.Lookup(f, now)
	if err != nil {
		return Source{}, err
	}
	s := Source{Prefix: netip.PrefixFrom(r.Source, r.Source.BitLen())}
	all, err := kernel{c.conn}.addresses(family(r.Source))
	for _, a := range all {
		if a.address == r.Source && (r.Scope == 0 || a.index == r.Scope) {
			s.Prefix, s.Deprecated = netip.PrefixFrom(r.Source, a.network), a.flags&unix.IFA_F_DEPRECATED != 0
		}
	}
	return s, err
}
