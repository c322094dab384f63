package connect

import (
	"net/netip"
	"time"
)

// Options say what to connect with, and how.
type Options struct {
	Remote    netip.AddrPort
	Source    netip.Addr // not valid for the one that the kernel chooses
	Port      uint16     // from which; 0 for one that the kernel chooses
	Interface string     // by which (SO_BINDTODEVICE); empty for any
	Mark      uint32     // SO_MARK; 0 for none
	TTL       uint8      // Time to Live, or Hop Limit; from 1
	TOS       uint8      // Type of Service, or Traffic Class: the DSCP in the upper six bits
	MSS       uint16     // maximum segment size to announce (TCP_MAXSEG), LeastMSS to MostMSS; 0 as the kernel chooses
	Retries   int        // how often the SYN may be sent again (TCP_SYNCNT), 1 to MostRetries; Linux 6.5 and later add tcp_syn_linear_timeouts
}

// What the kernel takes of these options (tcp(7), and TCP_MIN_MSS of the kernel).
const (
	LeastMSS    = 88
	MostMSS     = 32767
	MostRetries = 127
)

// State is how far a connection has come.
type State uint8

const (
	Pending     State = iota // the SYN is not answered yet
	Established              // the handshake was completed
	Failed                   // the kernel has given up
)

// Status is what the kernel says of a connection.
type Status struct {
	State State
	Err   error // of connect(2), a unix.Errno, if it has Failed; or with which an Established connection has ended already
	ICMP  []ICMP
}

// ICMP is an ICMP error that quoted a segment of the connection.
type ICMP struct {
	From       netip.Addr // who sent it
	Type, Code uint8      // of ICMP, or of ICMPv6 where From is an IPv6 address
	MTU        int        // next-hop MTU in octets; 0 if it names none
	Err        error      // the unix.Errno that the kernel makes of it
}

// Info is what the kernel tells of a handshake (TCP_INFO).
type Info struct {
	Again int // how often the SYN was sent again

	// What follows means something once the connection is established.
	RTT           time.Duration // from the SYN to the SYN-ACK, in whole µs; 0 if it was not measured
	SACKPermitted bool
	Timestamps    bool
	HasScale      bool
	WindowScale   uint8 // of the peer
	ECN           bool  // ECN was agreed upon
	SendMSS       int   // octets of data that the kernel puts into a segment
}
