package resolver

import (
	"net/netip"
	"strings"
)

// Hosts holds the addresses of a hosts(5) file. The zero Hosts has none.
type Hosts struct {
	names   map[string]hostEntries // by lower-case name
	entries []hostEntry            // of all names, in the order of the file
}

// hostEntries are the first and the last entry of a name, as indices.
type hostEntries struct{ first, last int32 }

// hostEntry is one address of a name, and the index of the next, 0 for none: no entry is followed by the first.
type hostEntry struct {
	address netip.Addr
	next    int32
}

// ParseHosts reads the contents of a hosts file: an address, then the names it has, on each line. Lines without a
// valid address are skipped, and so are IPv4-mapped ones. It takes time and memory in proportion to the length of the file, since lists
// against advertising have hundreds of thousands of lines.
func ParseHosts(hosts []byte) Hosts {
	h := Hosts{names: make(map[string]hostEntries)}
	for line := range strings.Lines(lower(string(hosts))) {
		line, _, _ = strings.Cut(line, "#")
		var address netip.Addr
		for field := range strings.FieldsSeq(line) {
			if address.IsValid() {
				h.add(strings.TrimSuffix(field, "."), address)
				continue
			}
			var err error
			if address, err = netip.ParseAddr(field); err != nil || address.Is4In6() {
				break
			}
		}
	}
	return h
}

func (h *Hosts) add(name string, address netip.Addr) {
	if name == "" {
		return
	}
	i := int32(len(h.entries))
	h.entries = append(h.entries, hostEntry{address: address})
	list, known := h.names[name]
	if !known {
		list.first = i
	} else {
		h.entries[list.last].next = i
	}
	list.last = i
	h.names[name] = list
}

// Lookup returns the addresses of a name, in the order of the file: all that any line gives it, each once. Case and a
// last dot make no difference.
func (h Hosts) Lookup(name string) []netip.Addr {
	list, known := h.names[lower(strings.TrimSuffix(name, "."))]
	if !known {
		return nil
	}
	var addresses []netip.Addr
	seen := make(map[netip.Addr]bool)
	for i := list.first; ; i = h.entries[i].next {
		if address := h.entries[i].address; !seen[address] {
			seen[address] = true
			addresses = append(addresses, address)
		}
		if i == list.last {
			return addresses
		}
	}
}
