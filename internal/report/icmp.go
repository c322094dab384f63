package report

import (
	"fmt"
	"strings"

	"tcpprobe/icmp"
)

// labelText says what is in an entry of an MPLS label stack.
func labelText(l icmp.Label) string {
	return fmt.Sprintf("label %d, traffic class %d, ttl %d", l.Label, l.TC, l.TTL)
}

// InterfaceText says what a router tells of one of its interfaces. The name in it is as the router sent it.
func InterfaceText(i icmp.Interface) string {
	parts := []string{i.Role.String() + " interface"}
	if i.Name != "" {
		parts = append(parts, i.Name)
	}
	if i.Address.IsValid() {
		parts = append(parts, i.Address.String())
	}
	if i.Index != 0 {
		parts = append(parts, fmt.Sprintf("index %d", i.Index))
	}
	if i.MTU != 0 {
		parts = append(parts, fmt.Sprintf("mtu %d", i.MTU))
	}
	return strings.Join(parts, ", ")
}
