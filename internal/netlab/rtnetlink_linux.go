package netlab

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// request asks rtnetlink(7) for a change: a fixed header (ifinfomsg, rtmsg and their kind), then attributes.
func (h *Host) request(kind netlink.HeaderType, flags netlink.HeaderFlags, header any, attributes func(*netlink.AttributeEncoder)) error {
	_, err := h.exchange(kind, flags|netlink.Acknowledge, header, attributes)
	return err
}

// exchange is request for messages that are answered with more than an acknowledgement.
func (h *Host) exchange(kind netlink.HeaderType, flags netlink.HeaderFlags, header any, attributes func(*netlink.AttributeEncoder)) ([]netlink.Message, error) {
	data, err := binary.Append(nil, binary.NativeEndian, header)
	if err != nil {
		return nil, err
	}
	encoder := netlink.NewAttributeEncoder()
	attributes(encoder)
	encoded, err := encoder.Encode()
	if err != nil {
		return nil, err
	}
	return h.rtnl.Execute(netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request | flags},
		Data:   append(data, encoded...),
	})
}

// index returns the index of the named interface.
func (h *Host) index(ifname string) (int32, error) {
	info, err := h.info(ifname)
	return info.Index, err
}

// info returns what the kernel says of the named interface.
func (h *Host) info(ifname string) (info unix.IfInfomsg, err error) {
	replies, err := h.exchange(unix.RTM_GETLINK, 0, unix.IfInfomsg{}, func(e *netlink.AttributeEncoder) {
		e.String(unix.IFLA_IFNAME, ifname)
	})
	if err != nil {
		return info, err
	}
	if len(replies) != 1 {
		return info, fmt.Errorf("rtnetlink named %d interfaces", len(replies))
	}
	_, err = binary.Decode(replies[0].Data, binary.NativeEndian, &info)
	return info, err
}

// family returns the address family of a request that names these addresses, of which some may be the zero Addr.
func family(addresses ...netip.Addr) uint8 {
	for _, a := range addresses {
		if a.Is6() {
			return unix.AF_INET6
		}
	}
	return unix.AF_INET
}
