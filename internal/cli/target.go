//go:build linux

package cli

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/resolver"
)

// target is what the user wants a handshake with.
type target struct {
	text    string // as the user wrote it
	host    string
	port    uint16
	address netip.Addr // that the host is; not valid if it is a name
}

// parseTarget reads HOST:PORT. The error says what is wrong and what would be right.
func parseTarget(text string) (target, error) {
	if t, ok := quickTarget(text); ok {
		return t, nil
	}
	wrong := func(format string, a ...any) (target, error) {
		return target{}, exit.UsageError("target %s: %s", report.Printable(text), fmt.Sprintf(format, a...))
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return wrong("the port is missing, as in %s:80", report.Printable(text))
	}
	t := target{text: text, host: text[:i]}
	if t.host == "" {
		return wrong("the host is missing, as in localhost%s", report.Printable(text))
	}
	if err := resolver.CheckHost(t.host); err != nil {
		return target{}, exit.UsageError("%v", err)
	}
	if err := checkAddress(t.host); err != nil {
		return wrong("%v", err)
	}
	port, err := parsePort(text[i+1:])
	if err != nil {
		return wrong("%v", err)
	}
	t.port = port
	return t, nil
}

// parsePort reads a port number or the name of a TCP service.
func parsePort(s string) (uint16, error) {
	if s == "" {
		return 0, fmt.Errorf("the port is missing after the colon, as in :80")
	}
	if n, err := strconv.Atoi(s); err == nil && s[0] != '+' {
		if n < 1 || n > 65535 {
			return 0, fmt.Errorf("port %d is not within 1 to 65535", n)
		}
		return uint16(n), nil
	}
	n, err := net.LookupPort("tcp", s)
	if err != nil || n < 1 || s[0] == '+' {
		return 0, fmt.Errorf("there is no TCP service called %s: a number from 1 to 65535 would do", report.Printable(s))
	}
	return uint16(n), nil
}

// checkAddress refuses literal addresses that are no single host's.
func checkAddress(host string) error {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return nil // a name
	}
	return unicast(address)
}

// unicast returns an error if nobody can have a TCP connection with the address (RFC 9293 MUST-46, RFC 1122 3.2.1.3).
func unicast(a netip.Addr) error {
	switch first := a.As4()[0]; {
	case a.IsUnspecified():
		return fmt.Errorf("%v means this host itself and is no address to send to: try 127.0.0.1", a)
	case a.IsMulticast():
		return fmt.Errorf("%v is a multicast group, and a TCP connection has two ends", a)
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%v is the broadcast address, and a TCP connection has two ends", a)
	case first == 0:
		return fmt.Errorf("%v belongs to no host: addresses from 0.0.0.0 to 0.255.255.255 mean this network", a)
	case first >= 240:
		return fmt.Errorf("%v is reserved and belongs to no host", a)
	}
	return nil
}
