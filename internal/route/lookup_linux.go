package route

import (
	"errors"
	"math"
	"net"

	"golang.org/x/sys/unix"
)

// check returns an error for a flow of which nothing is to be asked.
func (f Flow) check() error {
	if !f.Dst.Is4() {
		return f.fail(unix.EAFNOSUPPORT, "%v is not an IPv4 address", f.Dst)
	}
	if f.Src.IsValid() && !f.Src.Is4() {
		return f.fail(unix.EAFNOSUPPORT, "%v is not an IPv4 address", f.Src)
	}
	return nil
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
		NextHop:      p.gateway,
		OnLink:       !p.gateway.IsValid(),
		Local:        p.kind == unix.RTN_LOCAL,
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
	if r.MTU == 0 {
		r.MTU = r.LinkMTU
	}
	r.MTU = min(r.MTU, math.MaxUint16)
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

// leaves returns an error if nothing of the flow can leave by the route, or should.
func (f Flow) leaves(r Route, flags uint32) error {
	switch {
	case flags&unix.IFF_UP == 0:
		return f.fail(unix.ENETDOWN, "the interface %s is down", r.Interface)
	case flags&unix.IFF_LOWER_UP == 0:
		// The kernel drops what is sent there, and tells nobody.
		return f.fail(unix.ENETDOWN, "the interface %s has no carrier: the cable is out, or its other end is down", r.Interface)
	case f.Dst.IsLoopback() && !r.Loopback && !r.Source.IsLoopback():
		// RFC 1122 3.2.1.3: such addresses must not appear outside of a host. The kernel gives a source of the loopback
		// network only where an administrator has allowed it (route_localnet), as for a host that stands for this one.
		return f.fail(unix.ENETUNREACH, "%v is this host itself: nothing for it may leave through %s", f.Dst, r.Interface)
	}
	return nil
}
