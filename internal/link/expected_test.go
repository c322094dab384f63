package link_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/rawip"
)

// expected is a line of what others say of their captures.
type expected struct {
	File       string
	First      int `json:"first_frame"`
	Client     netip.Addr
	ClientPort uint16 `json:"client_port"`
	Server     netip.Addr
	ServerPort uint16 `json:"server_port"`
	Layers     []string
}

// shared returns a folder beside the module.
func shared(t *testing.T, name string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(filepath.Join("..", "..", "..", "shared", name))
	if err != nil {
		t.Skipf("SKIPPED: there are no captures of others: %v", err)
	}
	return folder
}

// earlier are the packets in which a connection is seen where others wait for all fragments of a datagram, whose header stands in
// the first; 0 where it is in a tunnel that is not read.
var earlier = map[packetOf]int{
	{"zeek/tunnels/gtp/gtp_ext_header.pcap", 2}: 1,
	{"zeek/ipv4/fragmented-4.pcap", 5}:          2,
	{"zeek/tunnels/ayiya3.pcap", 12}:            0,
}

// packetOf names a packet by its file and number.
type packetOf struct {
	file   string
	number int
}

// TestExpected finds the first packet of every connection that others found in their captures, at any depth of tags and tunnels.
func TestExpected(t *testing.T) {
	folder := shared(t, "captures")
	list, err := os.ReadFile(filepath.Join(folder, "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	connections := make(map[string][]expected)
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		var e expected
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		connections[e.File] = append(connections[e.File], e)
	}
	found := 0
	for file, expected := range connections {
		segments := segmentsOf(t, filepath.Join(folder, file))
		for _, e := range expected {
			first, isEarlier := earlier[packetOf{file, e.First}]
			if isEarlier && first == 0 {
				continue
			} else if isEarlier {
				e.First = first
			}
			s, ok := segments[e.First]
			client, server := netip.AddrPortFrom(e.Client, e.ClientPort), netip.AddrPortFrom(e.Server, e.ServerPort)
			if !ok || s != [2]netip.AddrPort{client, server} && s != [2]netip.AddrPort{server, client} {
				t.Errorf("%s, packet %d: %v, want %v and %v, in %q", file, e.First, s, client, server, e.Layers)
				continue
			}
			found++
		}
	}
	t.Logf("%d connections", found)
	if found < 400 {
		t.Errorf("only %d connections were found", found)
	}
}

// segmentsOf returns the two ends of each TCP segment in a capture, by the number of its packet.
func segmentsOf(t *testing.T, name string) map[int][2]netip.AddrPort {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := capfile.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	segments := make(map[int][2]netip.AddrPort)
	d := link.NewDecoder(link.AllTunnels)
	var c capfile.Packet
	var p link.Packet
	for r.Next(&c) == nil {
		if err := d.Decode(c.LinkType, c.Data, c.Length, &p); err == nil && p.Datagram.Protocol == rawip.ProtocolTCP {
			segments[c.Number] = ends(&p)
		}
	}
	return segments
}

// ends returns the addresses and ports of a segment, none if they are cut off.
func ends(p *link.Packet) (e [2]netip.AddrPort) {
	b := p.Datagram.Payload
	if len(b) < 4 {
		return e
	}
	return [2]netip.AddrPort{
		netip.AddrPortFrom(p.Datagram.Src, binary.BigEndian.Uint16(b)),
		netip.AddrPortFrom(p.Datagram.Dst, binary.BigEndian.Uint16(b[2:])),
	}
}
