//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
	n := labtest.Journey(t)
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
			t.Run(close.name+" "+send, func(t *testing.T) {
				wire := labtest.Wire(t, n.Client, "eth0")
				resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]
				p := probeOnce(t, n.Client, exitEstablished, "established", "-W=500ms", "--close", close.name, "--send", send, "10.3.0.80:80")
				if after := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]; after != resets {
					t.Errorf("the kernel sent %d RSTs", after-resets)
				}
				if p.TCP.Send != send || p.TCP.Close != close.name {
					t.Errorf("send %s, close %s", p.TCP.Send, p.TCP.Close)
				}
				checkSent(t, wire, close.sent)
				if send == "link" {
					checkTimes(t, wire, p)
				}

				arp := wire.Tshark(t, "arp.opcode == 1 && eth.src == 02:00:0a:01:00:02", "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "eth.dst")
				want := [][]string{{"10.1.0.2", "10.1.0.1", "ff:ff:ff:ff:ff:ff"}}
				if send == "ip" {
					want = nil // the kernel asks, if it does not know yet
				}
				if send == "link" && !slices.EqualFunc(arp, want, slices.Equal) {
					t.Errorf("ARP requests %q, want %q", arp, want)
				}
				if other := wire.Tshark(t, "!arp && !tcp", "frame.protocols"); len(other) != 0 {
					t.Errorf("other frames: %q", other)
				}
			})
		}
	}
}

// checkSent checks the client's segments, and that each stands in a datagram as Linux would send it.
func checkSent(t *testing.T, wire *labtest.Capture, want []string) {
	t.Helper()
	rows := wire.Tshark(t, "tcp && ip.src == 10.1.0.2",
		"tcp.flags", "tcp.checksum.status", "ip.checksum.status", "ip.ttl", "ip.flags.df", "ip.id", "ip.dsfield", "tcp.window_size_value", "tcp.len", "tcp.stream")
	var sent []string
	for i, row := range rows {
		sent = append(sent, row[0])
		if good := []string{"1", "1", "64"}; !slices.Equal(row[1:4], good) {
			t.Errorf("segment %d: checksums and TTL %q, want %q", i, row[1:4], good)
		}
		if row[4] != "True" && row[4] != "1" {
			t.Errorf("segment %d: DF is %s", i, row[4])
		}
		if id, err := strconv.ParseUint(row[5], 0, 16); err != nil || id == 0 {
			t.Errorf("segment %d: Identification %s", i, row[5])
		}
		if row[6] != "0x00" || row[8] != "0" || row[9] != "0" {
			t.Errorf("segment %d: DS field %s, %s octets of data, of connection %s", i, row[6], row[8], row[9])
		}
	}
	if !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
	if rows := wire.Tshark(t, "tcp.flags.reset == 1 && ip.dst == 10.1.0.2", "frame.number"); len(rows) != 0 {
		t.Error("the server reset the connection")
	}

	// Once both sides have sent time stamps, every segment carries them and echoes the peer's (RFC 7323 3.2).
	rows = wire.Tshark(t, "tcp && tcp.flags.reset == 0", "ip.src", "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr")
	var theirs []string
	ours := ""
	for i, row := range rows {
		switch {
		case row[0] != "10.1.0.2":
			theirs = append(theirs, row[1])
			if row[2] != ours && len(theirs) == 1 {
				t.Errorf("the SYN-ACK echoes %s, we sent %s", row[2], ours)
			}
		case len(theirs) == 0:
			if ours = row[1]; row[2] != "0" {
				t.Errorf("the SYN echoes %s", row[2])
			}
		case !slices.Contains(theirs, row[2]):
			t.Errorf("segment %d echoes %s, the server sent %q", i, row[2], theirs)
		}
	}
}

// checkTimes compares the times of the result with those of the capture, for which the kernel's stamps are the same.
func checkTimes(t *testing.T, wire *labtest.Capture, p probeLine) {
	t.Helper()
	if p.TCP.Clock != "kernel" {
		t.Errorf("the clock is %s", p.TCP.Clock)
	}
	rows := wire.Tshark(t, "tcp", "frame.time_relative", "tcp.flags")
	if len(rows) < 2 {
		t.Fatalf("%d segments were captured", len(rows))
	}
	var at []float64
	for _, row := range rows {
		seconds, err := strconv.ParseFloat(row[0], 64)
		must(t, err)
		at = append(at, seconds)
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
	for _, mtu := range []int{576, 1280, 1500, 9000} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			a, b := labtest.Pair(t, netlab.MTU(mtu))
			listener, err := b.Listen("tcp4", "10.0.0.2:80")
			must(t, err)
			defer listener.Close()
			wire := labtest.Wire(t, a, "eth0")
			conn, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:80")
			must(t, err)
			conn.Close()
			probeOnce(t, a, exitEstablished, "established", "10.0.0.2:80", "--close=rst")
			probeOnce(t, a, exitEstablished, "established", "10.0.0.2:80", "--close=rst", "--send=ip")
			rows := wire.Tshark(t, "tcp.flags == 0x0002", "ip.len", "ip.ttl", "ip.flags.df", "ip.dsfield", "tcp.hdr_len",
				"tcp.option_kind", "tcp.options.mss_val", "tcp.options.timestamp.tsecr", "tcp.window_size_value", "tcp.urgent_pointer")
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
				if mtu == 1500 && ours[8] != linux[8] {
					t.Errorf("window %s, that of Linux %s", ours[8], linux[8])
				}
				if ours[6] != fmt.Sprint(mtu-40) {
					t.Errorf("MSS %s for MTU %d", ours[6], mtu)
				}
			}
		})
	}
}

// TestSYNAsAsked looks at the SYN that the flags describe.
func TestSYNAsAsked(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, test := range []struct {
		flags string
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
	} {
		for _, send := range []string{"link", "ip"} {
			wire := labtest.Wire(t, a, "eth0")
			probeOnce(t, a, exitRefused, "refused", "10.0.0.2:7", test.flags, "--send="+send)
			rows := wire.Tshark(t, "tcp.flags.syn == 1 && ip.src == 10.0.0.1", test.field, "tcp.checksum.status", "ip.checksum.status")
			if want := []string{test.want, "1", "1"}; len(rows) != 1 || !slices.Equal(rows[0], want) {
				t.Errorf("%s, --send %s: %s and checksums %q, want %q", test.flags, send, test.field, rows, want)
			}
		}
	}
}

// TestRetransmission: the same SYN again, but for the time, after 1 s.
func TestRetransmission(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, `table ip silence {
		chain input {
			type filter hook input priority filter
			tcp dport 80 drop
		}
	}`)
	wire := labtest.Wire(t, a, "eth0")
	p := probeOnce(t, a, exitTimeout, "timeout", "10.0.0.2:80", "-W=1500ms")
	if p.TCP.SYNSent != 2 || p.TCP.RTT != nil || p.TCP.AnsweredSYN != 0 {
		t.Errorf("%d SYNs, rtt %v, answered SYN %d", p.TCP.SYNSent, p.TCP.RTT, p.TCP.AnsweredSYN)
	}
	rows := wire.Tshark(t, "tcp", "tcp.srcport", "tcp.seq_raw", "tcp.flags", "tcp.option_kind", "tcp.options.timestamp.tsval", "ip.id", "frame.time_relative")
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
}
