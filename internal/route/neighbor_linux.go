package route

import (
	"errors"
	"net"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Neighbor asks for the kernel's entry for an address, of IPv4 or IPv6, on the link of an interface. It is never cached. The
// error is a *net.OpError.
func (c *Cache) Neighbor(index int, address netip.Addr) (Neighbor, error) {
	n, err := kernel{c.conn}.neighbor(index, address)
	if err != nil {
		return Neighbor{}, &net.OpError{Op: "neighbor", Net: "netlink", Err: err}
	}
	return n, nil
}

// neighbor is one RTM_GETNEIGH.
func (k kernel) neighbor(index int, address netip.Addr) (Neighbor, error) {
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.NDA_DST, address.AsSlice())
	var answer unix.NdMsg
	d, err := k.ask(unix.RTM_GETNEIGH, unix.NdMsg{Family: family(address), Ifindex: int32(index)}, attributes, &answer)
	// ENOENT is no entry. Before Linux 5.0 a single entry cannot be asked for: then none is known.
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return Neighbor{}, nil
	}
	if err != nil {
		return Neighbor{}, err
	}
	n := Neighbor{State: NeighborState(answer.State)}
	for d.Next() {
		// The kernel tells a MAC only where it would send to it.
		if d.Type() != unix.NDA_LLADDR {
			continue
		}
		if address := d.Bytes(); len(address) == len(n.HardwareAddr) {
			copy(n.HardwareAddr[:], address)
			n.Known = true
			n.Permanent = n.State&(NeighborPermanent|NeighborNoARP) != 0
		}
	}
	return n, d.Err()
}
