//go:build linux

package e2e_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// The control bits of segments, as tshark prints them.
const (
	bitsSYN    = "0x0002"
	bitsRST    = "0x0004"
	bitsACK    = "0x0010"
	bitsFINACK = "0x0011"
)

// TestOnTheWire captures whole probes: what leaves is the handshake and the chosen close, and nothing else.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	for _, close := range []struct {
		name string
		sent []string
	}{
		{"fin", []string{bitsSYN, bitsACK, bitsFINACK, bitsACK}},
		{"rst", []string{bitsSYN, bitsACK, bitsRST}},
		{"half", []string{bitsSYN, bitsRST}},
		{"none", []string{bitsSYN, bitsACK}},
	} {
		for _, send := range []string{"link", "ip"} {
			for i, family := range families {
				t.Run(close.name+" "+send+"/"+family, func(t *testing.T) {
					onTheWire(t, n, i, close.name, send, close.sent)
				})
			}
		}
	}
}

// onTheWire captures a whole probe in a family.
func onTheWire(t *testing.T, n *labtest.Network, family int, close, send string, sent []string) {
	t.Helper()
	source := []string{"10.1.0.2", "2001:db8:1::2"}[family]
	wire := labtest.Wire(t, n.Client, "eth0")
	resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]
	p := probeOnce(t, n.Client, exit.Established, "established", "-W=500ms", "--close", close, "--send", send, farServers[family]+":80")
	if after := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]; after != resets {
		t.Errorf("the kernel sent %d RSTs", after-resets)
	}
	if p.TCP.Send != send || p.TCP.Close != close {
		t.Errorf("send %s, close %s", p.TCP.Send, p.TCP.Close)
	}
	frames := wireFrames(t, wire)
	checkSent(t, frames, source, sent)
	checkTimestamps(t, frames, source)
	if send == "link" {
		checkTimes(t, frames, p)
	}
	asked := 0
	for _, f := range frames {
		switch {
		case f["arp.opcode"] == "1" && f["eth.src"] == clientMAC:
			asked++
			if f["arp.dst.proto_ipv4"] != "10.1.0.1" || f["arp.src.proto_ipv4"] != "10.1.0.2" || f["eth.dst"] != "ff:ff:ff:ff:ff:ff" {
				t.Errorf("an ARP request of ours: %q", f)
			}
		case f["icmpv6.type"] == "135" && f["eth.src"] == clientMAC && f["eth.dst"] != routerMAC:
			asked++
			if f["icmpv6.nd.ns.target_address"] != "2001:db8:1::1" || f["ip.src"] != source || f["eth.dst"] != "33:33:ff:00:00:01" || f["ip.ttl"] != "255" {
				t.Errorf("a neighbor solicitation of ours: %q", f)
			}
		case f["icmpv6.type"] != "":
		case f["arp.opcode"] == "" && f["tcp.flags"] == "":
			t.Errorf("another frame: %s", f["frame.protocols"])
		}
	}
	// By way of its IP it is the kernel that asks, unless it knows.
	if send == "link" && asked != 1 {
		t.Errorf("the next hop was asked for %d times, want 1", asked)
	}
}

const clientMAC, routerMAC = "02:00:0a:01:00:02", "02:00:0a:01:00:01"

// ofIPv4 are the fields of tshark that the IPv6 header has by other names.
var ofIPv4 = map[string]string{"ipv6.src": "ip.src", "ipv6.hlim": "ip.ttl", "ipv6.tclass": "ip.dsfield", "ipv6.tclass.dscp": "ip.dsfield.dscp"}

// wireFrames returns all that was captured, by the names of tshark's fields; of what both families have by the names of IPv4.
func wireFrames(t *testing.T, wire *labtest.Capture) []map[string]string {
	t.Helper()
	fields := []string{
		"frame.time_relative", "frame.protocols", "eth.src", "eth.dst", "arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4",
		"ip.src", "ip.checksum.status", "ip.ttl", "ip.flags.df", "ip.id", "ip.dsfield", "ip.dsfield.dscp",
		"tcp.srcport", "tcp.flags", "tcp.checksum.status", "tcp.len", "tcp.stream", "tcp.window_size_value",
		"tcp.option_kind", "tcp.options.mss_val", "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr",
		"ipv6.src", "ipv6.hlim", "ipv6.tclass", "ipv6.tclass.dscp", "ipv6.flow", "icmpv6.type", "icmpv6.nd.ns.target_address",
	}
	var frames []map[string]string
	for _, row := range wire.Tshark(t, "", fields...) {
		frame := make(map[string]string)
		for i, field := range fields {
			frame[field] = row[i]
		}
		for six, four := range ofIPv4 {
			if frame[six] != "" {
				frame[four] = frame[six]
			}
		}
		frames = append(frames, frame)
	}
	return frames
}

// checkSent checks the client's segments, and that each stands in a datagram as Linux would send it.
func checkSent(t *testing.T, frames []map[string]string, source string, want []string) {
	t.Helper()
	var sent []string
	for _, f := range frames {
		switch {
		case f["tcp.flags"] == "":
			continue
		case f["ip.src"] != source:
			if bits, err := strconv.ParseUint(f["tcp.flags"], 0, 16); err != nil || bits&0x04 != 0 {
				t.Errorf("the server reset the connection: %s", f["tcp.flags"])
			}
			continue
		}
		sent = append(sent, f["tcp.flags"])
		fields := map[string]string{"tcp.checksum.status": "1", "ip.ttl": "64", "tcp.len": "0", "tcp.stream": "0", "ip.dsfield.dscp": "0"}
		number := "ipv6.flow" // what tells datagrams apart
		if f[number] == "" {
			number, fields["ip.checksum.status"] = "ip.id", "1"
			if df := f["ip.flags.df"]; df != "True" && df != "1" {
				t.Errorf("%s: DF is %s", f["tcp.flags"], df)
			}
		}
		if n, err := strconv.ParseUint(f[number], 0, 32); err != nil || n == 0 {
			t.Errorf("%s: %s %s", f["tcp.flags"], number, f[number])
		}
		for field, want := range fields {
			if f[field] != want {
				t.Errorf("%s: %s is %s, want %s", f["tcp.flags"], field, f[field], want)
			}
		}
	}
	if !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
}

// checkTimestamps: once both sides have sent time stamps, every segment carries them and echoes the peer's (RFC 7323 3.2).
func checkTimestamps(t *testing.T, frames []map[string]string, source string) {
	t.Helper()
	var ours, theirs []string
	for _, f := range frames {
		if bits := f["tcp.flags"]; bits == "" || bits == bitsRST {
			continue
		}
		value, echo := f["tcp.options.timestamp.tsval"], f["tcp.options.timestamp.tsecr"]
		mine, known := &theirs, ours
		if f["ip.src"] == source {
			mine, known = &ours, theirs
		}
		*mine = append(*mine, value)
		if known == nil {
			known = []string{"0"}
		}
		if value == "" || !slices.Contains(known, echo) {
			t.Errorf("%s from %s: time stamp %q, echo %q, want one of %q", f["tcp.flags"], f["ip.src"], value, echo, known)
		}
	}
}

// checkTimes compares the times of the result with those of the capture, for which the kernel's stamps are the same.
func checkTimes(t *testing.T, frames []map[string]string, p probeLine) {
	t.Helper()
	if p.TCP.Clock != "kernel" {
		t.Errorf("the clock is %s", p.TCP.Clock)
	}
	var at []float64
	for _, f := range frames {
		if f["tcp.flags"] != "" {
			seconds, err := strconv.ParseFloat(f["frame.time_relative"], 64)
			must(t, err)
			at = append(at, seconds)
		}
	}
	if len(at) < 3 {
		t.Fatalf("%d segments were captured", len(at))
	}
	const tolerance = 20 * time.Microsecond
	rtt := time.Duration((at[1] - at[0]) * 1e9)
	if off := time.Duration(*p.TCP.RTT) - rtt; off.Abs() > tolerance {
		t.Errorf("rtt %v, the wire says %v", time.Duration(*p.TCP.RTT), rtt)
	}
	if p.TCP.Close == "fin" {
		connect := time.Duration((at[2] - at[0]) * 1e9)
		if off := time.Duration(*p.TCP.Connect) - connect; off.Abs() > tolerance {
			t.Errorf("connect %v, the wire says %v", time.Duration(*p.TCP.Connect), connect)
		}
	}
}

// TestSYNLooksLikeLinux compares our SYN with that of connect(2) from the same host.
func TestSYNLooksLikeLinux(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ family, mtu int }{{0, 576}, {0, 1280}, {0, 1500}, {0, 9000}, {1, 1280}, {1, 1500}, {1, 9000}} {
		mtu, headers := test.mtu, []int{40, 60}[test.family]
		t.Run(fmt.Sprintf("%s %d", families[test.family], mtu), func(t *testing.T) {
			build := []func(testing.TB, ...netlab.LinkOption) (a, b *netlab.Host){labtest.Pair, labtest.DualPair}[test.family]
			a, b := build(t, netlab.MTU(mtu))
			target := peers[test.family] + ":80"
			listener, err := b.Listen("tcp", target)
			must(t, err)
			defer listener.Close()
			wire := labtest.Wire(t, a, "eth0")
			conn, err := a.Dial(t.Context(), "tcp", target)
			must(t, err)
			conn.Close()
			probeOnce(t, a, exit.Established, "established", target, "--close=rst")
			probeOnce(t, a, exit.Established, "established", target, "--close=rst", "--send=ip")
			rows := wire.Tshark(t, "tcp.flags == 0x0002", "ip.len", "ip.ttl", "ip.flags.df", "ip.dsfield", "tcp.hdr_len",
				"tcp.option_kind", "tcp.options.mss_val", "tcp.options.timestamp.tsecr", "tcp.window_size_value", "tcp.urgent_pointer",
				"ipv6.plen", "ipv6.hlim", "ipv6.tclass", "ipv6.nxt")
			if len(rows) != 3 {
				t.Fatalf("%d SYNs, want 3", len(rows))
			}
			linux := rows[0]
			for _, ours := range rows[1:] {
				// The window follows from the MSS and from how much memory the kernel gives to a socket.
				got, want := slices.Clone(ours), slices.Clone(linux)
				got[8], want[8] = "", ""
				if !slices.Equal(got, want) {
					t.Errorf("our SYN\n%q, that of Linux\n%q", ours, linux)
				}
				if mtu == 1500 && test.family == 0 && ours[8] != linux[8] { // of IPv6, Linux has 64800
					t.Errorf("window %s, that of Linux %s", ours[8], linux[8])
				}
				if ours[6] != fmt.Sprint(mtu-headers) {
					t.Errorf("MSS %s for MTU %d", ours[6], mtu)
				}
			}
		})
	}
}

// TestSYNAsAsked looks at the SYN that the flags describe.
func TestSYNAsAsked(t *testing.T) {
	t.Parallel()
	a, _ := labtest.DualPair(t)
	tests := []struct {
		flag  string
		field string
		want  string
	}{
		{"--ttl=7", "ip.ttl", "7"},
		{"--dscp=46", "ip.dsfield.dscp", "46"},
		{"--mss=536", "tcp.options.mss_val", "536"},
		{"--window=1000", "tcp.window_size_value", "1000"},
		{"--source-port=4321", "tcp.srcport", "4321"},
		{"--syn=bare", "tcp.option_kind", ""},
		{"--syn=ecn", "tcp.flags", "0x00c2"},
		{"--syn=accecn", "tcp.flags", "0x01c2"},
	}
	for family, source := range []string{"10.0.0.1", "2001:db8::1"} {
		for _, send := range []string{"link", "ip"} {
			wire := labtest.Wire(t, a, "eth0")
			for _, test := range tests {
				probeOnce(t, a, exit.Refused, "refused", peers[family]+":7", test.flag, "--send", send)
			}
			var syns []map[string]string
			for _, f := range wireFrames(t, wire) {
				if f["ip.src"] == source && f["tcp.flags"] != "" {
					syns = append(syns, f)
				}
			}
			if len(syns) != len(tests) {
				t.Fatalf("%d SYNs, want %d", len(syns), len(tests))
			}
			for i, test := range tests {
				if f := syns[i]; f[test.field] != test.want || f["tcp.checksum.status"] != "1" || family == 0 && f["ip.checksum.status"] != "1" {
					t.Errorf("%s, --send %s to %s: %s is %s, want %s; checksums %s, %s",
						test.flag, send, peers[family], test.field, f[test.field], test.want, f["tcp.checksum.status"], f["ip.checksum.status"])
				}
			}
		}
	}
}

// TestRetransmission: the same SYN again, but for the time and what tells datagrams apart, after 1 s.
func TestRetransmission(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, i int) {
		a, b := labtest.DualPair(t)
		labtest.Nft(t, b, silence)
		wire := labtest.Wire(t, a, "eth0")
		p := probeOnce(t, a, exit.Timeout, "timeout", peers[i]+":80", "-W=1500ms")
		if p.TCP.SYNSent != 2 || p.TCP.RTT != nil || p.TCP.AnsweredSYN != 0 {
			t.Errorf("%d SYNs, rtt %v, answered SYN %d", p.TCP.SYNSent, p.TCP.RTT, p.TCP.AnsweredSYN)
		}
		number := []string{"ip.id", "ipv6.flow"}[i]
		rows := wire.Tshark(t, "tcp", "tcp.srcport", "tcp.seq_raw", "tcp.flags", "tcp.option_kind", "tcp.options.timestamp.tsval", number, "frame.time_relative")
		if len(rows) != 2 || !slices.Equal(rows[0][:4], rows[1][:4]) || rows[0][4] == rows[1][4] || rows[0][5] == rows[1][5] {
			t.Fatalf("on the wire:\n%s", strings.Join(slices.Concat(rows...), " "))
		}
		var at [2]float64
		for i := range at {
			var err error
			at[i], err = strconv.ParseFloat(rows[i][6], 64)
			must(t, err)
		}
		if pause := at[1] - at[0]; pause < 1 || pause > 1.2 {
			t.Errorf("the second SYN left after %.3f s, want 1 s", pause)
		}
	})
}
