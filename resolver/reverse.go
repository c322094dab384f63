package resolver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ReverseName returns the name whose PTR records have the names of an address, without its last dot (RFC 1035 3.5, RFC 3596 2.5).
func ReverseName(a netip.Addr) string {
	octets := a.Unmap().AsSlice()
	var labels []string
	for _, octet := range slices.Backward(octets) {
		if len(octets) == 4 {
			labels = append(labels, fmt.Sprint(octet))
		} else {
			labels = append(labels, fmt.Sprintf("%x.%x", octet&0xf, octet>>4))
		}
	}
	if len(octets) == 4 {
		return strings.Join(labels, ".") + ".in-addr.arpa"
	}
	return strings.Join(labels, ".") + ".ip6.arpa"
}
