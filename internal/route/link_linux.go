package route

import (
	"encoding/binary"
	"errors"
	"slices"
	"strconv"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// link is an interface.
type link struct {
	name         string
	index        int
	mtu          int
	mtu6         int // for IPv6: 0 if the interface has no IPv6
	disabledIPv6 bool
	hardwareAddr [6]byte
	hardwareType uint16
	flags        uint32 // IFF_*
	kind         string // "veth", "vlan", …; empty for that of a device
	external     bool
	below        int // index of the interface that it lies on, as a VLAN does; 0 for none
	above        int // index of the interface that it is a port of: a bridge, a bond, a VRF; 0 for none
}

// namedLink returns the interface that the flow wants to leave through, if it can.
func (k kernel) namedLink(f Flow) (link, error) {
	if len(f.Interface) >= unix.IFNAMSIZ {
		return link{}, f.fail(unix.ENODEV, "there is no interface %q", f.Interface)
	}
	attributes := netlink.NewAttributeEncoder()
	attributes.String(unix.IFLA_IFNAME, f.Interface)
	l, err := k.link(unix.IfInfomsg{}, attributes)
	if index, notNumber := strconv.Atoi(f.Interface); notNumber == nil && index > 0 && errors.Is(err, unix.ENODEV) {
		l, err = k.indexedLink(index) // as in a zone (RFC 4007 11.2)
	}
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
	elsewhere := false // below is in another network namespace
	for d.Next() {
		switch d.Type() {
		case unix.IFLA_IFNAME:
			l.name = d.String()
		case unix.IFLA_MTU:
			l.mtu = int(d.Uint32())
		case unix.IFLA_LINK:
			l.below = int(d.Uint32())
		case unix.IFLA_MASTER:
			l.above = int(d.Uint32())
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case unix.IFLA_ADDRESS:
			if address := d.Bytes(); len(address) == len(l.hardwareAddr) {
				copy(l.hardwareAddr[:], address)
			}
		case unix.IFLA_AF_SPEC:
			d.Nested(func(families *netlink.AttributeDecoder) error {
				l.readIPv6(families)
				return nil
			})
		case unix.IFLA_LINKINFO:
			d.Nested(func(info *netlink.AttributeDecoder) error {
				l.kind, l.external = kindOf(info)
				return nil
			})
		}
	}
	if elsewhere || !slices.Contains([]string{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"}, l.kind) {
		l.below = 0 // of other kinds it is a peer, or carries something else
	}
	return l, d.Err()
}

// The settings of an interface for IPv6, by their numbers in linux/ipv6.h.
const (
	settingMTU         = 2  // DEVCONF_MTU6
	settingDisableIPv6 = 26 // DEVCONF_DISABLE_IPV6
)

// readIPv6 reads what an IFLA_AF_SPEC says of IPv6.
func (l *link) readIPv6(families *netlink.AttributeDecoder) {
	for families.Next() {
		if families.Type() != unix.AF_INET6 {
			continue
		}
		families.Nested(func(ipv6 *netlink.AttributeDecoder) error {
			for ipv6.Next() {
				// An array of 32 bits for each setting, from number 0.
				if b := ipv6.Bytes(); ipv6.Type() == unix.IFLA_INET6_CONF && len(b) >= 4*(settingDisableIPv6+1) {
					l.mtu6 = int(binary.NativeEndian.Uint32(b[4*settingMTU:]))
					l.disabledIPv6 = binary.NativeEndian.Uint32(b[4*settingDisableIPv6:]) != 0
				}
			}
			return nil
		})
	}
}

// metadata returns, for a kind of tunnel, the attribute of its IFLA_INFO_DATA that says that each datagram brings the ends of
// the tunnel with it, out of an encapsulating route: IFLA_…_COLLECT_METADATA of linux/if_link.h and linux/if_tunnel.h.
func metadata(kind string) (attribute uint16, ok bool) {
	switch kind {
	case "vxlan":
		return 25, true
	case "geneve":
		return 6, true
	case "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan":
		return 18, true
	case "ipip", "ip6tnl", "sit":
		return 19, true
	}
	return 0, false
}

// kindOf returns what an IFLA_LINKINFO says: which kind of interface it is, and whether a tunnel has no ends of its own.
func kindOf(info *netlink.AttributeDecoder) (kind string, external bool) {
	for info.Next() {
		switch info.Type() {
		case unix.IFLA_INFO_KIND:
			kind = info.String()
		case unix.IFLA_INFO_DATA:
			wanted, ok := metadata(kind)
			if !ok {
				continue
			}
			info.Nested(func(data *netlink.AttributeDecoder) error {
				for data.Next() {
					// It is an octet for some kinds, and for others it says all by being there.
					if data.Type() == wanted {
						external = !slices.Equal(data.Bytes(), []byte{0})
					}
				}
				return nil
			})
		}
	}
	return kind, external
}
