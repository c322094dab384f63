package neighbor

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/stamp"
)

// announceTime is for how long an interface's setting of arp_announce is believed to stay.
const announceTime = time.Second

// announce is which addresses of this host may stand as the sender's in a request: net.ipv4.conf.IF.arp_announce. The
// larger one of that for all interfaces and that of the interface counts.
type announce struct {
	all    int
	link   map[int]int // by index
	expiry time.Time   // of what is in link
}

// readAnnounce returns the setting for all interfaces. Without /proc it counts as 0, its default.
func readAnnounce() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/conf/all/arp_announce")
	if err != nil {
		return 0
	}
	level, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return level
}

// sender returns the address in whose name a target is asked for, as the kernel would choose it for a datagram from source.
func (k *kernel) sender(link Link, source, target netip.Addr, now time.Time) netip.Addr {
	if target.Is6() {
		return k.solicitant(link, source)
	}
	return k.source(link, source, target, now)
}

// solicitant returns the address in whose name NDP asks (ndisc_solicit of net/ipv6/ndisc.c): the datagram's source if the
// interface has it, else the interface's link-local address. So it asks for the next hop of IPv4, too. An interface without any is
// asked in the source's name.
func (k *kernel) solicitant(link Link, source netip.Addr) netip.Addr {
	addresses, err := k.addresses(unix.AF_INET6)
	if err != nil {
		return source
	}
	sender := source
	for _, a := range addresses {
		switch {
		case a.index != link.Index || a.tentative:
		case a.local == source:
			return source
		case a.local.IsLinkLocalUnicast() && !sender.IsLinkLocalUnicast():
			sender = a.local
		}
	}
	return sender
}

// source returns the address in whose name a target is asked for, as the kernel would choose it for a datagram from source
// (arp_solicit of net/ipv4/arp.c): another one than source where arp_announce says so. What the kernel does not say leaves
// it at source.
func (k *kernel) source(link Link, source, target netip.Addr, now time.Time) netip.Addr {
	level := max(k.announce.all, k.announceOf(link.Index, now))
	if level == 0 {
		return source
	}
	addresses, err := k.addresses(unix.AF_INET)
	if err != nil {
		return source
	}
	return announced(addresses, level, link.Index, source, target)
}

// announceOf returns the setting of one interface, or 0.
func (k *kernel) announceOf(index int, now time.Time) int {
	if !now.Before(k.announce.expiry) {
		k.announce.link, k.announce.expiry = make(map[int]int), now.Add(announceTime)
	}
	level, known := k.announce.link[index]
	if !known {
		level, _ = k.setting(index, settingARPAnnounce)
		k.announce.link[index] = level
	}
	return level
}

// settingARPAnnounce is IPV4_DEVCONF_ARP_ANNOUNCE of linux/ip.h.
const settingARPAnnounce = 18

// setting returns a setting of an interface for IPv4, by its number in linux/ip.h.
func (k *kernel) setting(index, number int) (value int, err error) {
	replies, err := k.ask(unix.RTM_GETLINK, 0, unix.IfInfomsg{Index: int32(index)})
	if err != nil {
		return 0, err
	}
	var header unix.IfInfomsg
	d, err := attributes(replies[0], &header)
	if err != nil {
		return 0, err
	}
	for d.Next() {
		if d.Type() != unix.IFLA_AF_SPEC {
			continue
		}
		d.Nested(func(families *netlink.AttributeDecoder) error {
			for families.Next() {
				if families.Type() == unix.AF_INET {
					families.Nested(func(ipv4 *netlink.AttributeDecoder) error {
						for ipv4.Next() {
							// An array of 32 bits for each setting, from number 1.
							if b := ipv4.Bytes(); ipv4.Type() == unix.IFLA_INET_CONF && len(b) >= 4*number {
								value = int(int32(ipv4.ByteOrder.Uint32(b[4*(number-1):])))
							}
						}
						return nil
					})
				}
			}
			return nil
		})
	}
	return value, d.Err()
}

// addresses returns this host's addresses of a family, in the kernel's order.
func (k *kernel) addresses(family uint8) ([]hostAddress, error) {
	replies, err := k.ask(unix.RTM_GETADDR, netlink.Dump, unix.IfAddrmsg{Family: family})
	if err != nil {
		return nil, err
	}
	var addresses []hostAddress
	for _, reply := range replies {
		var header unix.IfAddrmsg
		d, err := attributes(reply, &header)
		if err != nil {
			return nil, err
		}
		a := hostAddress{
			index: int(header.Index), scope: header.Scope,
			secondary: header.Flags&unix.IFA_F_SECONDARY != 0, tentative: header.Flags&unix.IFA_F_TENTATIVE != 0,
		}
		var network netip.Addr
		for d.Next() {
			switch d.Type() {
			case unix.IFA_LOCAL:
				a.local, _ = netip.AddrFromSlice(d.Bytes())
			case unix.IFA_ADDRESS: // the other end's, where the link has one
				network, _ = netip.AddrFromSlice(d.Bytes())
			}
		}
		if err := d.Err(); err != nil {
			return nil, err
		}
		if !a.local.IsValid() { // IPv6 names it so where the link has no other end
			a.local = network
		}
		a.network = netip.PrefixFrom(network, int(header.Prefixlen)).Masked()
		addresses = append(addresses, a)
	}
	return addresses, nil
}

// Rehearse returns the request that a question would begin with, unsent. It takes no privilege.
func Rehearse(link Link, source, target netip.Addr, at stamp.Stamp) (Event, error) {
	kernel, err := openKernel()
	if err != nil {
		return Event{}, err
	}
	defer kernel.close()
	q := newQuestion(link, source, target, nil)
	q.askAs(kernel.sender(link, source, target, at.User))
	r, _, err := q.query.next(at.User)
	if err != nil {
		return Event{}, &Error{Protocol: protocolOf(target), Target: target, Interface: link.Name, Err: err}
	}
	q.sent(r, at)
	return q.events[0], nil
}
