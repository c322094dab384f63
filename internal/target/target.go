package target

import (
	"fmt"
	"net/netip"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/resolver"
)

// Target is what the user wants handshakes with.
type Target struct {
	Text    string     // as the user wrote it
	Host    string     // a name or an address, without brackets
	Port    uint16     // 1 to 65535
	Address netip.Addr // that the host is, with its zone; the zero value if it is a name, or has to be looked up for its spelling
}

// Parse reads HOST:PORT, where PORT is a number or the name of a TCP service. The error is a line that says what is wrong and
// what would be right; nothing in it needs escaping.
func Parse(s string) (Target, error) { return Rules{}.Parse(s) }

// Parse is the function of that name, by the rules.
func (r Rules) Parse(s string) (Target, error) {
	found, err := r.parse(s)
	if err == nil && found.count > 1 {
		err = fmt.Errorf("target %s: these are %d targets, and one is wanted", text.Printable(s), found.count)
	}
	if err != nil {
		return Target{}, err
	}
	return found.at(0), nil
}

// parseLiteral reads what most lines of a long file are, an address and a number, and tries nothing else.
func parseLiteral(s string) (Target, bool) {
	host, digits, ok := strings.Cut(s, ":")
	bracketed := strings.HasPrefix(s, "[")
	if bracketed {
		host, digits, ok = strings.Cut(s[1:], "]:")
	}
	if !ok || len(digits) > 5 {
		return Target{}, false
	}
	port := 0
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return Target{}, false
		}
		port = 10*port + int(d-'0')
	}
	if port < 1 || port > 65535 {
		return Target{}, false
	}
	address, err := netip.ParseAddr(host)
	if err != nil || address.Is6() != bracketed || checkZone(host, address) != nil || CheckUnicast(address) != nil {
		return Target{}, false
	}
	return Target{Text: s, Host: host, Port: uint16(port), Address: address}, true
}

// checkAddress refuses literal IPv4 addresses that are no single host's.
func checkAddress(host string) error {
	address, ok := resolver.ParseAddress(host)
	if !ok {
		return nil // a name
	}
	return CheckUnicast(address)
}

// A MulticastError says that an address is that of a group.
type MulticastError struct{ Group netip.Addr }

func (e MulticastError) Error() string {
	return fmt.Sprintf("%v is a multicast group, and a TCP connection has two ends", e.Group)
}

// CheckUnicast returns an error if an address is no single host's, so that nobody can have a TCP connection with it (RFC
// 9293 MUST-46, RFC 1122 3.2.1.3, RFC 4291 2.5 to 2.7): a MulticastError if it is that of a group.
func CheckUnicast(a netip.Addr) error {
	if a.Is6() {
		return checkUnicast6(a)
	}
	switch first := a.As4()[0]; {
	case a.IsUnspecified():
		return fmt.Errorf("%v means this host itself and is no address to send to: try 127.0.0.1", a)
	case a.IsMulticast():
		return MulticastError{a}
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%v is the broadcast address, and a TCP connection has two ends", a)
	case first == 0:
		return fmt.Errorf("%v belongs to no host: addresses from 0.0.0.0 to 0.255.255.255 mean this network", a)
	case first >= 240:
		return fmt.Errorf("%v is reserved and belongs to no host", a)
	}
	return nil
}
