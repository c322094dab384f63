package ndp_test

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"tcpprobe/ndp"
)

// run runs the filter on a packet that came with an EtherType and a VLAN tag, 0 for none. bpf.VM does not know the
// kernel's extensions, so what they would load is put in their place.
func run(t *testing.T, filter []bpf.Instruction, etherType, tag uint32, packet []byte) bool {
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
	if n != 0 && n < len(packet) {
		t.Errorf("of the packet %d octets pass, want all %d", n, len(packet))
	}
	return n != 0
}

func TestFilter(t *testing.T) {
	const ethertypeIPv4, ethertypeIPv6 = 0x0800, 0x86dd
	other := netip.MustParseAddr("2001:db8::9192:9394")
	// What a packet tells of: the source of a solicitation, the target of an advertisement.
	for i, about := range []netip.Addr{golden[0].packet.Src, golden[1].packet.Target} {
		octets := golden[i].octets
		filter := ndp.Filter(other, about)
		if !run(t, filter, ethertypeIPv6, 0, octets) || !run(t, filter, ethertypeIPv6, 0, append(bytes.Clone(octets), 0, 0, 0)) {
			t.Errorf("%s does not pass", golden[i].name)
		}
		if run(t, filter, ethertypeIPv4, 0, octets) {
			t.Errorf("%s passes as IPv4", golden[i].name)
		}
		for tag, want := range map[uint32]bool{0x0001: false, 0xa064: false, 0xa000: true} {
			if passes := run(t, filter, ethertypeIPv6, tag, octets); passes != want {
				t.Errorf("%s with the VLAN tag %#04x passes: %t, want %t", golden[i].name, tag, passes, want)
			}
		}
		for name, none := range map[string][]bpf.Instruction{"others": ndp.Filter(other), "nobody": ndp.Filter(), "IPv4": ndp.Filter(netip.MustParseAddr("10.0.0.1"))} {
			if run(t, none, ethertypeIPv6, 0, octets) {
				t.Errorf("%s passes for %s", golden[i].name, name)
			}
		}
		ends := map[int]int{0: 20, 1: 60}[i] // the last four octets of that address
		for offset := range octets {
			changed := bytes.Clone(octets)
			changed[offset] ^= 0x10
			want := offset != 6 && offset != 40 && (offset < ends || offset >= ends+4)
			if passes := run(t, filter, ethertypeIPv6, 0, changed); passes != want {
				t.Errorf("%s with octet %d changed passes: %t, want %t", golden[i].name, offset, passes, want)
			}
		}
		for n := range ends + 4 {
			if run(t, filter, ethertypeIPv6, 0, octets[:n]) {
				t.Errorf("%s passes when cut to %d octets", golden[i].name, n)
			}
		}
	}
	for _, kind := range []byte{133, 134, 137, 128, 0} {
		changed := bytes.Clone(golden[0].octets)
		changed[40] = kind
		if run(t, ndp.Filter(golden[0].packet.Src, golden[0].packet.Target), ethertypeIPv6, 0, changed) {
			t.Errorf("a message of type %d passes", kind)
		}
	}
}

func TestFilterAssembles(t *testing.T) {
	var addresses []netip.Addr
	for i := range 1000 {
		addresses = append(addresses, netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(i >> 8), 15: byte(i)}))
	}
	raw, err := bpf.Assemble(ndp.Filter(addresses...))
	if err != nil || len(raw) > 4096 {
		t.Errorf("%d instructions, %v", len(raw), err)
	}
}
