package link_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

var (
	client  = netip.MustParseAddr("198.51.100.15")
	server  = netip.MustParseAddr("192.0.2.80")
	client6 = netip.MustParseAddr("2001:db8::15")
	server6 = netip.MustParseAddr("2001:db8:80::80")
)

const clientPort, serverPort = 49152, 443

// syn is a SYN in hexadecimal.
func syn(src, dst netip.Addr) string {
	segment, err := tcphdr.Header{SrcPort: clientPort, DstPort: serverPort, Seq: 7, Flags: tcphdr.SYN, Window: 64240}.Append(nil, src, dst, nil)
	if err != nil {
		panic(err)
	}
	return ip(src, dst, rawip.ProtocolTCP, hex.EncodeToString(segment))
}

// ip is a datagram in hexadecimal.
func ip(src, dst netip.Addr, protocol uint8, payload string) string {
	octets, err := hex.DecodeString(strings.ReplaceAll(payload, " ", ""))
	if err != nil {
		panic(err)
	}
	var datagram []byte
	if src.Is4() {
		datagram, err = rawip.Header{TTL: 60, Protocol: protocol, Src: src, Dst: dst}.Append(nil, octets)
	} else {
		datagram, err = rawip.Header6{HopLimit: 60, Protocol: protocol, Src: src, Dst: dst}.Append(nil, octets)
	}
	if err != nil {
		panic(err)
	}
	return hex.EncodeToString(datagram)
}

// udp is a datagram of UDP in hexadecimal, without a checksum.
func udp(port uint16, payload string) string {
	payload = strings.ReplaceAll(payload, " ", "")
	header := binary.BigEndian.AppendUint16(nil, clientPort)
	header = binary.BigEndian.AppendUint16(header, port)
	header = binary.BigEndian.AppendUint16(header, uint16(8+len(payload)/2))
	return ip(client, server, rawip.ProtocolUDP, hex.EncodeToString(header)+"0000"+payload)
}

const (
	macs     = "020000000002 020000000001 "
	toDS     = "020000000002 020000000001 020000000003 " // three addresses of 802.11
	snap     = "aaaa03 000000 "
	radiotap = "00 00 0800 00000000 "
	v4       = "0800 "
	v6       = "86dd "
)

// frames are a SYN in every kind of frame. All of them are IPv4 or IPv6 with the same addresses and ports.
var frames = []struct {
	name      string
	link      capfile.LinkType
	octets    string
	vlans     []uint32
	labels    []uint32
	tunnels   []link.Tunnel
	direction capfile.Direction
	ifindex   int
	notShark  string // why tshark does not see it
}{
	{name: "Ethernet", link: capfile.LinkEthernet, octets: macs + v4 + syn(client, server)},
	{name: "Ethernet, IPv6", link: capfile.LinkEthernet, octets: macs + v6 + syn(client6, server6)},
	{name: "Ethernet, padding", link: capfile.LinkEthernet, octets: macs + v4 + syn(client, server) + "0000000000000000"},
	{name: "VLAN", link: capfile.LinkEthernet, octets: macs + "8100 0064 " + v4 + syn(client, server), vlans: []uint32{100}},
	{name: "VLAN with a priority", link: capfile.LinkEthernet, octets: macs + "8100 f064 " + v6 + syn(client6, server6), vlans: []uint32{100}},
	{name: "QinQ", link: capfile.LinkEthernet, octets: macs + "88a8 0065 8100 0064 " + v4 + syn(client, server), vlans: []uint32{101, 100}},
	{name: "QinQ of old", link: capfile.LinkEthernet, octets: macs + "9100 0065 8100 0064 " + v4 + syn(client, server), vlans: []uint32{101, 100}},
	{name: "eight VLANs", link: capfile.LinkEthernet, octets: macs + strings.Repeat("8100 0064 ", 8) + v4 + syn(client, server), vlans: slices.Repeat([]uint32{100}, 6)},
	{name: "VN-Tag", link: capfile.LinkEthernet, octets: macs + "8926 00000000 " + v4 + syn(client, server)},
	{name: "MPLS", link: capfile.LinkEthernet, octets: macs + "8847 00010040 00011140 " + syn(client, server), labels: []uint32{16, 17}},
	{name: "802.3 with SNAP", link: capfile.LinkEthernet, octets: macs + "0030 " + snap + v4 + syn(client, server)},
	{name: "PPPoE", link: capfile.LinkEthernet, octets: macs + "8864 1100 0001 002a 0021 " + syn(client, server)},
	{name: "VLAN, PPPoE, IPv6", link: capfile.LinkEthernet, octets: macs + "8100 0007 8864 1100 0001 003e 0057 " + syn(client6, server6), vlans: []uint32{7}},
	{name: "MAC in MAC", link: capfile.LinkEthernet, octets: macs + "88e7 00000001 " + macs + v4 + syn(client, server)},
	{name: "pseudowire", link: capfile.LinkEthernet, octets: macs + "8847 00010140 00000000 " + macs + v4 + syn(client, server), labels: []uint32{16}, notShark: "it takes no pseudowire for one"},

	{name: "cooked", link: capfile.LinkLinuxSLL, octets: "0004 0001 0006 020000000001 0000 " + v4 + syn(client, server), direction: capfile.Outbound},
	{name: "cooked, VLAN", link: capfile.LinkLinuxSLL, octets: "0000 0001 0006 020000000001 0000 8100 0064 " + v6 + syn(client6, server6),
		vlans: []uint32{100}, direction: capfile.Inbound},
	{name: "cooked 2", link: capfile.LinkLinuxSLL2, octets: v4 + "0000 00000007 0001 04 06 020000000001 0000 " + syn(client, server), direction: capfile.Outbound, ifindex: 7},
	{name: "NULL, little-endian", link: capfile.LinkNull, octets: "02000000 " + syn(client, server)},
	{name: "NULL, big-endian, IPv6", link: capfile.LinkNull, octets: "0000001e " + syn(client6, server6)},
	{name: "NULL, IPv6 of FreeBSD", link: capfile.LinkNull, octets: "1c000000 " + syn(client6, server6)},
	{name: "LOOP", link: capfile.LinkLoop, octets: "00000002 " + syn(client, server)},
	{name: "raw", link: capfile.LinkRaw, octets: syn(client, server)},
	{name: "raw, IPv6", link: capfile.LinkRaw, octets: syn(client6, server6)},
	{name: "raw 12", link: capfile.LinkRaw12, octets: syn(client, server)},
	{name: "IPV4", link: capfile.LinkIPv4, octets: syn(client, server)},
	{name: "IPV6", link: capfile.LinkIPv6, octets: syn(client6, server6)},
	{name: "PPP", link: capfile.LinkPPP, octets: "ff03 0021 " + syn(client, server)},
	{name: "PPP, shortened", link: capfile.LinkPPP, octets: "57 " + syn(client6, server6)},
	{name: "PPP in HDLC", link: capfile.LinkPPPHDLC, octets: "ff03 0021 " + syn(client, server)},
	{name: "HDLC of Cisco", link: capfile.LinkCiscoHDLC, octets: "0f00 " + v4 + syn(client, server)},
	{name: "PPP with a direction", link: capfile.LinkPPPDirection, octets: "01 ff03 0021 " + syn(client, server), direction: capfile.Outbound},
	{name: "PPPoE by itself", link: capfile.LinkPPPoE, octets: "1100 0001 002a 0021 " + syn(client, server)},
	{name: "FDDI", link: capfile.LinkFDDI, octets: "50 " + macs + snap + v4 + syn(client, server)},
	{name: "ARCNET", link: capfile.LinkARCNET, octets: "01 02 0000 d4 00 0001 " + syn(client, server)},
	{name: "ARCNET of old", link: capfile.LinkARCNET, octets: "01 02 0000 f0 " + syn(client, server)},
	{name: "labels by themselves", link: capfile.LinkMPLS, octets: "00010140 " + syn(client, server), labels: []uint32{16}, notShark: "it does not know the link type"},
	{name: "NFLOG", link: capfile.LinkNFLOG, octets: "0200 0000 0800 0100 0800 0300 2c00 0900 " + syn(client, server), direction: capfile.Outbound},
	{name: "ENC", link: capfile.LinkEnc, octets: "02000000 00000001 00000000 " + syn(client, server)},
	{name: "PFLOG", link: capfile.LinkPflog, octets: "3d 02 00 00 " + strings.Repeat("00", 60) + syn(client, server)},

	{name: "802.11", link: capfile.LinkIEEE80211, octets: "0801 0000 " + toDS + "0000 " + snap + v4 + syn(client, server)},
	{name: "802.11, QoS", link: capfile.LinkIEEE80211, octets: "8801 0000 " + toDS + "0000 0000 " + snap + v6 + syn(client6, server6)},
	{name: "802.11, four addresses", link: capfile.LinkIEEE80211, octets: "8803 0000 " + toDS + "0000 020000000004 0000 " + snap + v4 + syn(client, server)},
	{name: "802.11, HT control", link: capfile.LinkIEEE80211, octets: "8881 0000 " + toDS + "0000 0000 00000000 " + snap + v4 + syn(client, server)},
	{name: "802.11, A-MSDU", link: capfile.LinkIEEE80211, octets: "8801 0000 " + toDS + "0000 8000 " + macs + "0030 " + snap + v4 + syn(client, server)},
	{name: "radiotap", link: capfile.LinkRadiotap, octets: radiotap + "0801 0000 " + toDS + "0000 " + snap + v4 + syn(client, server)},
	{name: "radiotap, padded", link: capfile.LinkRadiotap, octets: "00 00 1100 03000000 0000000000000000 20 8801 0000 " + toDS + "0000 0000 0000 " + snap + v4 + syn(client, server)},
	{name: "radiotap, more words", link: capfile.LinkRadiotap, octets: "00 00 0d00 02000080 00000000 00 0801 0000 " + toDS + "0000 " + snap + v4 + syn(client, server)},
	{name: "AVS", link: capfile.LinkAVS, octets: "80211001 00000040 " + strings.Repeat("00", 56) + "0801 0000 " + toDS + "0000 " + snap + v4 + syn(client, server)},
	{name: "Prism", link: capfile.LinkPrism, octets: "44000000 90000000 " + strings.Repeat("00", 136) + "0801 0000 " + toDS + "0000 " + snap + v4 + syn(client, server)},
	{name: "PPI", link: capfile.LinkPPI, octets: "00 00 0800 69000000 0801 0000 " + toDS + "0000 " + snap + v4 + syn(client, server), notShark: "it knows the header no more"},

	{name: "GRE", link: capfile.LinkRaw, octets: ip(client, server, 47, "0000 0800 "+syn(client, server)), tunnels: []link.Tunnel{link.GRE}},
	{name: "GRE with all fields", link: capfile.LinkRaw, octets: ip(client, server, 47, "b000 86dd 00000000 00000001 00000002 "+syn(client6, server6)), tunnels: []link.Tunnel{link.GRE}},
	{name: "Ethernet in GRE", link: capfile.LinkRaw, octets: ip(client6, server6, 47, "0000 6558 "+macs+"8100 0064 "+v4+syn(client, server)), tunnels: []link.Tunnel{link.GRE}, vlans: []uint32{100}},
	{name: "PPTP", link: capfile.LinkRaw, octets: ip(client, server, 47, "3081 880b 002c 0001 00000001 00000001 ff03 0021 "+syn(client, server)), tunnels: []link.Tunnel{link.GRE}},
	{name: "ERSPAN", link: capfile.LinkRaw, octets: ip(client, server, 47, "1000 88be 00000001 1000 0000 00000000 "+macs+v4+syn(client, server)), tunnels: []link.Tunnel{link.GRE}},
	{name: "ERSPAN 3", link: capfile.LinkRaw, octets: ip(client, server, 47, "1000 22eb 00000001 20000000 00000000 00000000 "+macs+v4+syn(client, server)), tunnels: []link.Tunnel{link.GRE}},
	{name: "VXLAN", link: capfile.LinkRaw, octets: udp(4789, "08000000 00000100 "+macs+v4+syn(client, server)), tunnels: []link.Tunnel{link.VXLAN}},
	{name: "VXLAN-GPE", link: capfile.LinkRaw, octets: udp(4790, "0c000002 00000100 "+syn(client6, server6)), tunnels: []link.Tunnel{link.VXLAN}},
	{name: "Geneve", link: capfile.LinkRaw, octets: udp(6081, "0100 6558 00000100 00000000 "+macs+v4+syn(client, server)), tunnels: []link.Tunnel{link.Geneve}},
	{name: "GRE in UDP", link: capfile.LinkRaw, octets: udp(4754, "0000 0800 "+syn(client, server)), tunnels: []link.Tunnel{link.GRE}},
	{name: "GTP", link: capfile.LinkRaw, octets: udp(2152, "30 ff 0028 00000001 "+syn(client, server)), tunnels: []link.Tunnel{link.GTP}},
	{name: "GTP with an extension", link: capfile.LinkRaw, octets: udp(2152, "34 ff 0030 00000001 000000 85 01 000000 "+syn(client, server)), tunnels: []link.Tunnel{link.GTP}},
	{name: "IPv4 in IPv4", link: capfile.LinkRaw, octets: ip(client, server, 4, syn(client, server)), tunnels: []link.Tunnel{link.IPIP}},
	{name: "IPv6 in IPv4", link: capfile.LinkRaw, octets: ip(client, server, 41, syn(client6, server6)), tunnels: []link.Tunnel{link.IPIP}},
	{name: "IPv4 in IPv6", link: capfile.LinkRaw, octets: ip(client6, server6, 4, syn(client, server)), tunnels: []link.Tunnel{link.IPIP}},
	{name: "SRv6", link: capfile.LinkRaw, octets: ip(client6, server6, 43, "04 02 04 00 00 00 0000 20010db8008000000000000000000080 "+syn(client, server)), tunnels: []link.Tunnel{link.SRv6}},
	{name: "VXLAN in GRE", link: capfile.LinkRaw, octets: ip(client, server, 47, "0000 0800 "+udp(4789, "08000000 00000100 "+macs+v4+syn(client, server))),
		tunnels: []link.Tunnel{link.GRE, link.VXLAN}},
}

// octets are those of a frame.
func octets(t testing.TB, hexadecimal string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(hexadecimal, " ", ""))
	if err != nil {
		t.Fatalf("%v: %s", err, hexadecimal)
	}
	return b
}

// TestFrames finds the SYN in every kind of frame, and with it what the headers in front of it say.
func TestFrames(t *testing.T) {
	for _, f := range frames {
		t.Run(f.name, func(t *testing.T) {
			b := octets(t, f.octets)
			d := link.NewDecoder(link.AllTunnels)
			var p link.Packet
			if err := d.Decode(f.link, b, len(b), &p); err != nil {
				t.Fatal(err)
			}
			checkSYN(t, &p)
			if !slices.Equal(p.VLANs.All(), f.vlans) || !slices.Equal(p.Labels.All(), f.labels) || !slices.Equal(p.Tunnels, f.tunnels) {
				t.Errorf("VLANs %v, labels %v, tunnels %v; want %v, %v, %v", p.VLANs.All(), p.Labels.All(), p.Tunnels, f.vlans, f.labels, f.tunnels)
			}
			if p.Direction != f.direction || p.Ifindex != f.ifindex || p.Length != 20 || p.Inner != link.NoTunnel {
				t.Errorf("direction %v, interface %d, %d octets, inside of %v", p.Direction, p.Ifindex, p.Length, p.Inner)
			}
		})
	}
}

// checkSYN checks that a packet has the SYN.
func checkSYN(t *testing.T, p *link.Packet) {
	t.Helper()
	src, dst := client, server
	if p.Datagram.Is6() {
		src, dst = client6, server6
	}
	want := [2]netip.AddrPort{netip.AddrPortFrom(src, clientPort), netip.AddrPortFrom(dst, serverPort)}
	if got := ends(p); got != want || p.Datagram.Protocol != rawip.ProtocolTCP || p.Datagram.HopLimit != 60 {
		t.Errorf("%v, protocol %d, hop limit %d; want %v", got, p.Datagram.Protocol, p.Datagram.HopLimit, want)
	}
}

// TestTunnelsStayClosed: without being told to, the decoder looks at the outer datagram, and says of which tunnel there is TCP inside.
func TestTunnelsStayClosed(t *testing.T) {
	for _, f := range frames {
		if len(f.tunnels) == 0 {
			continue
		}
		b := octets(t, f.octets)
		d := link.NewDecoder(0)
		var p link.Packet
		if err := d.Decode(f.link, b, len(b), &p); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if p.Inner != f.tunnels[0] || p.Datagram.Protocol == rawip.ProtocolTCP || len(p.Tunnels) > 0 {
			t.Errorf("%s: inside of %v, protocol %d, opened %v", f.name, p.Inner, p.Datagram.Protocol, p.Tunnels)
		}
		if n := testing.AllocsPerRun(100, func() { d.Decode(f.link, b, len(b), &p) }); n > 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	}
}

// TestCutFrames cuts every frame at every length: there is an error, or as much of the datagram as is left.
func TestCutFrames(t *testing.T) {
	for _, f := range frames {
		b := octets(t, f.octets)
		d := link.NewDecoder(link.AllTunnels)
		var p link.Packet
		for n := range b {
			err := d.Decode(f.link, b[:n:n], len(b), &p)
			switch {
			case err == nil && p.Datagram.Protocol == rawip.ProtocolTCP && p.Length != 20:
				t.Errorf("%s, %d octets: a payload of %d", f.name, n, p.Length)
			case err != nil && !errors.Is(err, link.ErrShort) && !errors.Is(err, link.ErrNotIP):
				t.Errorf("%s, %d octets: %v", f.name, n, err)
			}
		}
	}
}

// TestFramesTshark has tshark look at the same frames, each on an interface of its own.
func TestFramesTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "frames.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var w *pcapgo.NgWriter
	var names []string
	for _, f := range frames {
		if f.notShark != "" {
			continue
		}
		on := pcapgo.NgInterface{Name: f.name, LinkType: layers.LinkType(f.link)}
		if w == nil {
			w, err = pcapgo.NewNgWriterInterface(file, on, pcapgo.DefaultNgWriterOptions)
		} else {
			_, err = w.AddInterface(on)
		}
		if err != nil {
			t.Fatal(err)
		}
		b := octets(t, f.octets)
		info := gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(b), Length: len(b), InterfaceIndex: len(names)}
		if err := w.WritePacket(info, b); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.name)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-n", "-r", file.Name(), "-T", "fields", "-E", "occurrence=l", "-e", "tcp.srcport", "-e", "tcp.dstport").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(names) {
		t.Fatalf("%d lines for %d frames: %s", len(lines), len(names), out)
	}
	for i, line := range lines {
		if line != "49152\t443" {
			t.Errorf("%s: tshark says %q", names[i], line)
		}
	}
}
