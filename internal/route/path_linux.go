package route

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// path is a route as rtnetlink(7) tells it.
type path struct {
	kind    uint8 // RTN_UNICAST, RTN_LOCAL, …
	index   int
	source  netip.Addr
	scope   int        // index of the interface that a link-local source of IPv6 is an address of; 0 for other sources
	gateway netip.Addr // the zero Addr if the destination is on-link
	mtu     int        // 0 if the route has none of its own
	encap   string     // empty for none
}

// path asks for the route of the flow through an interface, or through any if the index is 0.
func (k kernel) path(f Flow, index int) (path, error) {
	if f.Src.Is6() {
		// Of a source of IPv6 the kernel says nothing here.
		if err := k.checkSource(f); err != nil {
			return path{}, err
		}
	}
	p, err := k.lookup(f, f.Src, index)
	// As connect(2) does: a source address that the kernel chose can select another route by a rule.
	if err == nil && !f.Src.IsValid() && p.source.IsValid() {
		p, err = k.lookup(f, p.source, index)
	}
	if errno, ok := answered(err); ok {
		switch {
		case f.Src.Is4() && !k.isLocal(f.Src):
			return path{}, f.fail(unix.EADDRNOTAVAIL, "%v is not an address of this host", f.Src)
		case f.Src.IsLoopback() && errno == unix.EINVAL && !f.Dst.IsLoopback():
			return path{}, f.fail(unix.EADDRNOTAVAIL, "%v is no source for what leaves this host", f.Src)
		case f.Dst.Is6() && errno == unix.ENETUNREACH:
			return path{}, k.without(f, index)
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
	case f.Src.Is6() && f.Src.IsLoopback() && p.kind != unix.RTN_LOCAL:
		return path{}, f.fail(unix.EADDRNOTAVAIL, "%v is no source for what leaves this host", f.Src)
	}
	if f.Dst.Is6() {
		return p, k.checkOwn(f, &p)
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
	header := unix.RtMsg{Family: family(f.Dst), Dst_len: uint8(f.Dst.BitLen()), Tos: f.TOS}
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.RTA_DST, f.Dst.AsSlice())
	if source.IsValid() {
		header.Src_len = header.Dst_len
		attributes.Bytes(unix.RTA_SRC, source.AsSlice())
	}
	if index != 0 {
		attributes.Uint32(unix.RTA_OIF, uint32(index))
	}
	if f.Mark != 0 {
		attributes.Uint32(unix.RTA_MARK, f.Mark)
	}
	if f.FlowLabel != 0 {
		const flowLabel = 31 // RTA_FLOWLABEL of linux/rtnetlink.h, since Linux 6.14
		attributes.Bytes(flowLabel, binary.BigEndian.AppendUint32(nil, f.FlowLabel))
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
			if !source.IsValid() { // for IPv6 it is the kernel's choice all the same
				p.source, _ = netip.AddrFromSlice(d.Bytes())
			}
		case unix.RTA_GATEWAY:
			p.gateway, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_VIA:
			// struct rtvia: the address family, then the address.
			if via := d.Bytes(); len(via) > 2 {
				p.gateway, _ = netip.AddrFromSlice(via[2:])
			}
		case unix.RTA_ENCAP_TYPE:
			p.encap = encapName(d.Uint16())
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

// encapName returns the name that ip-route(8) gives a type of encapsulation: LWTUNNEL_ENCAP_* of linux/lwtunnel.h.
func encapName(n uint16) string {
	names := [...]string{"", "mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm"}
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("type %d", n)
}
