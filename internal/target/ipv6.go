package target

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"tcpprobe/internal/text"
)

// Rules say what the other flags of a command line make of addresses. The zero Rules are those without any.
type Rules struct {
	Interface  string     // that everything leaves by: a link-local address is on its link then
	IPv4, IPv6 bool       // that family alone
	Source     netip.Addr // that everything is sent from; the zero Addr for the kernel's choice
	Selection  Selection  // which of the targets are taken
}

// parse is parseSet by the rules.
func (r Rules) parse(s string) (set, error) {
	found, err := parseSet(s)
	if err != nil {
		return set{}, err
	}
	address := found.first.Address
	if found.prefix.IsValid() {
		address = found.prefix.Addr()
	}
	if err := r.check(address); err != nil {
		return set{}, fmt.Errorf("target %s: %w", text.Printable(s), err)
	}
	return found, nil
}

// check returns an error if an address, which may be the zero Addr for none that is known, goes against the rules.
func (r Rules) check(a netip.Addr) error {
	zone := text.Printable(a.Zone())
	switch {
	case !a.IsValid():
		return nil
	case r.IPv6 && a.Is4():
		return errors.New("it is an IPv4 address, and --ipv6 wants the other family")
	case r.IPv4 && a.Is6():
		return errors.New("it is an IPv6 address, and --ipv4 wants the other family")
	case r.Source.IsValid() && r.Source.Is4() != a.Is4():
		return fmt.Errorf("it cannot be reached from --source %v: they are of different families", r.Source)
	case a.Is4() || !a.IsLinkLocalUnicast():
		return nil
	case zone == "" && r.Interface == "":
		return fmt.Errorf("every link has link-local addresses of its own: [%v%%eth0] is the one on eth0, as --interface eth0 has it", a)
	case zone != "" && r.Interface != "" && r.Interface != a.Zone():
		return fmt.Errorf("%s is the link in it, and --interface %s another", zone, text.Printable(r.Interface))
	}
	return nil
}

// ParseSource reads an address of this host to send from, with or without brackets.
func (r Rules) ParseSource(s string) (netip.Addr, error) {
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	a, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%s: an address is wanted, as in 192.0.2.1 or 2001:db8::1", text.Printable(s))
	}
	if err := checkZone(bare, a); err != nil {
		return netip.Addr{}, err
	}
	if err := r.check(a); err != nil && !(a.Zone() == "" && r.Interface == "" && a.IsLinkLocalUnicast()) {
		return netip.Addr{}, err
	}
	return a, CheckUnicast(a)
}

// splitBracketed parts an IPv6 address in brackets, or a prefix, from the ports behind it.
func splitBracketed(s string) (host, port string, err error) {
	host, rest, closed := strings.Cut(s[1:], "]")
	switch {
	case !closed:
		return "", "", errors.New("the bracket is not closed, as in [2001:db8::80]:443")
	case host == "":
		return "", "", errors.New("the address is missing between the brackets, as in [2001:db8::80]:443")
	case rest == "":
		return "", "", fmt.Errorf("the port is missing, as in %s:80", text.Printable(s))
	case strings.HasPrefix(rest, "/"):
		return "", "", fmt.Errorf("a prefix stands in the brackets whole: %s", text.Printable(prefixWithin(host, rest[1:])))
	case rest[0] != ':':
		return "", "", fmt.Errorf("a colon and the port follow the bracket, as in [%s]:80", text.Printable(host))
	case strings.Contains(rest, "/"):
		return "", "", fmt.Errorf("HOST:PORT is wanted, without a path: %s would do", text.Printable("["+host+"]"+beforePath(rest)))
	}
	return host, rest[1:], nil
}

// prefixWithin returns how a prefix is written whose length, with the ports behind it if there are any, stands behind the brackets.
func prefixWithin(address, length string) string {
	length, port, _ := strings.Cut(length, ":")
	if n, err := strconv.Atoi(length); err != nil || n < 0 || n > 128 {
		length = "64"
	}
	if _, err := parsePorts(port); err != nil {
		port = "80"
	}
	return "[" + address + "/" + length + "]:" + port
}

// withoutBrackets returns an error for an IPv6 address that has none, which names what can be meant: the last number may be a part
// of the address or the port.
func withoutBrackets(s string) error {
	if strings.Count(s, ":") < 2 {
		return nil
	}
	whole, zone, _ := strings.Cut(s, "%")
	isAddress := isIPv6(whole) && !strings.ContainsAny(zone, ":/")
	i := strings.LastIndexByte(s, ':')
	host, port := s[:i], s[i+1:]
	beforeZone, _, _ := strings.Cut(host, "%")
	_, err := parsePorts(port)
	isTarget := isIPv6(beforeZone) && err == nil
	switch target := net.JoinHostPort(host, port); {
	case isAddress && isTarget:
		return fmt.Errorf("an IPv6 address takes brackets: %s, or [%s] and its port", text.Printable(target), text.Printable(s))
	case isTarget:
		return fmt.Errorf("an IPv6 address takes brackets: %s", text.Printable(target))
	case isAddress:
		return fmt.Errorf("an IPv6 address takes brackets, and the port is missing, as in [%s]:80", text.Printable(s))
	}
	return nil
}

// isIPv6 reports whether there is an IPv6 address in s, without a zone.
func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

// parseBracketed reads what stands in brackets, with the ports behind it for what would be right instead.
func parseBracketed(host, port string) (netip.Addr, error) {
	number, zone, zoned := strings.Cut(host, "%")
	a, err := netip.ParseAddr(number)
	switch {
	case err != nil && strings.Contains(number, ":"):
		return netip.Addr{}, fmt.Errorf("%s is no IPv6 address, as in [2001:db8::80]:443", text.Printable(number))
	case err != nil:
		return netip.Addr{}, fmt.Errorf("only an IPv6 address stands in brackets: %s would do", text.Printable(host+":"+port))
	case a.Is4():
		return netip.Addr{}, fmt.Errorf("an IPv4 address takes no brackets: %s would do", text.Printable(net.JoinHostPort(number, port)))
	}
	if zoned {
		a = a.WithZone(zone)
		if zone == "" {
			return netip.Addr{}, fmt.Errorf("the interface is missing after %%, as in [%s%%eth0]:22", number)
		}
	}
	if err := checkZone(host, a); err != nil {
		return netip.Addr{}, err
	}
	return a, CheckUnicast(a)
}

// checkZone returns an error for a zone that an address cannot have, or that is not written as one (RFC 4007 11).
func checkZone(host string, a netip.Addr) error {
	zone := a.Zone()
	switch {
	case zone == "":
		return nil
	case strings.HasPrefix(zone, "25") && len(zone) > len("25"):
		return fmt.Errorf("%%25 is %% in a URL, and this is none: [%s] would do", text.Printable(strings.Replace(host, "%25", "%", 1)))
	case CheckUnicast(a.WithZone("")) != nil: // without its zone it would not do, either
		return nil
	case !a.IsLinkLocalUnicast():
		return fmt.Errorf("only a link-local address (fe80::/10) is one of an interface: [%v] would do", a.WithZone(""))
	case strings.ContainsAny(zone, ":/%") || len(zone) > longestInterface:
		return fmt.Errorf("there can be no interface called %s", text.Printable(zone))
	}
	return nil
}

// longestInterface is how many octets the name of an interface has at the most (IFNAMSIZ of netdevice(7), less the 0 at its end).
const longestInterface = 15

// checkUnicast6 is CheckUnicast for IPv6.
func checkUnicast6(a netip.Addr) error {
	switch {
	case a.Is4In6():
		return fmt.Errorf("%v is an IPv4 address, mapped to IPv6: %v would do", a, a.Unmap())
	case a.IsUnspecified():
		return fmt.Errorf("%v means this host itself and is no address to send to: try [::1]", a)
	case a.IsMulticast():
		return MulticastError{a}
	}
	return nil
}
