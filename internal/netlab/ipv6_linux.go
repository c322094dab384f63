package netlab

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// EnableIPv6 switches IPv6 on for all interfaces of the host, those that are to come included: link-local addresses come by
// themselves, no address waits for the detection of duplicates, and no router is asked for.
func (h *Host) EnableIPv6() error {
	var names []string
	err := h.Do(func() error {
		links, err := net.Interfaces()
		for _, link := range links {
			names = append(names, link.Name)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range append(names, "default", "all") {
		for _, setting := range []struct{ name, value string }{
			{"accept_dad", "0"}, {"router_solicitations", "0"}, {"disable_ipv6", "0"},
		} {
			if err := h.Sysctl("net/ipv6/conf/"+name+"/"+setting.name, setting.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// untilLocal returns once the kernel takes datagrams for an IPv6 address of an interface that is up as its own: the address is
// there before its route.
func (h *Host) untilLocal(index int32, a netip.Addr) error {
	// Far longer than the kernel takes, so that a fault ends with an error and not with silence.
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		replies, err := h.exchange(unix.RTM_GETROUTE, 0, unix.RtMsg{Family: unix.AF_INET6, Dst_len: 128}, func(e *netlink.AttributeEncoder) {
			e.Bytes(unix.RTA_DST, a.AsSlice())
			e.Uint32(unix.RTA_OIF, uint32(index))
		})
		if err != nil || len(replies) != 1 {
			continue
		}
		var route unix.RtMsg
		if _, err := binary.Decode(replies[0].Data, binary.NativeEndian, &route); err == nil && route.Type == unix.RTN_LOCAL {
			return nil
		}
	}
	return errors.New("the kernel does not take it as its own")
}
