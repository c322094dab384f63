package icmp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
)

var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// quote is 28 octets of a datagram, all different.
var quote = octets(`
	45 01 00 3c 02 03 40 04 05 06 07 08 c0 00 02 09 c6 33 64 0a ; IPv4
	9c 0b 00 50 51 52 53 54                                     ; ports, sequence number
`)

// extension is what a router added behind 128 octets.
var extension = octets(`
	20 00 77 01             ; version 2, reserved, checksum
	00 0c 01 01             ; 12 octets, MPLS label stack
	18 96 04 01             ; label 100704, TC 2, TTL 1
	19 11 07 fe             ; label 102672, TC 3, bottom, TTL 254
	00 1c 02 0f             ; 28 octets, interface: incoming, with index, address, name and MTU
	00 00 00 0b             ; index 11
	00 01 00 00 0a 01 00 fe ; IPv4 10.1.0.254
	08 65 74 68 30 2e 35 00 ; "eth0.5", padded
	00 00 05 dc             ; MTU 1500
	00 06 63 64 d1 d2       ; 6 octets of a class that is not known
`)

// extended returns a message whose quote is padded to 128 octets, with the extension behind it.
func extended(rest [4]byte, extension []byte) icmp.Message {
	body := append(append([]byte(nil), quote...), make([]byte, 128-len(quote))...)
	return icmp.Message{Type: icmp.TimeExceeded, Rest: rest, Body: append(body, extension...)}
}

var objects = []icmp.Object{
	labelObject(icmp.Label{Label: 100704, TC: 2, TTL: 1}, icmp.Label{Label: 102672, TC: 3, Bottom: true, TTL: 254}),
	interfaceObject(icmp.Interface{Role: icmp.Incoming, Index: 11, Address: netip.MustParseAddr("10.1.0.254"), Name: "eth0.5", MTU: 1500}),
	{Class: 99, CType: 100, Payload: []byte{0xd1, 0xd2}},
}

func TestObjects(t *testing.T) {
	m := extended([4]byte{0, 32}, extension)
	got, err := m.Objects()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(objects, got); diff != "" {
		t.Errorf("objects (-want +got)\n%s", diff)
	}
	stack, ok := got[0].Labels()
	if want := []icmp.Label{{Label: 100704, TC: 2, TTL: 1}, {Label: 102672, TC: 3, Bottom: true, TTL: 254}}; !ok || !cmp.Equal(stack, want) {
		t.Errorf("label stack %+v", stack)
	}
	i, err := got[1].Interface()
	want := icmp.Interface{Index: 11, Address: netip.MustParseAddr("10.1.0.254"), Name: "eth0.5", MTU: 1500}
	if err != nil || i != want {
		t.Errorf("%+v, %v", i, err)
	}
	if _, ok := got[1].Labels(); ok {
		t.Error("an interface is taken for labels")
	}
	if _, err := got[0].Interface(); !errors.Is(err, icmp.ErrMalformed) {
		t.Errorf("labels are taken for an interface: %v", err)
	}
	if quoted, err := m.Quoted(); err != nil || len(quoted) != 128 || !bytes.HasPrefix(quoted, quote) {
		t.Errorf("quote of %d octets, %v", len(quoted), err)
	}
}

// TestExtended: what it writes is what is written above, octet by octet.
func TestExtended(t *testing.T) {
	m, err := icmp.Message{Type: icmp.TimeExceeded, Body: quote}.Extended(objects...)
	if err != nil {
		t.Fatal(err)
	}
	if want := extended([4]byte{0, 32}, extension); !bytes.Equal(m.Append(nil), want.Append(nil)) {
		t.Errorf("\n% x, want\n% x", m.Append(nil), want.Append(nil))
	}
	long, err := icmp.Message{Type: icmp.DestinationUnreachable, Code: 4, Rest: [4]byte{2: 0x05, 3: 0x78}, Body: make([]byte, 577)}.Extended(objects[0])
	if err != nil || long.Rest != [4]byte{0, 145, 0x05, 0x78} || len(long.Body) != 580+16 {
		t.Errorf("%v, %d octets, %v", long.Rest, len(long.Body), err)
	}
	if mtu, ok := long.NextHopMTU(); !ok || mtu != 1400 {
		t.Errorf("next-hop MTU %d", mtu)
	}
	for name, m := range map[string]icmp.Message{
		"redirect":             {Type: icmp.Redirect, Body: quote},
		"quote that is longer": {Type: icmp.TimeExceeded, Body: make([]byte, 1021)},
	} {
		if _, err := m.Extended(); !errors.Is(err, icmp.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestB57_Extensions: whatever is wrong with an extension, the quote is there, and so is what stands before the fault.
func TestB57_Extensions(t *testing.T) {
	set := func(at int, octets ...byte) []byte {
		b := append([]byte(nil), extension...)
		copy(b[at:], octets)
		b[2], b[3] = 0, 0 // no checksum
		return b
	}
	for _, test := range []struct {
		name    string
		message icmp.Message
		objects int
		quote   int
		octet   string // where it breaks
	}{
		{"no length, checksum", extended([4]byte{}, extension), 3, 128, ""},
		{"no length, no checksum", extended([4]byte{}, set(2)), 0, 128 + 50, ""},
		{"no length, wrong checksum", extended([4]byte{}, append(append([]byte(nil), extension[:3]...), append([]byte{0x77}, extension[4:]...)...)), 0, 128 + 50, ""},
		{"no length, version 1", extended([4]byte{}, append([]byte{0x10}, extension[1:]...)), 0, 128 + 50, ""},
		{"length, no checksum", extended([4]byte{0, 32}, set(2)), 3, 128, ""},
		{"length, wrong checksum", extended([4]byte{0, 32}, append(append([]byte(nil), extension[:3]...), append([]byte{0x77}, extension[4:]...)...)), 0, 128, "octet 130: checksum 0x7777"},
		{"length, version 3", extended([4]byte{0, 32}, set(0, 0x30)), 0, 128, "octet 128: version 3"},
		{"length of less than the padding", icmp.Message{Type: icmp.DestinationUnreachable, Rest: [4]byte{0, 7}, Body: append(append([]byte(nil), quote...), extension...)}, 3, 28, ""},
		{"length of one word", icmp.Message{Type: icmp.TimeExceeded, Rest: [4]byte{0, 1}, Body: quote}, 0, 28, ""},
		{"length of less than the headers", icmp.Message{Type: icmp.TimeExceeded, Rest: [4]byte{0, 6}, Body: quote}, 0, 28, ""},
		{"length of less than the padding, no checksum", icmp.Message{Type: icmp.TimeExceeded, Rest: [4]byte{0, 7}, Body: append(append([]byte(nil), quote...), set(2)...)}, 0, 28 + 50, ""},
		{"length of the quote without its padding", extended([4]byte{0, 7}, extension), 3, 128, ""},
		{"length of more than there is", icmp.Message{Type: icmp.DestinationUnreachable, Rest: [4]byte{0, 162, 5, 120}, Body: quote}, 0, 28, ""},
		{"length of all there is", icmp.Message{Type: icmp.ParameterProblem, Rest: [4]byte{9, 7}, Body: quote}, 0, 28, ""},
		{"three octets", extended([4]byte{0, 32}, extension[:3]), 0, 128, "octet 128: 3 octets are no header"},
		{"a header alone", extended([4]byte{0, 32}, set(2)[:4]), 0, 128, ""},
		{"object of 3 octets", extended([4]byte{0, 32}, set(16, 0, 3)), 1, 128, "octet 144: object of 3 octets"},
		{"object of no octets", extended([4]byte{0, 32}, set(16, 0, 0)), 1, 128, "octet 144: object of 0 octets"},
		{"object beyond the end", extended([4]byte{0, 32}, set(16, 0xff, 0xff)), 1, 128, "octet 144: object of 65535 octets"},
		{"half an object", extended([4]byte{0, 32}, set(2)[:19]), 1, 128, "octet 144: 3 octets are no object"},
		{"redirect", icmp.Message{Type: icmp.Redirect, Rest: [4]byte{10, 1, 0, 1}, Body: extended([4]byte{}, extension).Body}, 0, 128 + 50, ""},
	} {
		quoted, err := test.message.Quoted()
		if err != nil || len(quoted) != test.quote || !bytes.HasPrefix(quoted, quote) {
			t.Errorf("%s: quote of %d octets, %v; want %d", test.name, len(quoted), err, test.quote)
		}
		got, err := test.message.Objects()
		if len(got) != test.objects || (err == nil) != (test.octet == "") || err != nil && (!errors.Is(err, icmp.ErrMalformed) || !strings.Contains(err.Error(), test.octet)) {
			t.Errorf("%s: %d objects, %v; want %d, %q", test.name, len(got), err, test.objects, test.octet)
		}
	}
}

// TestB57_Truncated: a message that is cut off anywhere keeps its quote, and claims no object that cannot be trusted.
func TestB57_Truncated(t *testing.T) {
	for _, length := range []byte{0, 1, 7, 32} {
		whole := extended([4]byte{0, length}, extension)
		for n := range whole.Body {
			m := whole
			m.Body = whole.Body[:n:n]
			quoted, err := m.Quoted()
			if err != nil || !bytes.HasPrefix(quoted, quote[:min(n, len(quote))]) {
				t.Errorf("length %d, %d octets: quote % x, %v", length, n, quoted, err)
			}
			got, err := m.Objects()
			if len(got) != 0 || err != nil && !errors.Is(err, icmp.ErrMalformed) {
				t.Errorf("length %d, %d octets: %d objects, %v", length, n, len(got), err)
			}
		}
	}
}

func TestInterface(t *testing.T) {
	for _, i := range []icmp.Interface{
		{},
		{Role: icmp.NextHop, Address: netip.MustParseAddr("2001:db8::5")},
		{Role: icmp.Outgoing, Name: strings.Repeat("n", 63), MTU: 9000},
		{Role: icmp.SubIPIncoming, Index: 0xfffffffe, Name: "x"},
	} {
		o := interfaceObject(i)
		if got, err := o.Interface(); err != nil || got != i {
			t.Errorf("%+v, %v; want %+v", got, err, i)
		}
		for n := range o.Payload {
			cut := o
			cut.Payload = o.Payload[:n]
			if got, err := cut.Interface(); err == nil {
				t.Errorf("%d octets of %d are %+v", n, len(o.Payload), got)
			}
		}
	}
	for name, o := range map[string]icmp.Object{
		"address family 3":  {Class: 2, CType: 4, Payload: []byte{0, 3, 0, 0, 1, 2, 3, 4}},
		"name of no octets": {Class: 2, CType: 2, Payload: []byte{0, 'a', 'b', 'c'}},
		"name of 68 octets": {Class: 2, CType: 2, Payload: append([]byte{68}, make([]byte, 67)...)},
	} {
		if got, err := o.Interface(); !errors.Is(err, icmp.ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if icmp.Incoming.String()+icmp.SubIPIncoming.String()+icmp.Outgoing.String()+icmp.NextHop.String() != "incomingsub-ipoutgoingnext-hop" {
		t.Error("roles have other names")
	}
}

// TestExtensionsAsTsharkReadsThem holds label stacks and interfaces in others' captures against what tshark prints of them.
func TestExtensionsAsTsharkReadsThem(t *testing.T) {
	folder := os.Getenv("TCPPROBE_CORPUS")
	if folder == "" {
		folder = filepath.Join("..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("SKIPPED: there is no corpus: %v; set TCPPROBE_CORPUS to a folder with captures", err)
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("TCPPROBE_LAB_REQUIRED") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v: scripts/test installs it", err)
	}
	for file, fields := range map[string][]string{
		"mpls-traceroute.pcap": {"icmp.mpls.label", "icmp.mpls.exp", "icmp.mpls.s", "icmp.mpls.ttl"},
		"icmp-rfc5837.pcap":    {"icmp.int_info.role", "icmp.int_info.index", "icmp.int_info.ipv4", "icmp.int_info.name_length", "icmp.int_info.mtu"},
	} {
		var found string
		filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			if err == nil && filepath.Base(path) == file {
				found = path
			}
			return nil
		})
		if found == "" {
			continue // another corpus has others
		}
		args := []string{"-n", "-r", found, "-T", "fields"}
		for _, field := range fields {
			args = append(args, "-e", field)
		}
		out, err := exec.Command("tshark", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		got := ourFields(t, found)
		if len(got) != len(want) {
			t.Fatalf("%s: %d frames, tshark has %d", file, len(got), len(want))
		}
		some := 0
		for i := range want {
			if strings.Trim(want[i], "\t") != "" {
				some++
			}
			if got[i] != want[i] && strings.Trim(got[i]+want[i], "\t") != "" {
				t.Errorf("%s, frame %d: %q, tshark says %q", file, i+1, got[i], want[i])
			}
		}
		if some == 0 {
			t.Errorf("%s: tshark finds no extension", file)
		}
	}
}

// ourFields returns, for each frame of a capture, what tshark prints of its extension.
func ourFields(t *testing.T, name string) (lines []string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame, _, err := r.ReadPacketData()
		if err != nil {
			return lines
		}
		line := ""
		ip, ok := gopacket.NewPacket(frame, r.LinkType(), gopacket.Default).Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if ok && ip.Protocol == layers.IPProtocolICMPv4 {
			m, err := icmp.Parse(ip.Payload)
			if err != nil || icmp.Verify(ip.Payload) != checksum.Valid {
				t.Fatalf("frame %d: %v", len(lines)+1, err)
			}
			objects, err := m.Objects()
			if err != nil {
				t.Errorf("frame %d: %v", len(lines)+1, err)
			}
			line = fieldsOf(t, objects)
		}
		lines = append(lines, line)
	}
}

func fieldsOf(t *testing.T, objects []icmp.Object) string {
	t.Helper()
	var columns [4][]string
	for _, o := range objects {
		if stack, ok := o.Labels(); ok {
			for _, l := range stack {
				bottom := 0
				if l.Bottom {
					bottom = 1
				}
				for i, v := range []any{l.Label, l.TC, bottom, l.TTL} {
					columns[i] = append(columns[i], fmt.Sprint(v))
				}
			}
			continue
		}
		i, err := o.Interface()
		if err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		text := func(v any, zero bool) string {
			if zero {
				return ""
			}
			return fmt.Sprint(v)
		}
		return strings.Join([]string{fmt.Sprint(uint8(i.Role)), text(i.Index, i.Index == 0), text(i.Address, !i.Address.IsValid()), text(len(i.Name)+1, i.Name == ""), text(i.MTU, i.MTU == 0)}, "\t")
	}
	var cells []string
	for _, c := range columns {
		cells = append(cells, strings.Join(c, ","))
	}
	return strings.Join(cells, "\t")
}

func FuzzObjects(f *testing.F) {
	f.Add(extended([4]byte{0, 32}, extension).Append(nil))
	f.Add(extended([4]byte{}, extension).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := icmp.Parse(b)
		if err != nil {
			return
		}
		objects, err := m.Objects()
		if err != nil && !errors.Is(err, icmp.ErrMalformed) {
			t.Fatal(err)
		}
		for _, o := range objects {
			if stack, ok := o.Labels(); ok && !bytes.Equal(labelObject(stack...).Payload, o.Payload) {
				t.Errorf("% x are written as % x", o.Payload, labelObject(stack...).Payload)
			}
			if i, err := o.Interface(); err == nil {
				if again, err := interfaceObject(i).Interface(); err != nil || !cmp.Equal(again, i, compareAddr) {
					t.Errorf("%+v becomes %+v, %v", i, again, err)
				}
			}
		}
	})
}

// TestSmallestObject: an object without a payload is one, also as the last.
func TestSmallestObject(t *testing.T) {
	for name, octets := range map[string][]byte{
		"alone":  {0x20, 0, 0, 0, 0, 4, 99, 1},
		"behind": {0x20, 0, 0, 0, 0, 8, 98, 2, 1, 2, 3, 4, 0, 4, 99, 1},
		"before": {0x20, 0, 0, 0, 0, 4, 99, 1, 0, 5, 98, 2, 1},
	} {
		got, err := extended([4]byte{0, 32}, octets).Objects()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.ContainsFunc(got, func(o icmp.Object) bool { return o.Class == 99 && o.CType == 1 && len(o.Payload) == 0 }) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := extended([4]byte{0, 32}, []byte{0x20, 0, 0, 0, 0, 3, 99, 1}).Objects(); !errors.Is(err, icmp.ErrMalformed) {
		t.Errorf("an object of 3 octets: %v", err)
	}
}

// TestQuoteLength: the length attribute cuts the quote where there is something to cut, whatever follows.
func TestQuoteLength(t *testing.T) {
	for _, test := range []struct{ body, units, want int }{
		{128, 32, 128}, {132, 32, 128}, {136, 33, 132}, {132, 33, 132}, {128, 33, 128}, {127, 32, 127}, {300, 255, 300}, {1020, 255, 1020}, {1021, 255, 1020},
		{64, 16, 64}, {64, 15, 64}, {64, 17, 64}, {200, 31, 200}, {200, 0, 200}, {0, 255, 0}, {0, 0, 0},
	} {
		body := bytes.Repeat([]byte{0x5a}, test.body) // no extension by its own testimony
		quoted, err := icmp.Message{Type: icmp.TimeExceeded, Rest: [4]byte{0, byte(test.units)}, Body: body}.Quoted()
		if err != nil || len(quoted) != test.want {
			t.Errorf("%d octets and length %d: a quote of %d octets, %v; want %d", test.body, test.units, len(quoted), err, test.want)
		}
	}
}
