package route

import (
	"errors"
	"math"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// check returns an error for a flow of which nothing is to be asked.
func (f Flow) check() error {
	for _, a := range []netip.Addr{f.Dst, f.Src} {
		if a.Is4In6() || !a.IsValid() && a == f.Dst {
			return f.fail(unix.EAFNOSUPPORT, "%v is neither an IPv4 nor an IPv6 address", a)
		}
	}
	switch {
	case f.Src.IsValid() && f.Src.Is4() != f.Dst.Is4():
		return f.fail(unix.EAFNOSUPPORT, "%v cannot be reached from %v: they are of different families", f.Dst, f.Src)
	case f.Dst.Is4():
		return nil
	case f.Dst.IsUnspecified():
		return f.fail(unix.ENETUNREACH, "%v is no address of a host", f.Dst)
	case f.Dst.IsLinkLocalUnicast() && f.Interface == "":
		return f.fail(unix.EINVAL, "%v is a link-local address, which every link has its own of: it takes an interface, as in %v%%eth0", f.Dst, f.Dst)
	}
	return nil
}

// zoned returns the flow with the zones of its addresses as its interface. They are to name the same.
func (f Flow) zoned() (Flow, error) {
	given := f
	for _, a := range []*netip.Addr{&f.Dst, &f.Src} {
		zone := a.Zone()
		if zone == "" {
			continue
		}
		if f.Interface != "" && f.Interface != zone {
			return given, given.fail(unix.EINVAL, "%v is not on %s", *a, f.Interface)
		}
		f.Interface, *a = zone, a.WithZone("")
	}
	return f, nil
}

// lookupRoute is route, with the errors of Cache.Lookup.
func (k kernel) lookupRoute(f Flow) (Route, error) {
	r, err := k.route(f)
	var rejected *Error
	if err != nil && !errors.As(err, &rejected) {
		return Route{}, &net.OpError{Op: "route", Net: "netlink", Err: err}
	}
	return r, err
}

// route puts together what the kernel knows in three places: the route, the interface and the neighbour.
func (k kernel) route(f Flow) (Route, error) {
	var through link
	if f.Interface != "" {
		var err error
		if through, err = k.namedLink(f); err != nil {
			return Route{}, err
		}
	}
	p, err := k.path(f, through.index)
	if err != nil {
		return Route{}, err
	}
	out := through
	if p.index != through.index {
		if out, err = k.linkOf(f, p.index); err != nil {
			return Route{}, err
		}
	}
	r := Route{
		Interface:    out.name,
		Index:        out.index,
		Source:       p.source,
		Scope:        p.scope,
		NextHop:      p.gateway,
		OnLink:       !p.gateway.IsValid(),
		Local:        p.kind == unix.RTN_LOCAL || p.kind == unix.RTN_ANYCAST,
		Encap:        p.encap,
		MTU:          p.mtu,
		LinkMTU:      out.mtu,
		HardwareAddr: out.hardwareAddr,
		HardwareType: out.hardwareType,
		Loopback:     out.flags&unix.IFF_LOOPBACK != 0,
		NoARP:        out.flags&unix.IFF_NOARP != 0,
		PointToPoint: out.flags&unix.IFF_POINTOPOINT != 0,
		External:     out.external,
	}
	if r.OnLink {
		r.NextHop = f.Dst
	}
	if f.Dst.Is6() && f.Dst.IsLinkLocalUnicast() {
		r.Scope = through.index
	}
	if r.Zone, err = k.zone(r.Scope, through, out); err != nil {
		return Route{}, err
	}
	longest := math.MaxUint16 // of Total Length
	if f.Dst.Is6() {
		if err := f.usesIPv6(out); err != nil {
			return Route{}, err
		}
		r.LinkMTU = min(out.mtu, out.mtu6)
		longest += ipv6Header // which Payload Length leaves out
	}
	if r.MTU == 0 || f.Dst.Is6() && r.MTU > r.LinkMTU {
		r.MTU = r.LinkMTU
	}
	r.MTU = min(r.MTU, longest)
	if err := f.leaves(r, out.flags); err != nil {
		return Route{}, err
	}
	if r.ethernet() {
		if r.Neighbor, err = k.neighbor(r.Index, r.NextHop); err != nil {
			return Route{}, err
		}
	}
	return r, nil
}

// zone returns the name of the interface with an index, which may be known; "" if that is 0.
func (k kernel) zone(index int, known ...link) (string, error) {
	if index == 0 {
		return "", nil
	}
	for _, l := range known {
		if l.index == index {
			return l.name, nil
		}
	}
	l, err := k.indexedLink(index)
	return l.name, err
}

// ipv6Header is the length of the IPv6 header in octets (RFC 8200 3).
const ipv6Header = 40

// leaves returns an error if nothing of the flow can leave by the route, or should.
func (f Flow) leaves(r Route, flags uint32) error {
	switch {
	case flags&unix.IFF_UP == 0:
		return f.fail(unix.ENETDOWN, "the interface %s is down", r.Interface)
	case flags&unix.IFF_LOWER_UP == 0:
		// The kernel drops what is sent there, and tells nobody.
		return f.fail(unix.ENETDOWN, "the interface %s has no carrier: the cable is out, or its other end is down", r.Interface)
	case f.Dst.IsLoopback() && !r.Loopback && !r.Source.IsLoopback():
		// RFC 1122 3.2.1.3, RFC 4291 2.5.3: such addresses must not appear outside of a host. The kernel gives a source of the loopback
		// network only where an administrator has allowed it (route_localnet), as for a host that stands for this one.
		return f.fail(unix.ENETUNREACH, "%v is this host itself: nothing for it may leave through %s", f.Dst, r.Interface)
	}
	return nil
}
