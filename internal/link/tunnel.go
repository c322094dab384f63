package link

import "strings"

// Tunnel is a way to carry datagrams, or frames, in datagrams.
type Tunnel uint8

const (
	NoTunnel Tunnel = iota
	GRE             // RFC 2784 and 2890, with Ethernet in it too, with mirrored frames (ERSPAN), and in UDP (RFC 8086)
	VXLAN           // RFC 7348, and with other protocols in it
	Geneve          // RFC 8926
	IPIP            // RFC 2003, 2473 and 4213: IP in IP, of any two families
	SRv6            // RFC 8754: IP in IPv6 with a segment routing header
	GTP             // GTP-U, 3GPP TS 29.281
)

var tunnelNames = []string{"none", "gre", "vxlan", "geneve", "ipip", "srv6", "gtp"}

// String returns the name of the tunnel in lower case.
func (t Tunnel) String() string { return tunnelNames[t] }

// Tunnels is a set of tunnels.
type Tunnels uint8

// AllTunnels is the set of all.
const AllTunnels = Tunnels(1<<GRE | 1<<VXLAN | 1<<Geneve | 1<<IPIP | 1<<SRv6 | 1<<GTP)

// Has reports whether a tunnel is in the set.
func (s Tunnels) Has(t Tunnel) bool { return s&(1<<t) != 0 }

// TunnelNames returns the names of all tunnels.
func TunnelNames() []string { return tunnelNames[1:] }

// ParseTunnels reads a list of names with commas between them, or "all". It is not ok if a name is that of no tunnel.
func ParseTunnels(list string) (s Tunnels, ok bool) {
	for name := range strings.SplitSeq(list, ",") {
		switch i := number(name); {
		case name == "all":
			s |= AllTunnels
		case i > 0:
			s |= 1 << i
		default:
			return 0, false
		}
	}
	return s, true
}

// number returns the number of a tunnel by its name; 0 if it has none.
func number(name string) int {
	for i, n := range tunnelNames {
		if n == name {
			return i
		}
	}
	return 0
}
