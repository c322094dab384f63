package route

import (
	"encoding/binary"
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// asker is a netlink socket, or what stands for one that there is not.
type asker interface {
	Execute(netlink.Message) ([]netlink.Message, error)
	Close() error
}

// deaf answers every question with an error.
type deaf struct{ err error }

func (d deaf) Execute(netlink.Message) ([]netlink.Message, error) { return nil, d.err }
func (d deaf) Close() error                                       { return nil }

// kernel is the other end of a netlink socket.
type kernel struct{ conn asker }

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
	return decode(replies[0].Data, answer)
}

// decode fills in the header of a reply, and returns its attributes.
func decode(data []byte, header any) (*netlink.AttributeDecoder, error) {
	n, err := binary.Decode(data, binary.NativeEndian, header)
	if err != nil {
		return nil, err
	}
	return netlink.NewAttributeDecoder(data[n:])
}

// errReplies is of a kernel that does not keep to rtnetlink(7).
var errReplies = errors.New("not one reply to one request")

// dump asks for everything of a kind, with a header that says of which family.
func (k kernel) dump(request netlink.HeaderType, header any, each func(data []byte) error) error {
	data, err := binary.Append(nil, binary.NativeEndian, header)
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
		if err := each(reply.Data); err != nil {
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
