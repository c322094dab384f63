package arp_test

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"tcpprobe/arp"
)

// run runs the filter on a packet that came with an EtherType and a VLAN tag, 0 for none. bpf.VM does not know the
// kernel's extensions, so what they would load is put in their place.
func run(t *testing.T, filter []bpf.Instruction, etherType, tag uint32, packet []byte) int {
	t.Helper()
	var program []bpf.Instruction
	for _, instruction := range filter {
		switch instruction {
		case bpf.LoadExtension{Num: bpf.ExtProto}:
			instruction = bpf.LoadConstant{Dst: bpf.RegA, Val: etherType}
		case bpf.LoadExtension{Num: bpf.ExtVLANTag}:
			instruction = bpf.LoadConstant{Dst: bpf.RegA, Val: tag}
		}
		program = append(program, instruction)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFilter(t *testing.T) {
	const ethertypeARP, ethertypeIPv4, ethertypeRARP = 0x0806, 0x0800, 0x8035
	reply := golden[1].octets
	sender := golden[1].packet.SenderPA
	other := netip.AddrFrom4([4]byte{172, 51, 52, 54})
	filter := arp.Filter(other, sender)

	if n := run(t, filter, ethertypeARP, 0, reply); n < len(reply) {
		t.Errorf("of the packet %d octets pass, want all %d", n, len(reply))
	}
	if n := run(t, filter, ethertypeARP, 0, append(bytes.Clone(reply), make([]byte, 18)...)); n < len(reply) {
		t.Errorf("of the padded packet %d octets pass", n)
	}
	for name, etherType := range map[string]uint32{"IPv4": ethertypeIPv4, "RARP": ethertypeRARP} {
		if run(t, filter, etherType, 0, reply) != 0 {
			t.Errorf("a frame of %s passes", name)
		}
	}
	for tag, want := range map[uint32]bool{0x0001: false, 0x0064: false, 0xa064: false, 0x0fff: false, 0x2000: true, 0xa000: true, 0x1000: true} {
		if passes := run(t, filter, ethertypeARP, tag, reply) != 0; passes != want {
			t.Errorf("B-97: a frame with the VLAN tag %#04x passes: %t, want %t", tag, passes, want)
		}
	}
	if run(t, arp.Filter(other), ethertypeARP, 0, reply) != 0 {
		t.Error("a SenderPA that was not given passes")
	}
	for name, none := range map[string][]bpf.Instruction{
		"no sender":   arp.Filter(),
		"IPv6 sender": arp.Filter(netip.IPv6Loopback(), netip.Addr{}),
	} {
		if run(t, none, ethertypeARP, 0, reply) != 0 {
			t.Errorf("%s: a packet passes", name)
		}
	}

	for offset := range 18 {
		changed := bytes.Clone(reply)
		changed[offset] ^= 0x10
		// The filter has no opinion of the operation, nor of SenderHA.
		want := offset >= 6 && offset < 14
		if passes := run(t, filter, ethertypeARP, 0, changed) != 0; passes != want {
			t.Errorf("with octet %d changed the packet passes: %t, want %t", offset, passes, want)
		}
	}
	for n := range 18 {
		if run(t, filter, ethertypeARP, 0, reply[:n]) != 0 {
			t.Errorf("a packet of %d octets passes", n)
		}
	}
}

// As many lookups as a Client watches fit into the kernel's limit of 4096 instructions.
func TestFilterAssembles(t *testing.T) {
	var senders []netip.Addr
	for i := range 2000 {
		senders = append(senders, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	raw, err := bpf.Assemble(arp.Filter(senders...))
	if err != nil || len(raw) > 4096 {
		t.Errorf("%d instructions, %v", len(raw), err)
	}
}
