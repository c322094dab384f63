package arp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"tcpprobe/arp"
)

// golden are packets with octets that all differ where they can.
var golden = []struct {
	name   string
	packet arp.Packet
	octets []byte
}{
	{
		name: "request",
		packet: arp.Packet{
			Operation: arp.Request,
			SenderHA:  arp.MAC{0x02, 0x11, 0x12, 0x13, 0x14, 0x15},
			SenderPA:  netip.AddrFrom4([4]byte{10, 21, 22, 23}),
			TargetPA:  netip.AddrFrom4([4]byte{10, 31, 32, 33}),
		},
		octets: []byte{
			0x00, 0x01, // hardware type: Ethernet
			0x08, 0x00, // protocol type: IPv4
			6, 4, // lengths of hardware and protocol addresses
			0x00, 0x01, // operation: request
			0x02, 0x11, 0x12, 0x13, 0x14, 0x15, // SenderHA
			10, 21, 22, 23, // SenderPA
			0, 0, 0, 0, 0, 0, // TargetHA: what is asked for
			10, 31, 32, 33, // TargetPA
		},
	},
	{
		name: "reply",
		packet: arp.Packet{
			Operation: arp.Reply,
			SenderHA:  arp.MAC{0x0a, 0x41, 0x42, 0x43, 0x44, 0x45},
			SenderPA:  netip.AddrFrom4([4]byte{172, 51, 52, 53}),
			TargetHA:  arp.MAC{0x0e, 0x61, 0x62, 0x63, 0x64, 0x65},
			TargetPA:  netip.AddrFrom4([4]byte{192, 71, 72, 73}),
		},
		octets: []byte{
			0x00, 0x01, // hardware type: Ethernet
			0x08, 0x00, // protocol type: IPv4
			6, 4, // lengths of hardware and protocol addresses
			0x00, 0x02, // operation: reply
			0x0a, 0x41, 0x42, 0x43, 0x44, 0x45, // SenderHA
			172, 51, 52, 53, // SenderPA
			0x0e, 0x61, 0x62, 0x63, 0x64, 0x65, // TargetHA
			192, 71, 72, 73, // TargetPA
		},
	},
}

func TestAppend(t *testing.T) {
	for _, g := range golden {
		const prefix = "prefix"
		dirty := append([]byte(prefix), bytes.Repeat([]byte{0xee}, 64)...)
		got, err := g.packet.Append(dirty[:len(prefix)])
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			continue
		}
		if want := append([]byte(prefix), g.octets...); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", g.name, got, want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	v6 := netip.MustParseAddr("2001:db8::1")
	mapped := netip.MustParseAddr("::ffff:10.0.0.1")
	for _, test := range []struct {
		name   string
		change func(*arp.Packet)
		want   string
	}{
		{"operation 0", func(p *arp.Packet) { p.Operation = 0 }, "malformed ARP packet: operation 0"},
		{"RARP", func(p *arp.Packet) { p.Operation = 3 }, "malformed ARP packet: operation 3"},
		{"no SenderPA", func(p *arp.Packet) { p.SenderPA = netip.Addr{} }, "malformed ARP packet: SenderPA invalid IP is not IPv4"},
		{"IPv6 SenderPA", func(p *arp.Packet) { p.SenderPA = v6 }, "malformed ARP packet: SenderPA 2001:db8::1 is not IPv4"},
		{"IPv6 TargetPA", func(p *arp.Packet) { p.TargetPA = v6 }, "malformed ARP packet: TargetPA 2001:db8::1 is not IPv4"},
		{"mapped TargetPA", func(p *arp.Packet) { p.TargetPA = mapped }, "malformed ARP packet: TargetPA ::ffff:10.0.0.1 is not IPv4"},
	} {
		p := golden[1].packet
		test.change(&p)
		got, err := p.Append([]byte{1, 2})
		if !errors.Is(err, arp.ErrMalformed) || err.Error() != test.want {
			t.Errorf("%s: error %q, want %q", test.name, err, test.want)
		}
		if !bytes.Equal(got, []byte{1, 2}) {
			t.Errorf("%s: the buffer became %x", test.name, got)
		}
	}
}

func TestParse(t *testing.T) {
	for _, g := range golden {
		for _, padding := range []int{0, 18} { // a frame of 60 octets has 46 of payload
			got, err := arp.Parse(append(bytes.Clone(g.octets), bytes.Repeat([]byte{0xee}, padding)...))
			if err != nil || got != g.packet {
				t.Errorf("%s, padded with %d: %+v, %v; want %+v", g.name, padding, got, err, g.packet)
			}
		}
	}
}

func TestB90_ParseRejects(t *testing.T) {
	for n := range golden[1].octets {
		if _, err := arp.Parse(golden[1].octets[:n]); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, arp.ErrMalformed) {
			t.Errorf("%d octets: error %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
	for _, test := range []struct {
		offset int
		value  byte
		want   string
	}{
		{0, 0x01, "malformed ARP packet: hardware type 257"},
		{1, 6, "malformed ARP packet: hardware type 6"},
		{2, 0x86, "malformed ARP packet: protocol type 0x8600"},
		{3, 0x06, "malformed ARP packet: protocol type 0x0806"},
		{4, 5, "malformed ARP packet: hardware address length 5"},
		{4, 255, "malformed ARP packet: hardware address length 255"},
		{5, 16, "malformed ARP packet: protocol address length 16"},
		{5, 0, "malformed ARP packet: protocol address length 0"},
	} {
		octets := bytes.Clone(golden[1].octets)
		octets[test.offset] = test.value
		if _, err := arp.Parse(octets); !errors.Is(err, arp.ErrMalformed) || err.Error() != test.want {
			t.Errorf("octet %d = %#x: error %v, want %s", test.offset, test.value, err, test.want)
		}
	}
}

// Parse keeps what it may not judge.
func TestParseIsFaithful(t *testing.T) {
	octets := bytes.Clone(golden[1].octets)
	octets[6], octets[7] = 0x91, 0x92
	got, err := arp.Parse(octets)
	if want := arp.Operation(0x9192); err != nil || got.Operation != want {
		t.Errorf("operation %d, %v; want %d", got.Operation, err, want)
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		arp.Request.String():                     "request",
		arp.Reply.String():                       "reply",
		arp.Operation(25).String():               "operation 25",
		arp.Broadcast.String():                   "ff:ff:ff:ff:ff:ff",
		arp.MAC{0x02, 0, 0, 0, 0, 0x01}.String(): "02:00:00:00:00:01",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestOracle has gopacket read what Append wrote, and Parse what gopacket wrote.
func TestOracle(t *testing.T) {
	for _, g := range golden {
		octets, err := g.packet.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		var read layers.ARP
		if err := read.DecodeFromBytes(octets, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if read.AddrType != layers.LinkTypeEthernet || read.Protocol != layers.EthernetTypeIPv4 || read.HwAddressSize != 6 || read.ProtAddressSize != 4 {
			t.Errorf("%s: gopacket reads types and lengths %v", g.name, read)
		}
		if got := fromGopacket(&read); got != g.packet {
			t.Errorf("%s: gopacket reads %+v, want %+v", g.name, got, g.packet)
		}

		buffer := gopacket.NewSerializeBuffer()
		if err := read.SerializeTo(buffer, gopacket.SerializeOptions{FixLengths: true}); err != nil {
			t.Fatal(err)
		}
		if got, err := arp.Parse(buffer.Bytes()); err != nil || got != g.packet {
			t.Errorf("%s: of gopacket's %x Parse reads %+v, %v; want %+v", g.name, buffer.Bytes(), got, err, g.packet)
		}
	}
}

func fromGopacket(l *layers.ARP) arp.Packet {
	return arp.Packet{
		Operation: arp.Operation(l.Operation),
		SenderHA:  arp.MAC(l.SourceHwAddress),
		SenderPA:  netip.AddrFrom4([4]byte(l.SourceProtAddress)),
		TargetHA:  arp.MAC(l.DstHwAddress),
		TargetPA:  netip.AddrFrom4([4]byte(l.DstProtAddress)),
	}
}

func FuzzParse(f *testing.F) {
	for _, g := range golden {
		f.Add(g.octets)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := arp.Parse(b)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, arp.ErrMalformed) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		octets, err := p.Append(nil)
		if known := p.Operation == arp.Request || p.Operation == arp.Reply; known != (err == nil) {
			t.Fatalf("%v: Append says %v", p.Operation, err)
		}
		if err == nil && !bytes.Equal(octets, b[:28]) {
			t.Fatalf("%x became %x", b[:28], octets)
		}
	})
}

func ExamplePacket_Append() {
	request := arp.Packet{
		Operation: arp.Request,
		SenderHA:  arp.MAC{0x02, 0x00, 0x00, 0x00, 0x00, 0x0f},
		SenderPA:  netip.MustParseAddr("198.51.100.15"),
		TargetPA:  netip.MustParseAddr("198.51.100.1"),
	}
	octets, err := request.Append(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(hex.Dump(octets))
	// Output:
	// 00000000  00 01 08 00 06 04 00 01  02 00 00 00 00 0f c6 33  |...............3|
	// 00000010  64 0f 00 00 00 00 00 00  c6 33 64 01              |d........3d.|
}
