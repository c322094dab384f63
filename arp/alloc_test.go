package arp_test

import (
	"testing"

	"tcpprobe/arp"
)

func TestAllocations(t *testing.T) {
	packet := golden[1]
	buffer := make([]byte, 0, 100)
	for name, run := range map[string]func() bool{
		"Parse":  func() bool { p, err := arp.Parse(packet.octets); return err == nil && p == packet.packet },
		"Append": func() bool { b, err := packet.packet.Append(buffer); return err == nil && len(b) == len(packet.octets) },
	} {
		right := true
		if n := testing.AllocsPerRun(100, func() { right = run() && right }); n != 0 || !right {
			t.Errorf("%s: %v allocations, want none; right: %t", name, n, right)
		}
	}
}
