package route

import (
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Lookup returns the route of the flow as it is now, in the network namespace of the calling thread. A flow that has
// none is an *Error; any other error is a *net.OpError, of the netlink socket.
func Lookup(f Flow) (Route, error) {
	if err := f.check(); err != nil {
		return Route{}, err
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return Route{}, &net.OpError{Op: "dial", Net: "netlink", Err: err}
	}
	defer conn.Close()
	return kernel{conn}.lookupRoute(f)
}

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

// kernel is the other end of a netlink socket.
type kernel struct{ conn *netlink.Conn }

// lookupRoute is route, with the errors of Lookup.
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
		MTU:          p.mtu,
		LinkMTU:      out.mtu,
		HardwareAddr: out.hardwareAddr,
		HardwareType: out.hardwareType,
		Loopback:     out.flags&unix.IFF_LOOPBACK != 0,
		NoARP:        out.flags&unix.IFF_NOARP != 0,
		PointToPoint: out.flags&unix.IFF_POINTOPOINT != 0,
		Up:           out.flags&unix.IFF_UP != 0,
		Running:      out.flags&unix.IFF_RUNNING != 0,
	}
	if r.OnLink {
		r.NextHop = f.Dst
	}
	if r.MTU == 0 {
		r.MTU = r.LinkMTU
	}
	r.MTU = min(r.MTU, math.MaxUint16)
	if r.UsesARP() {
		if r.Neighbor, err = k.neighbor(r.Index, r.NextHop); err != nil {
			return Route{}, err
		}
	}
	return r, nil
}

// path is a route as rtnetlink(7) tells it.
type path struct {
	kind    uint8 // RTN_UNICAST, RTN_LOCAL, …
	index   int
	source  netip.Addr
	gateway netip.Addr // the zero Addr if the destination is on-link
	mtu     int        // 0 if the route has none of its own
}

// path asks for the route of the flow through an interface, or through any if the index is 0.
func (k kernel) path(f Flow, index int) (path, error) {
	p, err := k.lookup(f, f.Src, index)
	// As connect(2) does: a source address that the kernel chose can select another route by a rule.
	if err == nil && !f.Src.IsValid() && p.source.IsValid() {
		p, err = k.lookup(f, p.source, index)
	}
	if errno, ok := answered(err); ok {
		if f.Src.IsValid() && !k.isLocal(f.Src) {
			return path{}, f.fail(unix.EADDRNOTAVAIL, "%v is not an address of this host", f.Src)
		}
		return path{}, f.refused(errno)
	}
	if err != nil {
		return path{}, err
	}
	switch {
	case p.kind == unix.RTN_BROADCAST:
		return path{}, f.fail(unix.ENETUNREACH, "%v is a broadcast address", f.Dst)
	case p.kind == unix.RTN_MULTICAST:
		return path{}, f.fail(unix.ENETUNREACH, "%v is a multicast address", f.Dst)
	case !p.source.IsValid():
		return path{}, f.fail(unix.EADDRNOTAVAIL, "this host has no address to reach %v from", f.Dst)
	}
	return p, nil
}

// isLocal reports whether the address is one of this host's.
func (k kernel) isLocal(a netip.Addr) bool {
	p, err := k.lookup(Flow{Dst: a}, netip.Addr{}, 0)
	return err == nil && p.kind == unix.RTN_LOCAL
}

// lookup is one RTM_GETROUTE.
func (k kernel) lookup(f Flow, source netip.Addr, index int) (path, error) {
	header := unix.RtMsg{Family: unix.AF_INET, Dst_len: 32}
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.RTA_DST, f.Dst.AsSlice())
	if source.IsValid() {
		header.Src_len = 32
		attributes.Bytes(unix.RTA_SRC, source.AsSlice())
	}
	if index != 0 {
		attributes.Uint32(unix.RTA_OIF, uint32(index))
	}
	if f.Mark != 0 {
		attributes.Uint32(unix.RTA_MARK, f.Mark)
	}
	if f.Protocol != 0 {
		attributes.Uint8(unix.RTA_IP_PROTO, f.Protocol)
		if f.SrcPort != 0 {
			attributes.Bytes(unix.RTA_SPORT, binary.BigEndian.AppendUint16(nil, f.SrcPort))
		}
		if f.DstPort != 0 {
			attributes.Bytes(unix.RTA_DPORT, binary.BigEndian.AppendUint16(nil, f.DstPort))
		}
	}
	var answer unix.RtMsg
	d, err := k.ask(unix.RTM_GETROUTE, header, attributes, &answer)
	if err != nil {
		return path{}, err
	}
	p := path{kind: answer.Type, source: source}
	for d.Next() {
		switch d.Type() {
		case unix.RTA_OIF:
			p.index = int(d.Uint32())
		case unix.RTA_PREFSRC:
			p.source, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_GATEWAY:
			p.gateway, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_VIA:
			// struct rtvia: the address family, then the address.
			if via := d.Bytes(); len(via) > 2 {
				p.gateway, _ = netip.AddrFromSlice(via[2:])
			}
		case unix.RTA_METRICS:
			d.Nested(func(metrics *netlink.AttributeDecoder) error {
				for metrics.Next() {
					if metrics.Type() == unix.RTAX_MTU {
						p.mtu = int(metrics.Uint32())
					}
				}
				return nil
			})
		}
	}
	return p, d.Err()
}

// link is an interface.
type link struct {
	name         string
	index        int
	mtu          int
	hardwareAddr [6]byte
	hardwareType uint16
	flags        uint32 // IFF_*
}

// namedLink returns the interface that the flow wants to leave through, if it can.
func (k kernel) namedLink(f Flow) (link, error) {
	if len(f.Interface) >= unix.IFNAMSIZ {
		return link{}, f.fail(unix.ENODEV, "there is no interface %q", f.Interface)
	}
	attributes := netlink.NewAttributeEncoder()
	attributes.String(unix.IFLA_IFNAME, f.Interface)
	l, err := k.link(unix.IfInfomsg{}, attributes)
	if errno, ok := answered(err); ok {
		return link{}, f.fail(errno, "there is no interface %q", f.Interface)
	}
	if err == nil && l.flags&unix.IFF_UP == 0 {
		return link{}, f.fail(unix.ENETDOWN, "the interface %s is down", l.name)
	}
	return l, err
}

// linkOf returns the interface that the flow was found to leave through.
func (k kernel) linkOf(f Flow, index int) (link, error) {
	l, err := k.link(unix.IfInfomsg{Index: int32(index)}, netlink.NewAttributeEncoder())
	if errno, ok := answered(err); ok {
		return link{}, f.fail(errno, "the interface to %v is gone", f.Dst)
	}
	return l, err
}

// link is one RTM_GETLINK.
func (k kernel) link(header unix.IfInfomsg, attributes *netlink.AttributeEncoder) (link, error) {
	var answer unix.IfInfomsg
	d, err := k.ask(unix.RTM_GETLINK, header, attributes, &answer)
	if err != nil {
		return link{}, err
	}
	l := link{index: int(answer.Index), hardwareType: answer.Type, flags: answer.Flags}
	for d.Next() {
		switch d.Type() {
		case unix.IFLA_IFNAME:
			l.name = d.String()
		case unix.IFLA_MTU:
			l.mtu = int(d.Uint32())
		case unix.IFLA_ADDRESS:
			if address := d.Bytes(); len(address) == len(l.hardwareAddr) {
				copy(l.hardwareAddr[:], address)
			}
		}
	}
	return l, d.Err()
}

// neighbor is one RTM_GETNEIGH.
func (k kernel) neighbor(index int, address netip.Addr) (Neighbor, error) {
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.NDA_DST, address.AsSlice())
	var answer unix.NdMsg
	d, err := k.ask(unix.RTM_GETNEIGH, unix.NdMsg{Family: unix.AF_INET, Ifindex: int32(index)}, attributes, &answer)
	// ENOENT is no entry. Before Linux 5.0 a single entry cannot be asked for: then none is known.
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return Neighbor{}, nil
	}
	if err != nil {
		return Neighbor{}, err
	}
	var n Neighbor
	for d.Next() {
		// The kernel tells a MAC only where it would send to it.
		if d.Type() != unix.NDA_LLADDR {
			continue
		}
		if address := d.Bytes(); len(address) == len(n.HardwareAddr) {
			copy(n.HardwareAddr[:], address)
			n.Known = true
			n.Permanent = answer.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0
		}
	}
	return n, d.Err()
}

// ask sends one request, a header with attributes, fills in the header of the reply and returns its attributes.
func (k kernel) ask(request netlink.HeaderType, header any, attributes *netlink.AttributeEncoder, answer any) (*netlink.AttributeDecoder, error) {
	encoded, err := attributes.Encode()
	if err != nil {
		return nil, err
	}
	data, err := binary.Append(nil, binary.NativeEndian, header)
	if err != nil {
		return nil, err
	}
	replies, err := k.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: request, Flags: netlink.Request},
		Data:   append(data, encoded...),
	})
	if err != nil {
		return nil, err
	}
	if len(replies) != 1 {
		return nil, errReplies
	}
	n, err := binary.Decode(replies[0].Data, binary.NativeEndian, answer)
	if err != nil {
		return nil, err
	}
	return netlink.NewAttributeDecoder(replies[0].Data[n:])
}

// errReplies is of a kernel that does not keep to rtnetlink(7).
var errReplies = errors.New("not one reply to one request")

// answered returns the error number with which the kernel replied to a request. An error of the socket is none.
func answered(err error) (unix.Errno, bool) {
	var failed *netlink.OpError
	if !errors.As(err, &failed) {
		return 0, false
	}
	errno, ok := failed.Err.(unix.Errno)
	return errno, ok
}
