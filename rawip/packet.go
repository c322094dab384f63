package rawip

import (
	"fmt"

	"tcpprobe/internal/stamp"
)

// Path is the way that a datagram takes out of this host.
type Path struct {
	Interface int     // index of the interface that it leaves by
	Link      bool    // in a frame of our own, to NextHop; otherwise the kernel's IP sends it
	MAC       [6]byte // of the interface; zero on a link that has no addresses
	NextHop   [6]byte // its MAC; zero on such a link
}

// Packet is a datagram as a Wire saw it.
type Packet struct {
	Sent       bool    // one of ours, on its way out
	Octets     []byte  // from the IPv4 header on; they hold until the next Receive
	ByIP       bool    // the kernel's IP sent it, or handed it up; otherwise it is out of a frame
	Interface  int     // index, of the one that it left or arrived by; 0 if that is not known
	Source     [6]byte // MAC of the frame's sender; zero if it has none, or if it came by the kernel's IP
	At         stamp.Stamp
	NoChecksum bool // an offload has not filled in the transport checksum
}

// LinkError says that an interface can carry no more.
type LinkError struct {
	Interface int   // index
	Err       error // unix.ENETDOWN if it was set down, unix.ENODEV if it is gone
}

func (e *LinkError) Error() string { return fmt.Sprintf("interface %d: %v", e.Interface, e.Err) }

func (e *LinkError) Unwrap() error { return e.Err }
