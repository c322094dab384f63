package icmp_test

import (
	"fmt"
	"testing"

	"tcpprobe/icmp"
)

func TestName(t *testing.T) {
	tests := []struct {
		t    icmp.Type
		c    icmp.Code
		want string
	}{
		{0, 0, "echo reply"},
		{0, 1, "type 0 code 1"},
		{1, 0, "type 1 code 0"},
		{3, 0, "network unreachable"},
		{3, 1, "host unreachable"},
		{3, 2, "protocol unreachable"},
		{3, 3, "port unreachable"},
		{3, 4, "fragmentation needed"},
		{3, 5, "source route failed"},
		{3, 6, "network unknown"},
		{3, 7, "host unknown"},
		{3, 8, "source host isolated"},
		{3, 9, "network prohibited"},
		{3, 10, "host prohibited"},
		{3, 11, "network unreachable for TOS"},
		{3, 12, "host unreachable for TOS"},
		{3, 13, "administratively prohibited"},
		{3, 14, "host precedence violation"},
		{3, 15, "precedence cutoff"},
		{3, 16, "type 3 code 16"},
		{3, 99, "type 3 code 99"},
		{4, 0, "source quench"},
		{5, 0, "redirect for network"},
		{5, 1, "redirect for host"},
		{5, 2, "redirect for TOS and network"},
		{5, 3, "redirect for TOS and host"},
		{5, 4, "type 5 code 4"},
		{8, 0, "echo"},
		{9, 0, "router advertisement"},
		{9, 1, "type 9 code 1"},
		{9, 16, "router advertisement, no common traffic"},
		{10, 0, "router solicitation"},
		{11, 0, "time to live exceeded"},
		{11, 1, "reassembly time exceeded"},
		{11, 2, "type 11 code 2"},
		{12, 0, "parameter problem"},
		{12, 1, "required option missing"},
		{12, 2, "bad length"},
		{12, 3, "type 12 code 3"},
		{13, 0, "timestamp"},
		{14, 0, "timestamp reply"},
		{40, 5, "Photuris need authorization"},
		{43, 4, "extended echo reply, multiple interfaces satisfy query"},
		{255, 255, "type 255 code 255"},
	}
	for _, tt := range tests {
		if got := icmp.Name(tt.t, tt.c); got != tt.want {
			t.Errorf("Name(%d, %d) = %q, want %q", tt.t, tt.c, got, tt.want)
		}
		if got := (icmp.Message{Type: tt.t, Code: tt.c}).Name(); got != tt.want {
			t.Errorf("Message{%d, %d}.Name() = %q, want %q", tt.t, tt.c, got, tt.want)
		}
	}
}

func ExampleMessage() {
	m, err := icmp.Parse([]byte{
		0x03, 0x04, 0x00, 0x00, // type, code, checksum
		0x00, 0x00, 0x05, 0x78, // unused, next-hop MTU
		0x45, 0x00, 0x05, 0xdc, // the quoted datagram: here its first 4 octets
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mtu, _ := m.NextHopMTU()
	quoted, _ := m.Quoted()
	fmt.Printf("%d/%d %s\n", m.Type, m.Code, m.Name())
	fmt.Println("next-hop MTU", mtu)
	fmt.Printf("about % x\n", quoted)
	// Output:
	// 3/4 fragmentation needed
	// next-hop MTU 1400
	// about 45 00 05 dc
}
