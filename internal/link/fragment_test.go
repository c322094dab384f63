package link_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// fragment is a fragment of a SYN with options, from one octet of the segment to another.
type fragment struct{ from, to int }

// segment is a SYN of 32 octets.
func segment(t testing.TB, src, dst netip.Addr) []byte {
	t.Helper()
	b, err := tcphdr.Header{
		SrcPort: clientPort, DstPort: serverPort, Flags: tcphdr.SYN,
		Options: tcphdr.Options([]byte{2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7}),
	}.Append(nil, src, dst, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// datagram is a fragment as a datagram.
func datagram(t testing.TB, f fragment, src, dst netip.Addr, id uint16) []byte {
	t.Helper()
	whole := segment(t, src, dst)
	payload := whole[f.from:f.to]
	if src.Is4() {
		b, err := rawip.Header{
			ID: id, TTL: 60, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst,
			MoreFragments: f.to < len(whole), FragmentOffset: uint16(f.from / 8),
		}.Append(nil, payload)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	header := []byte{rawip.ProtocolTCP, 0, 0, 0, 0, 0}
	word := uint16(f.from)
	if f.to < len(whole) {
		word |= 1
	}
	binary.BigEndian.PutUint16(header[2:], word)
	header = binary.BigEndian.AppendUint16(header, id)
	return octets(t, ip(src, dst, rawip.HeaderFragment, hex.EncodeToString(append(header, payload...))))
}

// TestFragments cuts a SYN in several ways. The decoder has it as soon as all of its header was there.
func TestFragments(t *testing.T) {
	for _, test := range []struct {
		name      string
		fragments []fragment
		whole     int // the fragment that makes the header whole
	}{
		{"in one", []fragment{{0, 32}}, 0},
		{"in order", []fragment{{0, 8}, {8, 16}, {16, 32}}, 2},
		{"backwards", []fragment{{24, 32}, {16, 24}, {8, 16}, {0, 8}}, 3},
		{"repeated", []fragment{{0, 8}, {0, 8}, {8, 24}, {8, 24}, {24, 32}}, 4},
		{"overlapping", []fragment{{0, 16}, {8, 24}, {16, 32}}, 2},
		{"never whole", []fragment{{0, 8}, {16, 32}}, -1},
		{"options later", []fragment{{0, 24}, {24, 32}}, 1},
	} {
		for _, ends := range [][2]netip.Addr{{client, server}, {client6, server6}} {
			d := link.NewDecoder(0)
			var p link.Packet
			for i, f := range test.fragments {
				b := datagram(t, f, ends[0], ends[1], 7)
				err := d.Decode(capfile.LinkRaw, b, len(b), &p)
				if i != test.whole {
					if !errors.Is(err, link.ErrFragment) {
						t.Errorf("%s, %v, fragment %d: %v", test.name, ends, i, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s, %v, fragment %d: %v", test.name, ends, i, err)
					continue
				}
				h, _, err := tcphdr.Parse(p.Datagram.Payload)
				if err != nil || h.Flags != tcphdr.SYN || h.SrcPort != clientPort || len(h.Options) != 12 || p.Length != 32 {
					t.Errorf("%s, %v: %+v, %v, %d octets", test.name, ends, h, err, p.Length)
				}
			}
		}
	}
}

// TestFragmentsOfManyDatagrams: those of different datagrams are kept apart, and there are no more than there is room for.
func TestFragmentsOfManyDatagrams(t *testing.T) {
	d := link.NewDecoder(0)
	var p link.Packet
	decode := func(f fragment, id int) error {
		b := datagram(t, f, client, server, uint16(id))
		return d.Decode(capfile.LinkRaw, b, len(b), &p)
	}
	const datagrams = 3000
	for id := range datagrams {
		if err := decode(fragment{0, 8}, id); !errors.Is(err, link.ErrFragment) {
			t.Fatal(err)
		}
	}
	for id := datagrams - 1; id >= 0; id-- {
		err := decode(fragment{8, 32}, id)
		if kept := id >= datagrams-1024; kept != (err == nil) {
			t.Errorf("the rest of datagram %d: %v", id, err)
		}
		if err == nil && (p.Datagram.ID != uint16(id) || ends(&p)[0].Port() != clientPort) {
			t.Errorf("datagram %d is %d, from %v", id, p.Datagram.ID, ends(&p))
		}
	}
}

// TestLaterFragments: a fragment that has nothing of the header is none of ours, of whatever protocol.
func TestLaterFragments(t *testing.T) {
	d := link.NewDecoder(0)
	var p link.Packet
	for _, protocol := range []uint8{rawip.ProtocolTCP, rawip.ProtocolICMP, rawip.ProtocolUDP} {
		b, err := rawip.Header{ID: 9, TTL: 60, Protocol: protocol, Src: client, Dst: server, FragmentOffset: 185}.Append(nil, make([]byte, 100))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(capfile.LinkRaw, b, len(b), &p); !errors.Is(err, link.ErrFragment) {
			t.Errorf("protocol %d: %v", protocol, err)
		}
	}
}

// TestAggregate: a frame of 802.11 may carry several datagrams.
func TestAggregate(t *testing.T) {
	sub := macs + "0030 " + snap + v4 + syn(client, server)
	b := octets(t, "8801 0000 "+toDS+"0000 8000 "+sub+" 0000 "+sub+" 0000 "+macs+"0044 "+snap+v6+syn(client6, server6))
	d := link.NewDecoder(0)
	var p link.Packet
	err := d.Decode(capfile.LinkIEEE80211, b, len(b), &p)
	found := 0
	for {
		if err != nil {
			t.Fatalf("datagram %d: %v", found+1, err)
		}
		checkSYN(t, &p)
		if found++; !d.More() {
			break
		}
		err = d.Another(&p)
	}
	if found != 3 || !p.Datagram.Is6() {
		t.Errorf("%d datagrams, the last one from %v", found, p.Datagram.Src)
	}
}

// TestNotForUs: frames that carry something else, or nothing that can be read.
func TestNotForUs(t *testing.T) {
	for _, test := range []struct {
		name string
		link capfile.LinkType
		b    string
		want error
	}{
		{"ARP", capfile.LinkEthernet, macs + "0806 0001 0800 06 04 0001", link.ErrNotIP},
		{"spanning tree", capfile.LinkEthernet, macs + "0026 424203 000000000000", link.ErrNotIP},
		{"version 5", capfile.LinkRaw, "5500", link.ErrNotIP},
		{"empty", capfile.LinkEthernet, "", link.ErrShort},
		{"IHL of 4", capfile.LinkRaw, "44" + strings.Repeat("00", 30), link.ErrMalformed},
		{"Total Length less than the header", capfile.LinkRaw, "45000013" + strings.Repeat("00", 30), link.ErrMalformed},
		{"IEEE 802.15.4", 195, "00", link.ErrLinkType},
		{"beacon", capfile.LinkIEEE80211, "8000" + strings.Repeat("00", 40), link.ErrNotIP},
		{"null data", capfile.LinkIEEE80211, "4801" + strings.Repeat("00", 40), link.ErrNotIP},
		{"encrypted", capfile.LinkIEEE80211, "0841 0000 " + toDS + "0000 1122334455", link.ErrEncrypted},
		{"PPP that negotiates", capfile.LinkPPP, "ff03 c021 01010004", link.ErrNotIP},
		{"PPPoE discovery", capfile.LinkPPPoE, "1109 0000 0000", link.ErrNotIP},
		{"nested too deep", capfile.LinkEthernet, macs + strings.Repeat("6558 "+macs, 40) + v4 + syn(client, server), link.ErrMalformed},
	} {
		b := octets(t, test.b)
		var p link.Packet
		if err := link.NewDecoder(link.AllTunnels).Decode(test.link, b, len(b), &p); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// TestCutPayload: what a snap length leaves is told apart from what there was.
func TestCutPayload(t *testing.T) {
	b := octets(t, ip(client, server, rawip.ProtocolTCP, hex.EncodeToString(append(segment(t, client, server), make([]byte, 1000)...))))
	var p link.Packet
	if err := link.NewDecoder(0).Decode(capfile.LinkRaw, b[:60:60], len(b), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Datagram.Payload) != 40 || p.Length != 1032 {
		t.Errorf("%d of %d octets", len(p.Datagram.Payload), p.Length)
	}
	// A datagram that the kernel has not yet cut has no Total Length: it is as long as the frame.
	b[2], b[3] = 0, 0
	if err := link.NewDecoder(0).Decode(capfile.LinkRaw, b[:60:60], len(b), &p); err != nil || p.Length != 1032 {
		t.Errorf("%v, %d octets", err, p.Length)
	}
}

func TestParseTunnels(t *testing.T) {
	for list, want := range map[string]string{
		"gre": "gre", "vxlan,gre": "gre vxlan", "all": strings.Join(link.TunnelNames(), " "), "": "", "none": "", "gre,": "", "GRE": "",
	} {
		s, ok := link.ParseTunnels(list)
		var names []string
		for tunnel := link.GRE; tunnel <= link.GTP; tunnel++ {
			if s.Has(tunnel) {
				names = append(names, tunnel.String())
			}
		}
		if got := strings.Join(names, " "); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t; want %q", list, got, ok, want)
		}
	}
}
