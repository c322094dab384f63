package target

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"net"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/resolver"
)

// set is the targets that one argument or one line stands for: a target, or each address of a prefix with each port of a list.
// It takes the same memory whatever their number.
type set struct {
	first  Target
	prefix netip.Prefix // of the addresses; the zero value if there is one host
	hosts  []hostRange  // of the prefix, of those that are not left out
	ports  []portRange  // of each host; nil if there is one target, as it was written
	count  int          // of the targets
}

// parseSet reads HOST:PORT or PREFIX:PORT, where PORT may be a list with ranges.
func parseSet(s string) (set, error) {
	if t, ok := parseLiteral(s); ok {
		return set{first: t, count: 1}, nil
	}
	wrong := func(err error) (set, error) {
		return set{}, fmt.Errorf("target %s: %w", text.Printable(s), err)
	}
	host, port, err := split(s)
	if err != nil {
		return wrong(err)
	}
	one := set{first: Target{Text: s, Host: host}, count: 1}
	if strings.HasPrefix(s, "[") && !strings.Contains(host, "/") {
		if one.first.Address, err = parseBracketed(host, port); err != nil {
			return wrong(err)
		}
	} else if strings.Contains(host, "/") {
		if one.prefix, err = parsePrefix(host); err != nil {
			return wrong(err)
		}
	} else if err := resolver.CheckHost(host); err != nil {
		return set{}, err
	} else if err := checkAddress(host); err != nil {
		return wrong(err)
	}
	ports, err := parsePorts(port)
	if err != nil {
		return wrong(err)
	}
	one.first.Port = ports[0].first
	if !one.prefix.IsValid() && !strings.Contains(port, ",") && ports[0].first == ports[0].last {
		return one, nil
	}
	one.ports = ports
	if one.count, err = one.size(); err != nil {
		return wrong(err)
	}
	return one, nil
}

// parsePrefix reads a prefix of addresses, all of which have to be those of single hosts.
func parsePrefix(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	switch {
	case err != nil && strings.Contains(s, ":"):
		return netip.Prefix{}, fmt.Errorf("%s is no prefix of IPv6 addresses, as in [2001:db8::/120]:80", text.Printable(s))
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%s is no prefix of IPv4 addresses, as 192.0.2.0/24", text.Printable(s))
	}
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, fmt.Errorf("%v is an address in a prefix: %v is the prefix, and %v the address", prefix, masked, prefix.Addr())
	}
	for _, end := range []netip.Addr{prefix.Addr(), lastOf(prefix)} {
		if err := CheckUnicast(end); err != nil {
			return netip.Prefix{}, fmt.Errorf("in %v, %w", prefix, err)
		}
	}
	return prefix, nil
}

// size returns how many targets there are.
func (s set) size() (int, error) {
	hosts := uint64(1)
	if s.prefix.IsValid() {
		hosts = 1 << hostBits(s.prefix) // 0 if they are too many for it
	}
	high, low := bits.Mul64(hosts, uint64(s.portCount()))
	if hosts == 0 || high > 0 || low > math.MaxInt {
		return 0, fmt.Errorf("there are more targets in it than can be counted")
	}
	return int(low), nil
}

// at returns the target of a number, from 0 on: one host after the other, and of each one port after the other.
func (s set) at(number int) Target {
	if s.ports == nil {
		return s.first
	}
	ports := s.portCount()
	t := s.first
	if s.prefix.IsValid() {
		t.Address = s.host(uint64(number / ports))
		t.Host = t.Address.String()
	}
	rest := number % ports
	for _, p := range s.ports {
		if span := int(p.last-p.first) + 1; rest >= span {
			rest -= span
			continue
		}
		t.Port = p.first + uint16(rest)
		break
	}
	t.Text = net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
	return t
}

// host returns the address of a number among those of the prefix that are not left out.
func (s set) host(number uint64) netip.Addr {
	if s.hosts == nil {
		return offset(s.prefix.Addr(), number)
	}
	behind := sort.Search(len(s.hosts), func(i int) bool { return s.hosts[i].before > number })
	within := s.hosts[behind-1]
	return offset(within.first, number-within.before)
}

// portCount returns how many ports each host has.
func (s set) portCount() (n int) {
	for _, p := range s.ports {
		n += int(p.last-p.first) + 1
	}
	return n
}

// hostBits returns how many bits of an address the prefix leaves open.
func hostBits(p netip.Prefix) int { return p.Addr().BitLen() - p.Bits() }

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(last); bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	address, _ := netip.AddrFromSlice(last)
	return address
}

// distance returns how many addresses one is behind another, in a prefix of which fewer than 64 bits are open.
func distance(from, to netip.Addr) uint64 {
	a, b := from.As16(), to.As16()
	return binary.BigEndian.Uint64(b[8:]) - binary.BigEndian.Uint64(a[8:])
}

// offset returns the address that many behind another, in a prefix of which fewer than 64 bits are open.
func offset(a netip.Addr, by uint64) netip.Addr {
	octets := a.As16()
	low := octets[8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)+by)
	sum := netip.AddrFrom16(octets)
	if a.Is4() {
		return sum.Unmap()
	}
	return sum
}
