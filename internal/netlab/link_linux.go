package netlab

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// vethInfoPeer is VETH_INFO_PEER of linux/veth.h: in it stands the other end, as a link message of its own.
const vethInfoPeer = 1

// operUp is IF_OPER_UP of linux/if.h: the state in which an interface carries frames (RFC 2863).
const operUp = 6

// A LinkOption changes how Lab.Link makes a link.
type LinkOption func(*link)

// MTU sets the MTU of both ends in octets; 1500 if it is not given.
func MTU(octets int) LinkOption { return func(l *link) { l.mtu = octets } }

// MAC sets the Ethernet addresses of the two ends, in the order of Lab.Link.
func MAC(a, b [6]byte) LinkOption {
	return func(l *link) { l.ends[0].mac, l.ends[1].mac = a, b }
}

// NoChecksumOffload has both ends compute the checksums of what they send. Without it the kernel leaves that to the network
// card, which a virtual link has not, and its segments arrive with checksums not filled in.
func NoChecksumOffload() LinkOption { return func(l *link) { l.noChecksumOffload = true } }

type link struct {
	ends              [2]end
	mtu               int
	noChecksumOffload bool
}

type end struct {
	host   *Host
	ifname string
	prefix netip.Prefix
	mac    [6]byte
}

// Link joins two hosts by a virtual Ethernet link and returns once it carries frames. Each end has a name and, unless the
// prefix is the zero Prefix, an address with the route to its network. An end with an IPv4 address has the MAC 02:00 and then
// that address, unless MAC says otherwise.
func (l *Lab) Link(a *Host, aName string, aPrefix netip.Prefix, b *Host, bName string, bPrefix netip.Prefix, options ...LinkOption) error {
	link := link{
		ends: [2]end{{a, aName, aPrefix, macOf(aPrefix)}, {b, bName, bPrefix, macOf(bPrefix)}},
		mtu:  1500,
	}
	for _, option := range options {
		option(&link)
	}
	if err := opError("link "+aName, a.name, link.create()); err != nil {
		return err
	}
	for _, e := range link.ends {
		if err := link.configure(e); err != nil {
			return err
		}
	}
	return link.up()
}

// macOf returns a locally administered MAC in which a reader finds the IPv4 address again, or the zero MAC.
func macOf(p netip.Prefix) [6]byte {
	if !p.Addr().Is4() {
		return [6]byte{}
	}
	a := p.Addr().As4()
	return [6]byte{0x02, 0x00, a[0], a[1], a[2], a[3]}
}

func (l *link) create() error {
	a, b := l.ends[0], l.ends[1]
	return b.host.withNamespace(func(fd int) error {
		return a.host.request(unix.RTM_NEWLINK, netlink.Create|netlink.Excl, unix.IfInfomsg{}, func(e *netlink.AttributeEncoder) {
			l.describe(e, a)
			e.Nested(unix.IFLA_LINKINFO, func(e *netlink.AttributeEncoder) error {
				e.String(unix.IFLA_INFO_KIND, "veth")
				e.Nested(unix.IFLA_INFO_DATA, func(e *netlink.AttributeEncoder) error {
					e.Do(vethInfoPeer, func() ([]byte, error) {
						peer := netlink.NewAttributeEncoder()
						l.describe(peer, b)
						peer.Uint32(unix.IFLA_NET_NS_FD, uint32(fd))
						attributes, err := peer.Encode()
						return append(make([]byte, unix.SizeofIfInfomsg), attributes...), err
					})
					return nil
				})
				return nil
			})
		})
	})
}

func (l *link) describe(e *netlink.AttributeEncoder, end end) {
	e.String(unix.IFLA_IFNAME, end.ifname)
	e.Uint32(unix.IFLA_MTU, uint32(l.mtu))
	if end.mac != [6]byte{} {
		e.Bytes(unix.IFLA_ADDRESS, end.mac[:])
	}
}

func (l *link) configure(e end) error {
	if l.noChecksumOffload {
		if err := e.host.disableChecksumOffload(e.ifname); err != nil {
			return err
		}
	}
	if e.prefix.IsValid() {
		return e.host.Address(e.ifname, e.prefix)
	}
	return nil
}

// up sets both ends up and waits until both carry frames. The kernel activates an end a moment after its peer came up, and
// drops what is sent before.
func (l *link) up() error {
	var watches []*watch
	for _, e := range l.ends {
		w, err := e.host.watch(e.ifname)
		if err != nil {
			return opError("link "+e.ifname, e.host.name, err)
		}
		defer w.conn.Close()
		watches = append(watches, w)
	}
	for _, e := range l.ends {
		if err := e.host.SetLink(e.ifname, true); err != nil {
			return err
		}
	}
	for _, e := range l.ends {
		// The kernel looks after new carriers once a second, unless it is asked about one.
		if _, err := e.host.index(e.ifname); err != nil {
			return opError("link "+e.ifname, e.host.name, err)
		}
	}
	for i, w := range watches {
		if err := opError("link "+l.ends[i].ifname, l.ends[i].host.name, w.untilUp()); err != nil {
			return err
		}
	}
	return nil
}

// A watch hears of every change of one interface.
type watch struct {
	conn  *netlink.Conn
	index int32
}

func (h *Host) watch(ifname string) (*watch, error) {
	w := new(watch)
	err := h.Do(func() (err error) {
		w.conn, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: unix.RTMGRP_LINK})
		return err
	})
	if err != nil {
		return nil, err
	}
	if w.index, err = h.index(ifname); err != nil {
		return nil, errors.Join(err, w.conn.Close())
	}
	return w, nil
}

func (w *watch) untilUp() error {
	// Far longer than the kernel takes, so that a fault ends with an error and not with silence.
	if err := w.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	for {
		messages, err := w.conn.Receive()
		if err != nil {
			return err
		}
		for _, m := range messages {
			if up, err := w.isUp(m); up || err != nil {
				return err
			}
		}
	}
}

func (w *watch) isUp(m netlink.Message) (bool, error) {
	var info unix.IfInfomsg
	n, err := binary.Decode(m.Data, binary.NativeEndian, &info)
	if err != nil || m.Header.Type != unix.RTM_NEWLINK || info.Index != w.index {
		return false, err
	}
	attributes, err := netlink.NewAttributeDecoder(m.Data[n:])
	if err != nil {
		return false, err
	}
	for attributes.Next() {
		if attributes.Type() == unix.IFLA_OPERSTATE {
			return attributes.Uint8() == operUp, attributes.Err()
		}
	}
	return false, attributes.Err()
}

// SetLink sets an interface up or down. The routes through an interface vanish when it goes down; those to its own networks
// come back with it, though the other end may take up to a second to send again.
func (h *Host) SetLink(ifname string, up bool) error {
	header := unix.IfInfomsg{Change: unix.IFF_UP}
	if up {
		header.Flags = unix.IFF_UP
	}
	return h.changeLink("set link "+ifname, unix.RTM_NEWLINK, header, func(e *netlink.AttributeEncoder) {
		e.String(unix.IFLA_IFNAME, ifname)
	})
}

// SetMTU sets the MTU of an interface in octets, and leaves that of its peer as it is.
func (h *Host) SetMTU(ifname string, octets int) error {
	return h.changeLink("set MTU "+ifname, unix.RTM_NEWLINK, unix.IfInfomsg{}, func(e *netlink.AttributeEncoder) {
		e.String(unix.IFLA_IFNAME, ifname)
		e.Uint32(unix.IFLA_MTU, uint32(octets))
	})
}

// DeleteLink takes an interface away, and with it the other end of its link.
func (h *Host) DeleteLink(ifname string) error {
	return h.changeLink("delete link "+ifname, unix.RTM_DELLINK, unix.IfInfomsg{}, func(e *netlink.AttributeEncoder) {
		e.String(unix.IFLA_IFNAME, ifname)
	})
}

func (h *Host) changeLink(op string, kind netlink.HeaderType, header unix.IfInfomsg, attributes func(*netlink.AttributeEncoder)) error {
	return opError(op, h.name, h.request(kind, 0, header, attributes))
}

// disableChecksumOffload does what `ethtool -K IF tx off` does.
func (h *Host) disableChecksumOffload(ifname string) error {
	// struct ethtool_value of linux/ethtool.h, and struct ifreq of netdevice(7) with a pointer in its union.
	type ethtoolValue struct{ cmd, data uint32 }
	type ifreq struct {
		name [unix.IFNAMSIZ]byte
		data *ethtoolValue
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}
	value := &ethtoolValue{cmd: unix.ETHTOOL_STXCSUM, data: 0}
	request := &ifreq{data: value}
	copy(request.name[:unix.IFNAMSIZ-1], ifname)

	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(request)))
		runtime.KeepAlive(value)
		if errno != 0 {
			return os.NewSyscallError("ioctl", errno)
		}
		return nil
	})
	return opError("disable checksum offload "+ifname, h.name, err)
}
