package route

import (
	"net"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// InterfaceName returns the name of the interface with an index. The error is a *net.OpError.
func (c *Cache) InterfaceName(index int) (string, error) {
	l, err := kernel{c.conn}.indexedLink(index)
	if err != nil {
		return "", &net.OpError{Op: "link", Net: "netlink", Err: err}
	}
	return l.name, nil
}

// Stacked reports whether what one interface receives may be seen on the other too, since it lies on it: a VLAN and what is
// below, a bridge or a bond and its ports. An interface is stacked with itself. The error is a *net.OpError.
func (c *Cache) Stacked(a, b int) (bool, error) {
	for _, pair := range [2][2]int{{a, b}, {b, a}} {
		stack, err := kernel{c.conn}.stack(pair[0])
		if err != nil {
			return false, &net.OpError{Op: "link", Net: "netlink", Err: err}
		}
		if stack[pair[1]] {
			return true, nil
		}
	}
	return false, nil
}

// stack returns the indexes of the interfaces that one lies on, or is a port of, and its own.
func (k kernel) stack(index int) (map[int]bool, error) {
	found := make(map[int]bool)
	wanted := []int{index}
	for len(wanted) > 0 {
		next := wanted[0]
		wanted = wanted[1:]
		if next == 0 || found[next] {
			continue
		}
		l, err := k.indexedLink(next)
		if err != nil {
			return nil, err
		}
		found[next] = true
		wanted = append(wanted, l.below, l.above)
	}
	return found, nil
}

// indexedLink asks for the interface with an index.
func (k kernel) indexedLink(index int) (link, error) {
	return k.link(unix.IfInfomsg{Index: int32(index)}, netlink.NewAttributeEncoder())
}
