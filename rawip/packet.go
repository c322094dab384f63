package rawip

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"tcpprobe/internal/stamp"
)

// Path is the way that a datagram takes out of this host.
type Path struct {
	V6        bool    // the datagram is IPv6; its next hop's family has no part in it
	Interface int     // index of the interface that it leaves by
	Scope     int     // index of the interface whose link its link-local addresses are of; 0 if it has none (RFC 4007)
	Link      bool    // in a frame of our own, to NextHop; otherwise the kernel's IP sends it
	MAC       [6]byte // of the interface; zero on a link that has no addresses
	NextHop   [6]byte // its MAC; zero on such a link
}

// Packet is a datagram as a Wire saw it.
type Packet struct {
	Sent       bool    // one of ours, on its way out
	Octets     []byte  // from the IP header on; they hold until the next Receive. That of IPv6 is made anew where the kernel keeps it back, without extension headers
	ByIP       bool    // the kernel's IP sent it, or handed it up; otherwise it is out of a frame
	Interface  int     // index, of the one that it left or arrived by, or that has its address; 0 if that is not known
	Source     [6]byte // MAC of the frame's sender; zero if it has none, or if it came by the kernel's IP
	At         stamp.Stamp
	NoChecksum bool // an offload has not filled in the transport checksum
}

// LinkError says that an interface can carry no more, or no more from one of its addresses.
type LinkError struct {
	Interface int        // index
	Name      string     // of the interface; empty if that is not known
	Address   netip.Addr // that it lost; the zero Addr if it is about all of the interface

	// Err is unix.ENETDOWN if the interface was set down, unix.ENODEV if it is gone, ErrNoCarrier, or unix.EADDRNOTAVAIL for an
	// address.
	Err error
}

// ErrNoCarrier says that an interface has no carrier: the cable is out, or its other end is down.
var ErrNoCarrier = errors.New("no carrier: the cable is out, or its other end is down")

// Error names the interface, and says what it lost.
func (e *LinkError) Error() string {
	name := e.Name
	if name == "" {
		name = strconv.Itoa(e.Interface)
	}
	if e.Address.IsValid() {
		return fmt.Sprintf("interface %s lost the address %v: %v", name, e.Address, e.Err)
	}
	return fmt.Sprintf("interface %s: %v", name, e.Err)
}

// Unwrap returns the cause.
func (e *LinkError) Unwrap() error { return e.Err }
