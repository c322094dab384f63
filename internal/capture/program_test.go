package capture_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/capture"
)

// tshark returns what tshark prints of a file, and whether it read the file to its end.
func tshark(t *testing.T, file []byte, arguments ...string) (string, bool) {
	t.Helper()
	stdout, stderr, err := read(t, "tshark", file, arguments...)
	if err != nil && !strings.Contains(stderr, "cut short") {
		t.Fatalf("tshark: %v\n%s", err, stderr)
	}
	return stdout, err == nil
}

// read has a program read a file, and returns what it prints. The program and its Debian package have the same name.
func read(t *testing.T, program string, file []byte, arguments ...string) (string, string, error) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is needed, of the Debian package %[1]s: %v", program, err)
	}
	// Where AppArmor confines tcpdump, the end of the name decides what it may read.
	name := filepath.Join(t.TempDir(), "capture.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd := exec.Command(path, append([]string{"-r", name}, arguments...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// strict makes tshark verify every checksum.
var strict = []string{"-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"}

// fields are the arguments by which tshark prints some fields of each packet, in lines, with bars between them.
func fields(names ...string) []string {
	arguments := append([]string{"-T", "fields", "-E", "separator=|", "-E", "occurrence=a"}, strict...)
	for _, name := range names {
		arguments = append(arguments, "-e", name)
	}
	return arguments
}

func TestTshark(t *testing.T) {
	s := secondSYN(t)
	file := written(t, capture.PCAPNG, s)
	got, whole := tshark(t, file, fields("frame.interface_name", "frame.time_epoch", "frame.packet_flags_direction",
		"frame.protocols", "frame.comment")...)
	want := strings.Join([]string{
		"dns|1795348800.123456789|0x00000002|eth:ethertype:ip:udp:dns|DNS A? example.com, ask 203.0.113.53,the IPv4 and UDP headers are reconstructed: a socket of the kernel carried the message,the Ethernet header, if there was one, is not known: its addresses are zeros",
		"dns|1795348800.125368789|0x00000001|eth:ethertype:ip:udp:dns|DNS A 192.0.2.80, ttl 3600,after 1.912 ms,the IPv4 and UDP headers are reconstructed: a socket of the kernel carried the message,the Ethernet header, if there was one, is not known: its addresses are zeros",
		"eth0|1795348800.125407789|0x00000002|eth:ethertype:arp|ARP who has 198.51.100.1",
		"eth0|1795348800.125696789|0x00000001|eth:ethertype:arp|ARP 198.51.100.1 is at 02:21:22:23:24:25,after 0.289 ms",
		"eth0|1795348800.125757789|0x00000002|eth:ethertype:ip:tcp|TCP SYN [000010], mss 1460",
		"eth0|1795348801.126100789|0x00000002|eth:ethertype:ip:tcp|TCP SYN [000010], again (1 of 2, after 1 s),SYN 2: the first was not answered in time",
		"eth0|1795348801.137741789|0x00000001|eth:ethertype:ip:tcp|TCP SYN,ACK [010010], mss 1400, ttl 64, answers SYN 2 of 2,rtt 11.641 ms,outcome: established,SYN 2 of 2 was answered: the first was lost, or the answer was",
		"eth0|1795348801.137769789|0x00000002|eth:ethertype:ip:tcp|TCP ACK [010000], ESTABLISHED,after 0.028 ms",
		"eth0|1795348802.138356789|0x00000001|eth:ethertype:ip:tcp|TCP SYN,ACK [010010], ttl 64, again,finding: duplicate_syn_ack,the checksum is not filled in: the sender leaves that to a network card",
		"eth0|1795348802.138426789|0x00000002|eth:ethertype:ip:tcp|TCP RST [000100], CLOSE,the time is of this process, not of the kernel",
	}, "\n") + "\n"
	if diff := cmp.Diff(want, got); diff != "" || !whole {
		t.Errorf("whole %v, -want +got:\n%s", whole, diff)
	}
}

// TestTsharkFindsNoFault has every checksum verified (1 is good), and looks for packets that make no sense.
func TestTsharkFindsNoFault(t *testing.T) {
	for _, format := range []capture.Format{capture.PCAPNG, capture.PCAP} {
		file := written(t, format, secondSYN(t), rejectedSYN(t))
		got, _ := tshark(t, file, fields("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status")...)
		// Of the segment that an ICMP error quotes there is too little to verify, but its IPv4 header is whole.
		want := "1|1||\n1|1||\n|||\n|||\n" + strings.Repeat("1||1|\n", 6) + "1|1||\n1|1||\n1||1|\n1,1|||1\n"
		if got != want {
			t.Errorf("format %d: checksums\n%swant\n%s", format, got, want)
		}
		if faults, _ := tshark(t, file, append(strict, "-Y", "_ws.malformed || _ws.short")...); faults != "" {
			t.Errorf("format %d: malformed:\n%s", format, faults)
		}
	}
}

// TestTcpdump checks that libpcap reads the files too: it wants one link type.
func TestTcpdump(t *testing.T) {
	const (
		zeros     = " 00:00:00:00:00:00 > 00:00:00:00:00:00, "
		broadcast = " 02:11:12:13:14:15 > ff:ff:ff:ff:ff:ff, "
		sent      = " 02:11:12:13:14:15 > 02:21:22:23:24:25, "
		received  = " 02:21:22:23:24:25 > 02:11:12:13:14:15, "
		ours      = "198.51.100.15.48211 > 192.0.2.80.80: tcp 0"
		theirs    = "192.0.2.80.80 > 198.51.100.15.48211: tcp 0"
	)
	want := strings.Join([]string{
		"1795348800.123456789" + zeros + "IPv4, length 71: 198.51.100.15.35117 > 203.0.113.53.53: UDP, length 29",
		"1795348800.125368789" + zeros + "IPv4, length 87: 203.0.113.53.53 > 198.51.100.15.35117: UDP, length 45",
		"1795348800.125407789" + broadcast + "ARP, length 42: Request who-has 198.51.100.1 tell 198.51.100.15, length 28",
		"1795348800.125696789" + received + "ARP, length 42: Reply 198.51.100.1 is-at 02:21:22:23:24:25, length 28",
		"1795348800.125757789" + sent + "IPv4, length 58: " + ours,
		"1795348801.126100789" + sent + "IPv4, length 58: " + ours,
		"1795348801.137741789" + received + "IPv4, length 58: " + theirs,
		"1795348801.137769789" + sent + "IPv4, length 54: " + ours,
		"1795348802.138356789" + received + "IPv4, length 54: " + theirs,
		"1795348802.138426789" + sent + "IPv4, length 54: " + ours,
		"1795348800.123456789" + zeros + "IPv4, length 71: 198.51.100.15.35117 > 203.0.113.53.53: UDP, length 29",
		"1795348800.125368789" + zeros + "IPv4, length 87: 203.0.113.53.53 > 198.51.100.15.35117: UDP, length 45",
		"1795348800.125757789" + zeros + "IPv4, length 54: " + ours,
		"1795348800.131576789" + zeros + "IPv4, length 70: 203.0.113.9 > 198.51.100.15: ICMP host 192.0.2.80 unreachable - admin prohibited filter, length 36",
	}, "\n") + "\n"
	for _, format := range []capture.Format{capture.PCAPNG, capture.PCAP} {
		file := written(t, format, secondSYN(t), rejectedSYN(t))
		got, stderr, err := read(t, "tcpdump", file, "-n", "-e", "-q", "-tt", "--nano")
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !strings.Contains(stderr, "link-type EN10MB (Ethernet)") {
			t.Errorf("format %d: %v, %s-want +got:\n%s", format, err, stderr, diff)
		}
	}
}

// TestTsharkResolves checks that the names in the file are those of the packets after it.
func TestTsharkResolves(t *testing.T) {
	got, _ := tshark(t, written(t, capture.PCAPNG, secondSYN(t)), "-N", "nd", "-Y", "tcp.flags == 0x012", "-T", "fields", "-e", "ip.src_host")
	if want := "example.com\nexample.com\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTsharkReadsWhatWasKilled cuts the file in the middle of every packet, as TestCut does at every octet.
func TestTsharkReadsWhatWasKilled(t *testing.T) {
	var file recorder
	w, err := capture.NewWriter(&file, capture.PCAPNG, info)
	if err != nil {
		t.Fatal(err)
	}
	s := secondSYN(t)
	packets := 0
	for i := range s.Events {
		before := bytes.Join(file.writes, nil)
		if err := w.Event(s.Result, &s.Events[i]); err != nil {
			t.Fatal(err)
		}
		if len(s.Events[i].Octets) == 0 {
			continue
		}
		last := file.writes[len(file.writes)-1]
		got, whole := tshark(t, append(before, last[:len(last)/2]...))
		if lines := strings.Count(got, "\n"); lines != packets || whole {
			t.Errorf("cut in event %d: %d packets, whole %v; want %d, cut short", i, lines, whole, packets)
		}
		packets++
	}
	got, whole := tshark(t, bytes.Join(file.writes, nil)) // killed before the Result
	if lines := strings.Count(got, "\n"); lines != packets || !whole {
		t.Errorf("uncut: %d packets, whole %v; want %d", lines, whole, packets)
	}
}
