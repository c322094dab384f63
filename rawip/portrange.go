package rawip

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// PortRange is the range of ports from which the kernel takes one for an outgoing connection, without those that the
// administrator keeps for servers (net.ipv4.ip_local_port_range and ip_local_reserved_ports).
type PortRange struct {
	ports    []uint16        // in ascending order, at least one
	reserved map[uint16]bool // in the range or not
}

// ParsePortRange reads the two settings in the kernel's notation: "32768 60999", and "8080,9000-9010". What cannot be read,
// or leaves no port, is taken as the kernel has it by default: 32768 to 60999, and none reserved.
func ParsePortRange(ports, reserved string) PortRange {
	var low, high int
	if _, err := fmt.Sscan(ports, &low, &high); err != nil || low < 1 || low > high || high > 65535 {
		low, high = 32768, 60999
	}
	r := PortRange{reserved: make(map[uint16]bool)}
	kept := 0
	for part := range strings.SplitSeq(strings.TrimSpace(reserved), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil {
			continue
		}
		for port := max(first, 1); port <= min(last, 65535); port++ {
			if low <= port && port <= high && !r.reserved[uint16(port)] {
				kept++
			}
			r.reserved[uint16(port)] = true
		}
	}
	r.ports = make([]uint16, 0, high-low+1)
	for port := low; port <= high; port++ {
		if kept > high-low || !r.reserved[uint16(port)] {
			r.ports = append(r.ports, uint16(port))
		}
	}
	return r
}

// Contains reports whether a port is one of those that may be drawn.
func (r PortRange) Contains(port uint16) bool {
	_, found := slices.BinarySearch(r.ports, port)
	return found
}

// Len returns how many ports may be drawn, which is at least one.
func (r PortRange) Len() int { return len(r.ports) }

// At returns the port with a number from 0 to below Len, in ascending order.
func (r PortRange) At(i int) uint16 { return r.ports[i] }

// Reserved reports whether the administrator keeps a port for servers, in the range or outside of it.
func (r PortRange) Reserved(port uint16) bool { return r.reserved[port] }
