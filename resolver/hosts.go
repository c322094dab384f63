package resolver

import (
	"net/netip"
	"slices"
	"strings"
)

// Hosts holds the IPv4 addresses of a hosts(5) file.
type Hosts struct {
	addresses map[string][]netip.Addr // by lower-case name, in the order of the file
}

// ParseHosts reads the contents of a hosts file: an address, then the names it has, on each line. Lines without a
// valid IPv4 address are skipped.
func ParseHosts(hosts []byte) Hosts {
	h := Hosts{addresses: make(map[string][]netip.Addr)}
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil || !address.Is4() {
			continue
		}
		for _, name := range fields[1:] {
			name = lower(strings.TrimSuffix(name, "."))
			if !slices.Contains(h.addresses[name], address) {
				h.addresses[name] = append(h.addresses[name], address)
			}
		}
	}
	return h
}

// Lookup returns the addresses of a name, in the order of the file: all that any line gives it. Case and a last dot
// make no difference.
func (h Hosts) Lookup(name string) []netip.Addr {
	return slices.Clone(h.addresses[lower(strings.TrimSuffix(name, "."))])
}
