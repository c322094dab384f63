package link_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestTshark has tshark look at all captures of others, merged into one: at any depth, both find the same segments. Left out is what
// tshark alone takes for one (what ICMP quotes, and a tunnel that is not read), what it does not read (datagrams of more octets than a
// Total Length has room for), and fragments, of which this package tells the first that has its header as a whole.
func TestTshark(t *testing.T) {
	for _, tool := range []string{"mergecap", "tshark"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %v", err)
		}
	}
	merged := filepath.Join(t.TempDir(), "merged.pcapng")
	args := []string{"-a", "-F", "pcapng", "-w", merged}
	for _, folder := range []string{"captures", "corpus"} {
		err := filepath.WalkDir(shared(t, folder), func(name string, _ fs.DirEntry, err error) error {
			if strings.Contains(filepath.Base(name), ".pcap") {
				args = append(args, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("mergecap", args...).CombinedOutput(); err != nil {
		t.Fatalf("mergecap: %v: %s", err, out)
	}
	out, err := exec.Command("tshark", "-n", "-r", merged, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
		"-T", "fields", "-E", "occurrence=l", "-e", "frame.protocols", "-e", "tcp.srcport", "-e", "tcp.dstport").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	content, err := os.ReadFile(merged)
	if err != nil {
		t.Fatal(err)
	}
	r, err := capfile.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	d := link.NewDecoder(link.AllTunnels)
	var c capfile.Packet
	var p link.Packet
	segments := 0
	for line := range strings.Lines(string(out)) {
		if err := r.Next(&c); err != nil {
			t.Fatalf("behind packet %d: %v", c.Number, err)
		}
		err := d.Decode(c.LinkType, c.Data, c.Length, &p)
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case strings.Contains(fields[0], "icmp"), strings.Contains(fields[0], "ayiya"), c.Length > 65535+14,
			errors.Is(err, link.ErrFragment), err == nil && p.Datagram.MoreFragments:
			continue
		}
		got, want := "none", strings.Join(fields[1:], " ")
		if err == nil && p.Datagram.Protocol == rawip.ProtocolTCP && len(p.Datagram.Payload) >= 20 {
			e := ends(&p)
			got = fmt.Sprint(e[0].Port(), e[1].Port())
			segments++
		}
		if want == " " {
			want = "none"
		}
		if got != want {
			t.Errorf("packet %d, %v, %s: %s (%v), want %s", c.Number, c.LinkType, fields[0], got, err, want)
		}
	}
	if err := r.Next(&c); err != io.EOF || c.Number < 10000 || segments < 5000 {
		t.Errorf("%d segments in %d packets, %v", segments, c.Number, err)
	}
	t.Logf("%d segments in %d packets", segments, c.Number)
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
