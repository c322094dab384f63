package capture_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/internal/capture"
	"tcpprobe/probe"
)

// written writes the whole of a exchange.
func written(t *testing.T, f capture.Format, exchanges ...*exchange) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := capture.NewWriter(&b, f, info)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range exchanges {
		for i := range s.Events {
			if err := w.Event(s.Result, &s.Events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Result(s.Result); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// record is a packet as it is read back.
type record struct {
	Interface string
	Time      time.Time
	Octets    []byte
	Direction pcapgo.NgEpbFlag
	Comments  []string
}

// readNG reads a pcapng file back, up to where it breaks off.
func readNG(t *testing.T, file []byte) ([]record, *pcapgo.NgReader, error) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		return nil, nil, err
	}
	var records []record
	for {
		octets, ci, options, err := r.ReadPacketDataWithOptions()
		if err != nil {
			return records, r, err
		}
		on, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record{on.Name, ci.Timestamp, octets, options.Flags.Direction, options.Comments})
	}
}

// link returns what stands before the payload of a frame.
func link(destination, source [6]byte, etherType uint16) []byte {
	return append(append(destination[:], source[:]...), byte(etherType>>8), byte(etherType))
}

func TestReadBack(t *testing.T) {
	s := secondSYN(t)
	got, r, err := readNG(t, written(t, capture.PCAPNG, s))
	if err != io.EOF {
		t.Fatal(err)
	}
	const in, out = pcapgo.NgEpbFlagDirectionInbound, pcapgo.NgEpbFlagDirectionOutbound
	const reconstructed = "the IPv4 and UDP headers are reconstructed: a socket of the kernel carried the message"
	const unknown = "the Ethernet header, if there was one, is not known: its addresses are zeros"
	broadcast := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	time := func(i int) time.Time { return s.Events[i].At.Time().UTC() }
	octets := func(i int) []byte { return s.Events[i].Octets }
	sent := link(gatewayMAC, ourMAC, 0x0800)
	received := link(ourMAC, gatewayMAC, 0x0800)
	want := []record{
		{"dns", time(0), append([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00"+
			"\x45\x00\x00\x39\x00\x00\x00\x00\x40\x11\x14\x3c\xc6\x33\x64\x0f\xcb\x00\x71\x35"+
			"\x89\x2d\x00\x35\x00\x25\xf6\x3b"), octets(0)...), out,
			[]string{"DNS A? example.com, ask 203.0.113.53", reconstructed, unknown}},
		{"dns", time(1), append([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00"+
			"\x45\x00\x00\x49\x00\x00\x00\x00\x40\x11\x14\x2c\xcb\x00\x71\x35\xc6\x33\x64\x0f"+
			"\x00\x35\x89\x2d\x00\x35\x02\x0a"), octets(1)...), in,
			[]string{"DNS A 192.0.2.80, ttl 3600", "after 1.912 ms", reconstructed, unknown}},
		{"eth0", time(3), append(link(broadcast, ourMAC, 0x0806), octets(3)...), out,
			[]string{"ARP who has 198.51.100.1"}},
		{"eth0", time(4), append(link(ourMAC, gatewayMAC, 0x0806), octets(4)...), in,
			[]string{"ARP 198.51.100.1 is at 02:21:22:23:24:25", "after 0.289 ms"}},
		{"eth0", time(5), append(sent, octets(5)...), out,
			[]string{"TCP SYN [000010], mss 1460"}},
		{"eth0", time(6), append(sent, octets(6)...), out,
			[]string{"TCP SYN [000010], again (1 of 2, after 1 s)", "SYN 2: the first was not answered in time"}},
		{"eth0", time(7), append(received, octets(7)...), in,
			[]string{"TCP SYN,ACK [010010], mss 1400, ttl 64, answers SYN 2 of 2", "rtt 11.641 ms", "outcome: established",
				"SYN 2 of 2 was answered: the first was lost, or the answer was"}},
		{"eth0", time(8), append(sent, octets(8)...), out,
			[]string{"TCP ACK [010000], ESTABLISHED", "after 0.028 ms"}},
		{"eth0", time(9), append(received, octets(9)...), in,
			[]string{"TCP SYN,ACK [010010], ttl 64, again", "finding: duplicate_syn_ack",
				"the checksum is not filled in: the sender leaves that to a network card"}},
		{"eth0", time(10), append(sent, octets(10)...), out,
			[]string{"TCP RST [000100], CLOSE", "the time is of this process, not of the kernel"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if section := r.SectionInfo(); section.OS != "Linux" || section.Application != "tcpprobe 0.1.0" {
		t.Errorf("section %+v", section)
	}
	if r.NInterfaces() != 2 {
		t.Fatalf("%d interfaces", r.NInterfaces())
	}
	for i, want := range []pcapgo.NgInterface{
		{Name: "dns", LinkType: layers.LinkTypeEthernet, Filter: ""},
		{Name: "eth0", LinkType: layers.LinkTypeEthernet, Filter: "tcp or icmp"},
	} {
		got, _ := r.Interface(i)
		if got.Name != want.Name || got.LinkType != want.LinkType || got.Filter != want.Filter || got.TimestampResolution != 9 {
			t.Errorf("interface %d: %+v", i, got)
		}
	}
	if r.NNames() != 1 {
		t.Fatalf("%d names", r.NNames())
	}
	if name, _ := r.Name(0); len(name.Names) != 1 || name.Names[0] != "example.com" || !cmp.Equal(name.Addr, &pcapgo.NgIPAddress{Addr: remote.Addr()}, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
		t.Errorf("name %+v", name)
	}
}

func TestReadBackPCAP(t *testing.T) {
	s := secondSYN(t)
	s.frames = false
	s.handshake()
	r, err := pcapgo.NewReader(bytes.NewReader(written(t, capture.PCAP, s)))
	if err != nil {
		t.Fatal(err)
	}
	if r.LinkType() != layers.LinkTypeEthernet {
		t.Errorf("link type %v", r.LinkType())
	}
	var none [6]byte
	for i, e := range s.Events {
		if len(e.Octets) == 0 {
			continue
		}
		octets, ci, err := r.ReadPacketData()
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		if !ci.Timestamp.Equal(e.At.Time()) {
			t.Errorf("event %d: time %v, want %v", i, ci.Timestamp, e.At.Time())
		}
		want := link(none, none, 0x0800)
		switch {
		case e.Kind == probe.EventDNSQuery || e.Kind == probe.EventDNSAnswer:
			want = append(want, octets[14:14+28]...) // headers: see TestReadBack
		case e.Frame != nil:
			etherType := uint16(0x0800)
			if e.Neighbor != nil {
				etherType = 0x0806
			}
			want = link(e.Frame.Destination, e.Frame.Source, etherType)
		}
		if want = append(want, e.Octets...); !bytes.Equal(octets, want) {
			t.Errorf("event %d: % x, want % x", i, octets, want)
		}
	}
	if _, _, err := r.ReadPacketData(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// TestComments checks what is said of packets in handshakes that end otherwise.
func TestComments(t *testing.T) {
	refused := newExchange(t)
	refused.out(0, 0x02, iss, 0, nil)
	again := refused.out(1000000, 0x02, iss, 0, nil).Segment
	again.Again, again.After = 1, time.Second
	third := refused.out(3000000, 0x02, iss, 0, nil).Segment
	third.Again, third.After = 2, 2*time.Second
	e := refused.in(3011000, 0x14, 0, iss+1, nil, probe.VerdictRefused)
	e.Step = 11 * time.Millisecond
	refused.Outcome, refused.TCP = probe.OutcomeRefused, &probe.TCP{Remote: remote, SYNSent: 3, Answered: true, RTT: e.Step, RTTAmbiguous: true}

	rejected := newExchange(t)
	rejected.out(2301, 0x02, iss, 0, nil)
	rejected.rejected(8120)

	for _, test := range []struct {
		name     string
		exchange *exchange
		packet   int
		want     []string
	}{
		{"third SYN", refused, 2, []string{"TCP SYN [000010], again (after 2 s)", "SYN 3: the 2 before were not answered in time"}},
		{"refused, not known which SYN", refused, 3, []string{
			"TCP RST,ACK [010100], ttl 64, answers one of 3 SYNs", "rtt 11.000 ms (ambiguous)", "outcome: refused",
		}},
		{"rejected", rejected, 1, []string{"ICMP 3/13 administratively prohibited, from 203.0.113.9", "rtt 5.819 ms"}},
	} {
		records, _, err := readNG(t, written(t, capture.PCAPNG, test.exchange))
		if err != io.EOF {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, records[test.packet].Comments); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.name, diff)
		}
	}
}

// TestOverTCP checks that DNS messages without known headers are left out, and that the file says so.
func TestOverTCP(t *testing.T) {
	s := newExchange(t)
	s.resolved("tcp")
	file := written(t, capture.PCAPNG, s)
	if records, _, err := readNG(t, file); len(records) > 0 || err == nil {
		t.Errorf("%+v, %v", records, err)
	}
	if !bytes.Contains(file, []byte("not in this file: 2 DNS messages")) {
		t.Errorf("%q", file)
	}
}

// TestCut cuts the file at every octet: all packets before the cut can be read.
func TestCut(t *testing.T) {
	var file recorder
	w, err := capture.NewWriter(&file, capture.PCAPNG, info)
	if err != nil {
		t.Fatal(err)
	}
	s := secondSYN(t)
	whole := bytes.Clone(file.writes[0])
	wholeBy := make([]int, len(whole)) // the number of packets before each octet
	packets := 0
	for i := range s.Events {
		file.writes = nil
		if err := w.Event(s.Result, &s.Events[i]); err != nil {
			t.Fatal(err)
		}
		if len(file.writes) > 1 {
			t.Errorf("event %d took %d writes", i, len(file.writes))
		}
		for _, b := range file.writes {
			for range b {
				wholeBy = append(wholeBy, packets)
			}
			whole = append(whole, b...)
		}
		if len(s.Events[i].Octets) > 0 {
			packets++
		}
	}
	wholeBy = append(wholeBy, packets)
	for cut := range wholeBy {
		records, _, err := readNG(t, whole[:cut])
		if len(records) < wholeBy[cut] || len(records) > wholeBy[cut]+1 {
			t.Errorf("%d octets: %d packets, want %d (%v)", cut, len(records), wholeBy[cut], err)
		}
	}
}

// full refuses to be written to after a number of writes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteError(t *testing.T) {
	for _, format := range []capture.Format{capture.PCAPNG, capture.PCAP} {
		if _, err := capture.NewWriter(&full{}, format, info); err != errFull {
			t.Errorf("begin: %v", err)
		}
		w, err := capture.NewWriter(&full{1}, format, info)
		if err != nil {
			t.Fatal(err)
		}
		s := secondSYN(t)
		if err := w.Event(s.Result, &s.Events[0]); err != errFull {
			t.Errorf("event: %v", err)
		}
		if err := w.Result(s.Result); format == capture.PCAPNG && err != errFull {
			t.Errorf("result: %v", err)
		}
	}
}

// TestPath checks that the SYNs of a trace say how far they get, that what was found stands in the end, and that a comment
// that is longer than any reader has patience for is one all the same.
func TestPath(t *testing.T) {
	for _, f := range []capture.Format{capture.PCAPNG, capture.PCAP} {
		var b bytes.Buffer
		w, err := capture.NewWriter(&b, f, info)
		if err != nil {
			t.Fatal(err)
		}
		for ttl := range 2 {
			s := bareSYN(t)
			s.Events[0].Segment.TTL = uint8(1 + ttl)
			if err := w.Event(s.Result, &s.Events[0]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Path("TIMEOUT  example.com:80  no hop answers", []string{strings.Repeat("long ", 2000)}); err != nil {
			t.Fatal(err)
		}
		if f == capture.PCAP {
			if strings.Contains(b.String(), "no hop answers") {
				t.Error("pcap has no place for comments")
			}
			continue
		}
		records, _, err := readNG(t, b.Bytes())
		if err != io.EOF || len(records) != 2 {
			t.Fatalf("%d packets, %v", len(records), err)
		}
		for i, want := range []string{"ttl 1: it gets 1 hop far at the most", "ttl 2: it gets 2 hops far at the most"} {
			if !slices.Contains(records[i].Comments, want) {
				t.Errorf("packet %d: no %q in %q", i, want, records[i].Comments)
			}
		}
		for _, want := range []string{"TIMEOUT  example.com:80  no hop answers", "note: " + strings.Repeat("long ", 818)} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %.40q in the file", want)
			}
		}
	}
}
