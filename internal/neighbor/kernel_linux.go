package neighbor

import (
	"encoding/binary"
	"errors"
	"net"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/route"
)

// kernel is what the kernel says of interfaces, addresses and neighbours, by rtnetlink(7), in the network namespace that it
// was opened in. It is for one goroutine at a time.
type kernel struct {
	conn     *netlink.Conn
	entries  *route.Cache // for the neighbour table alone
	announce announce
}

func openKernel() (*kernel, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "netlink", Err: err}
	}
	entries, err := route.OpenCache()
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &kernel{conn: conn, entries: entries, announce: announce{all: readAnnounce()}}, nil
}

func (k *kernel) close() error { return errors.Join(k.conn.Close(), k.entries.Close()) }

// entry returns the kernel's own entry for a neighbour, as far as it tells.
func (k *kernel) entry(h Hop) route.Neighbor {
	n, err := k.entries.Neighbor(h.Index, h.Address)
	if err != nil {
		return route.Neighbor{}
	}
	return n
}

// silence says why nobody answered on the link: a socket for all interfaces is not told when one of them goes down.
func (k *kernel) silence(link Link) error {
	replies, err := k.ask(unix.RTM_GETLINK, 0, unix.IfInfomsg{Index: int32(link.Index)})
	switch {
	case errors.Is(err, unix.ENODEV):
		return receiveError(unix.ENXIO)
	case err != nil:
		return err
	}
	var header unix.IfInfomsg
	if _, err := attributes(replies[0], &header); err != nil {
		return err
	}
	if header.Flags&unix.IFF_UP == 0 || header.Flags&unix.IFF_RUNNING == 0 { // switched off, or without a carrier
		return receiveError(unix.ENETDOWN)
	}
	return ErrTimeout
}

// receiveError is what a socket of one interface alone would have said.
func receiveError(cause unix.Errno) error {
	return &net.OpError{Op: "receive", Net: "packet", Err: os.NewSyscallError("recvmsg", cause)}
}

// ownMACs returns the MACs of this host's interfaces.
func (k *kernel) ownMACs() ([][6]byte, error) {
	replies, err := k.ask(unix.RTM_GETLINK, netlink.Dump, unix.IfInfomsg{})
	if err != nil {
		return nil, err
	}
	var macs [][6]byte
	for _, reply := range replies {
		var header unix.IfInfomsg
		d, err := attributes(reply, &header)
		if err != nil {
			return nil, err
		}
		for d.Next() {
			if address := d.Bytes(); d.Type() == unix.IFLA_ADDRESS && len(address) == 6 {
				macs = append(macs, [6]byte(address))
			}
		}
		if err := d.Err(); err != nil {
			return nil, err
		}
	}
	return macs, nil
}

// ask sends one request, and returns the replies: at least one, unless it is for a dump.
func (k *kernel) ask(request netlink.HeaderType, flags netlink.HeaderFlags, header any) ([]netlink.Message, error) {
	data, err := binary.Append(nil, binary.NativeEndian, header)
	if err != nil {
		return nil, err
	}
	replies, err := k.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: request, Flags: netlink.Request | flags},
		Data:   data,
	})
	if err == nil && len(replies) == 0 && flags&netlink.Dump == 0 {
		err = errors.New("no reply to a request")
	}
	if err != nil {
		return nil, &net.OpError{Op: "ask", Net: "netlink", Err: err}
	}
	return replies, nil
}

// attributes fills in the header of a reply, and returns its attributes.
func attributes(reply netlink.Message, header any) (*netlink.AttributeDecoder, error) {
	n, err := binary.Decode(reply.Data, binary.NativeEndian, header)
	if err != nil {
		return nil, err
	}
	return netlink.NewAttributeDecoder(reply.Data[n:])
}
