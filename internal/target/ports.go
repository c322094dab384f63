package target

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"tcpprobe/internal/text"
)

// portRange is the ports from the first to the last, which may be the same.
type portRange struct{ first, last uint16 }

// Ports is a set of ports. The zero Ports is all of them.
type Ports struct{ ranges []portRange }

// ParsePorts reads ports and ranges of them, divided by commas: 80,https,8000-8010. The error is a line.
func ParsePorts(s string) (Ports, error) {
	ranges, err := parsePorts(s)
	return Ports{ranges}, err
}

// Contain reports whether a port is in the set.
func (p Ports) Contain(port uint16) bool {
	return len(p.ranges) == 0 || slices.ContainsFunc(p.ranges, func(r portRange) bool { return r.first <= port && port <= r.last })
}

// parsePorts reads ports and ranges of them, divided by commas: 80,https,8000-8010. Their order stays, and each counts once.
func parsePorts(s string) (ports []portRange, err error) {
	if s == "" {
		return nil, fmt.Errorf("the port is missing after the colon, as in :80")
	}
	for item := range strings.SplitSeq(s, ",") {
		next, err := parsePortRange(item)
		if err != nil {
			return nil, err
		}
		ports = addPorts(ports, int(next.first), int(next.last))
	}
	return ports, nil
}

// addPorts adds the ports from the first to the last that are not there yet.
func addPorts(ports []portRange, first, last int) []portRange {
	if first > last {
		return ports
	}
	for _, p := range ports {
		if low, high := int(p.first), int(p.last); first <= high && low <= last {
			return addPorts(addPorts(ports, first, low-1), high+1, last)
		}
	}
	return append(ports, portRange{uint16(first), uint16(last)})
}

// parsePortRange reads a port, or two numbers with a hyphen between them.
func parsePortRange(s string) (portRange, error) {
	from, to, ok := strings.Cut(s, "-")
	if !ok || !isNumber(from) || !isNumber(to) {
		port, err := parsePort(s)
		return portRange{port, port}, err
	}
	first, err := parsePort(from)
	if err != nil {
		return portRange{}, err
	}
	last, err := parsePort(to)
	if err != nil {
		return portRange{}, err
	}
	if first > last {
		return portRange{}, fmt.Errorf("the range %s ends before it begins: %d-%d would do", s, last, first)
	}
	return portRange{first, last}, nil
}

// parsePort reads a port number or the name of a TCP service.
func parsePort(s string) (uint16, error) {
	if s == "" {
		return 0, fmt.Errorf("a port is missing beside the comma, as in 80,443")
	}
	if n, err := strconv.Atoi(s); err == nil && s[0] != '+' {
		if n < 1 || n > 65535 {
			return 0, fmt.Errorf("port %d is not within 1 to 65535", n)
		}
		return uint16(n), nil
	}
	// By the library of Go, whatever the program is built with: it reads a file once, and asks nobody.
	n, err := (&net.Resolver{PreferGo: true}).LookupPort(context.Background(), "tcp", s)
	if err != nil || n < 1 || s[0] == '+' {
		return 0, fmt.Errorf("there is no TCP service called %s: a number from 1 to 65535 would do", text.Printable(s))
	}
	return uint16(n), nil
}

// isNumber reports whether there are digits in s, and nothing else.
func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
