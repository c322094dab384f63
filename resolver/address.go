package resolver

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// ParseAddress reads a literal IPv4 address in the forms that getaddrinfo(3) takes, which are those of inet_aton(3): one
// to four numbers, in decimal, octal after a 0 or hexadecimal after 0x. The last number fills all octets that are left, so
// that 127.1 is 127.0.0.1. It reports false for what is not an address in any of these forms.
func ParseAddress(host string) (netip.Addr, bool) {
	const octets = 4
	parts := strings.Split(host, ".")
	if len(parts) > octets {
		return netip.Addr{}, false
	}
	value := uint32(0)
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (octets - i)
		}
		n, ok := parseNumber(part, bits)
		if !ok {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			value |= n
		} else {
			value |= n << (8 * (octets - 1 - i))
		}
	}
	return netip.AddrFrom4([octets]byte(binary.BigEndian.AppendUint32(nil, value))), true
}

// parseNumber reads an unsigned number of so many bits as C writes it.
func parseNumber(s string, bits int) (uint32, bool) {
	base := 10
	if digits, ok := strings.CutPrefix(lower(s), "0x"); ok {
		s, base = digits, 16
	} else if len(s) > 1 && s[0] == '0' {
		base = 8
	}
	n, err := strconv.ParseUint(s, base, bits)
	return uint32(n), err == nil
}
