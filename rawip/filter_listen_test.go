package rawip_test

import (
	"net/netip"
	"testing"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestListenFilter: what tells of a handshake passes, of both families, and nothing else.
func TestListenFilter(t *testing.T) {
	for _, ends := range [][2]netip.Addr{
		{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.80")},
		{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::80")},
	} {
		src, dst := ends[0], ends[1]
		etherType := uint32(etherTypeIPv4)
		datagram := func(protocol uint8, payload []byte) []byte {
			h := rawip.Header{TTL: 64, Protocol: protocol, Src: src, Dst: dst}
			b, err := h.Append(nil, payload)
			if src.Is6() {
				b, err = rawip.Header6{HopLimit: 64, Protocol: protocol, Src: src, Dst: dst}.Append(nil, payload)
			}
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		icmp, errorType := uint8(rawip.ProtocolICMP), byte(11)
		echo := byte(8)
		if src.Is6() {
			etherType, icmp, errorType, echo = 0x86dd, rawip.ProtocolICMPv6, 3, 128
		}
		tcp := func(flags tcphdr.Flags, options, data int) []byte {
			b, err := tcphdr.Header{Flags: flags, Options: make(tcphdr.Options, options)}.Append(nil, src, dst, make([]byte, data))
			if err != nil {
				t.Fatal(err)
			}
			return datagram(rawip.ProtocolTCP, b)
		}
		for _, test := range []struct {
			name     string
			datagram []byte
			want     bool
		}{
			{"SYN", tcp(tcphdr.SYN, 20, 0), true},
			{"SYN with data", tcp(tcphdr.SYN, 20, 100), true},
			{"SYN-ACK", tcp(tcphdr.SYN|tcphdr.ACK, 20, 0), true},
			{"ACK", tcp(tcphdr.ACK, 0, 0), true},
			{"ACK with options", tcp(tcphdr.ACK, 12, 0), true},
			{"the longest header", tcp(tcphdr.ACK, 40, 0), true},
			{"data", tcp(tcphdr.ACK, 0, 1), false},
			{"more data", tcp(tcphdr.ACK, 12, 1448), false},
			{"data pushed", tcp(tcphdr.ACK|tcphdr.PSH, 12, 100), true},
			{"FIN with data", tcp(tcphdr.ACK|tcphdr.FIN, 12, 100), true},
			{"RST", tcp(tcphdr.RST, 0, 0), true},
			{"ICMP error", datagram(icmp, append([]byte{errorType, 0}, make([]byte, 40)...)), true},
			{"echo", datagram(icmp, append([]byte{echo, 0}, make([]byte, 40)...)), false},
			{"UDP", datagram(rawip.ProtocolUDP, make([]byte, 40)), false},
			{"padding behind it", append(tcp(tcphdr.ACK, 0, 0), 0, 0, 0, 0, 0, 0), true},
		} {
			for _, packetType := range []uint32{packetHost, packetOutgoing, packetOtherHost} {
				if got := runProgram(t, rawip.ListenFilter(false), etherType, packetType, 100, test.datagram); got != test.want {
					t.Errorf("%s from %v, packet type %d: %t", test.name, src, packetType, got)
				}
				want := test.want && packetType != packetOutgoing
				if got := runProgram(t, rawip.ListenFilter(true), etherType, packetType, 0, test.datagram); got != want {
					t.Errorf("%s from %v on loopback, packet type %d: %t", test.name, src, packetType, got)
				}
			}
		}
		if runProgram(t, rawip.ListenFilter(false), etherTypeARP, packetHost, 0, tcp(tcphdr.SYN, 0, 0)) {
			t.Error("ARP passes")
		}
	}
	later, err := rawip.Header{TTL: 64, Protocol: rawip.ProtocolTCP, Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), FragmentOffset: 3}.Append(nil, make([]byte, 40))
	if err != nil || runProgram(t, rawip.ListenFilter(false), etherTypeIPv4, packetHost, 0, later) {
		t.Errorf("a later fragment passes, or %v", err)
	}
}
