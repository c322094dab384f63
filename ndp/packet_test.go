package ndp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"tcpprobe/internal/checksum"
	"tcpprobe/ndp"
)

// golden are packets with octets that all differ where they can.
var golden = []struct {
	name   string
	packet ndp.Packet
	octets []byte
}{
	{
		name: "solicitation",
		packet: ndp.Packet{
			Src:      netip.MustParseAddr("2001:db8:1112:1314:1516:1718:191a:1b1c"),
			Dst:      netip.MustParseAddr("ff02::1:ff2a:2b2c"),
			HopLimit: 255,
			Type:     ndp.Solicitation,
			Target:   netip.MustParseAddr("2001:db8:2122:2324:2526:2728:292a:2b2c"),
			Options:  []ndp.Option{{Type: ndp.SourceMAC, Data: []byte{0x02, 0x31, 0x32, 0x33, 0x34, 0x35}}},
		},
		octets: []byte{
			0x60, 0, 0, 0, // version, traffic class, flow label
			0, 32, // payload length
			58, 255, // next header: ICMPv6; hop limit
			0x20, 0x01, 0x0d, 0xb8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, // source
			0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff, 0x2a, 0x2b, 0x2c, // destination: the target's group
			135, 0, // type, code
			0x20, 0xc8, // checksum
			0, 0, 0, 0, // reserved
			0x20, 0x01, 0x0d, 0xb8, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, // target
			1, 1, 0x02, 0x31, 0x32, 0x33, 0x34, 0x35, // option: the sender's MAC
		},
	},
	{
		name: "advertisement",
		packet: ndp.Packet{
			Src:      netip.MustParseAddr("fe80::41:4243:4445:4647"),
			Dst:      netip.MustParseAddr("fe80::51:5253:5455:5657"),
			HopLimit: 255,
			Type:     ndp.Advertisement,
			Flags:    ndp.Router | ndp.Solicited | ndp.Override,
			Target:   netip.MustParseAddr("fe80::61:6263:6465:6667"),
			Options: []ndp.Option{
				{Type: 14, Data: []byte{0x71, 0x72, 0x73, 0x74, 0x75, 0x76}},
				{Type: ndp.TargetMAC, Data: []byte{0x0a, 0x81, 0x82, 0x83, 0x84, 0x85}},
			},
		},
		octets: []byte{
			0x60, 0, 0, 0, // version, traffic class, flow label
			0, 40, // payload length
			58, 255, // next header: ICMPv6; hop limit
			0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x00, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, // source
			0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x00, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, // destination
			136, 0, // type, code
			0x28, 0x3d, // checksum
			0xe0, 0, 0, 0, // R, S, O
			0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x00, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, // target
			14, 1, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, // option: a nonce (RFC 3971)
			2, 1, 0x0a, 0x81, 0x82, 0x83, 0x84, 0x85, // option: the target's MAC
		},
	},
}

// oracle is the packet as gopacket writes it again, with a checksum of its own.
func oracle(octets []byte) []byte {
	decoded := gopacket.NewPacket(octets, layers.LayerTypeIPv6, gopacket.Default)
	ip := decoded.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
	message := decoded.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	if err := message.SetNetworkLayerForChecksum(ip); err != nil {
		panic(err)
	}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{ComputeChecksums: true, FixLengths: true}
	if err := gopacket.SerializeLayers(buffer, options, ip, message, gopacket.Payload(message.LayerPayload())); err != nil {
		panic(err)
	}
	return buffer.Bytes()
}

func TestAppend(t *testing.T) {
	for _, g := range golden {
		dirty := bytes.Repeat([]byte{0xa5}, 200)
		got, err := g.packet.Append(dirty[:3])
		if err != nil || !bytes.Equal(got[3:], g.octets) || !bytes.Equal(got[:3], []byte{0xa5, 0xa5, 0xa5}) {
			t.Errorf("%s: %x, %v\nwant %x", g.name, got, err, g.octets)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, change := range map[string]func(*ndp.Packet){
		"type 134":            func(p *ndp.Packet) { p.Type = 134 },
		"no source":           func(p *ndp.Packet) { p.Src = netip.Addr{} },
		"IPv4 destination":    func(p *ndp.Packet) { p.Dst = netip.MustParseAddr("10.0.0.1") },
		"mapped target":       func(p *ndp.Packet) { p.Target = netip.MustParseAddr("::ffff:10.0.0.1") },
		"option of 7 octets":  func(p *ndp.Packet) { p.Options = []ndp.Option{{Type: 1, Data: make([]byte, 5)}} },
		"option of no length": func(p *ndp.Packet) { p.Options = []ndp.Option{{Type: 1}} },
		"option too long":     func(p *ndp.Packet) { p.Options = []ndp.Option{{Type: 1, Data: make([]byte, 8*256-2)}} },
		"too many options": func(p *ndp.Packet) {
			for range 33 {
				p.Options = append(p.Options, ndp.Option{Type: 1, Data: make([]byte, 8*255-2)})
			}
		},
	} {
		p := golden[0].packet
		change(&p)
		if b, err := p.Append([]byte{1}); !errors.Is(err, ndp.ErrMalformed) || len(b) != 1 {
			t.Errorf("%s: %d octets, %v", name, len(b), err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, g := range golden {
		for _, padding := range []int{0, 4} {
			got, sum, err := ndp.Parse(append(bytes.Clone(g.octets), make([]byte, padding)...))
			if err != nil || sum != checksum.Valid || !reflect.DeepEqual(got, g.packet) {
				t.Errorf("%s with %d octets of padding: %+v, %v, %v", g.name, padding, got, sum, err)
			}
		}
		for n := range g.octets {
			if _, _, err := ndp.Parse(g.octets[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut to %d octets: %v", g.name, n, err)
			}
		}
	}
}

func TestParseRejects(t *testing.T) {
	for name, change := range map[string]func(b []byte){
		"IP version 4":                func(b []byte) { b[0] = 0x40 },
		"hop-by-hop options in front": func(b []byte) { b[6] = 0 },
		"payload of 23 octets":        func(b []byte) { b[5] = 23 },
		"router advertisement":        func(b []byte) { b[40] = 134 },
		"redirect":                    func(b []byte) { b[40] = 137 },
		"option of no length":         func(b []byte) { b[65] = 0 },
		"option beyond the end":       func(b []byte) { b[65] = 2 },
		"octet behind the options":    func(b []byte) { b[5] = 25 },
	} {
		b := bytes.Clone(golden[0].octets)
		change(b)
		if p, _, err := ndp.Parse(b); !errors.Is(err, ndp.ErrMalformed) || !reflect.DeepEqual(p, ndp.Packet{}) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// What is against the RFC and can be read is read: judging it is for the Query.
func TestParseIsFaithful(t *testing.T) {
	b := bytes.Clone(golden[1].octets)
	b[7] = 64                                  // hop limit
	b[41] = 7                                  // code
	binary.BigEndian.PutUint32(b[44:], 0x3bcd) // reserved bits
	p, sum, err := ndp.Parse(b)
	if err != nil || p.HopLimit != 64 || p.Code != 7 || p.Flags != 0x3bcd || sum != checksum.Invalid {
		t.Errorf("%+v, %v, %v", p, sum, err)
	}
	again, err := p.Append(nil)
	if copy(b[42:44], again[42:44]); err != nil || !bytes.Equal(again, b) {
		t.Errorf("written again %x, %v; want %x", again, err, b)
	}
}

func TestNames(t *testing.T) {
	for flags, want := range map[ndp.Flags]string{
		0: "", ndp.Router | ndp.Solicited | ndp.Override: "R,S,O", ndp.Solicited: "S", ndp.Override | 5: "O,0x5",
	} {
		if got := flags.String(); got != want {
			t.Errorf("flags %#x are %q, want %q", uint32(flags), got, want)
		}
	}
	if ndp.Solicitation.String() != "neighbor solicitation" || ndp.Advertisement.String() != "neighbor advertisement" {
		t.Errorf("types %v and %v", ndp.Solicitation, ndp.Advertisement)
	}
}

// The examples of RFC 4291 2.7.1 and RFC 2464 7.
func TestGroups(t *testing.T) {
	group := ndp.SolicitedNode(netip.MustParseAddr("4037::1:800:200e:8c6c"))
	if want := netip.MustParseAddr("ff02::1:ff0e:8c6c"); group != want {
		t.Errorf("group %v, want %v", group, want)
	}
	if mac, want := ndp.GroupMAC(group), [6]byte{0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c}; mac != want {
		t.Errorf("MAC %x, want %x", mac, want)
	}
}

// TestOracle compares what is written and read with what gopacket writes and reads.
func TestOracle(t *testing.T) {
	for _, g := range golden {
		if want := oracle(g.octets); !bytes.Equal(g.octets, want) {
			t.Errorf("%s: %x, gopacket writes %x", g.name, g.octets, want)
		}
		decoded := gopacket.NewPacket(g.octets, layers.LayerTypeIPv6, gopacket.Default)
		var target []byte
		var flags uint8
		var options layers.ICMPv6Options
		switch l := decoded.Layers()[2].(type) {
		case *layers.ICMPv6NeighborSolicitation:
			target, options = l.TargetAddress, l.Options
		case *layers.ICMPv6NeighborAdvertisement:
			target, flags, options = l.TargetAddress, l.Flags, l.Options
		default:
			t.Fatalf("%s: gopacket takes it for %v", g.name, l.LayerType())
		}
		p, _, err := ndp.Parse(g.octets)
		if err != nil || !bytes.Equal(target, p.Target.AsSlice()) || uint32(flags)<<24 != uint32(p.Flags) || len(options) != len(p.Options) {
			t.Fatalf("%s: %+v, %v", g.name, p, err)
		}
		for i, o := range options {
			if uint8(o.Type) != uint8(p.Options[i].Type) || !bytes.Equal(o.Data, p.Options[i].Data) {
				t.Errorf("%s: option %d is %+v, gopacket has %+v", g.name, i, p.Options[i], o)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, g := range golden {
		f.Add(g.octets)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, _, err := ndp.Parse(b)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ndp.ErrMalformed) {
				t.Fatalf("error %v", err)
			}
			return
		}
		written, err := p.Append(nil)
		if err != nil {
			if !p.Src.Is4In6() && !p.Dst.Is4In6() && !p.Target.Is4In6() {
				t.Fatalf("%+v: %v", p, err)
			}
			return
		}
		again, sum, err := ndp.Parse(written)
		if err != nil || sum != checksum.Valid || !reflect.DeepEqual(again, p) {
			t.Fatalf("%+v was written and read as %+v, %v, %v", p, again, sum, err)
		}
	})
}

func ExamplePacket_Append() {
	b, err := ndp.Packet{
		Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("ff02::1:ff00:80"), HopLimit: ndp.HopLimit,
		Type: ndp.Solicitation, Target: netip.MustParseAddr("2001:db8::80"),
		Options: []ndp.Option{{Type: ndp.SourceMAC, Data: []byte{2, 0, 0, 0, 0, 1}}},
	}.Append(nil)
	fmt.Println(hex.EncodeToString(b[40:]), err)
	// Output: 87001b2b0000000020010db80000000000000000000000800101020000000001 <nil>
}
