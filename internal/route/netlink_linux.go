package route

import (
	"encoding/binary"
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// kernel is the other end of a netlink socket.
type kernel struct{ conn *netlink.Conn }

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

// dump asks for everything of a kind.
func (k kernel) dump(request netlink.HeaderType, each func(unix.RtMsg, *netlink.AttributeDecoder)) error {
	data, err := binary.Append(nil, binary.NativeEndian, unix.RtMsg{Family: unix.AF_INET})
	if err != nil {
		return err
	}
	replies, err := k.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: request, Flags: netlink.Request | netlink.Dump},
		Data:   data,
	})
	if err != nil {
		return err
	}
	for _, reply := range replies {
		var header unix.RtMsg
		n, err := binary.Decode(reply.Data, binary.NativeEndian, &header)
		if err != nil {
			return err
		}
		attributes, err := netlink.NewAttributeDecoder(reply.Data[n:])
		if err != nil {
			return err
		}
		each(header, attributes)
		if err := attributes.Err(); err != nil {
			return err
		}
	}
	return nil
}

// answered returns the error number with which the kernel replied to a request. An error of the socket is none.
func answered(err error) (unix.Errno, bool) {
	var failed *netlink.OpError
	if !errors.As(err, &failed) {
		return 0, false
	}
	errno, ok := failed.Err.(unix.Errno)
	return errno, ok
}
