//go:build linux

package cli

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/tcphdr"
)

// A timed is what a run with --json says about times.
type timed struct {
	Outcome string
	DNS     struct {
		Duration int64 `json:"duration_ns"`
	}
	ARP struct {
		Duration int64 `json:"duration_ns"`
	}
	TCP struct {
		Local       netip.AddrPort
		SYNSent     int    `json:"syn_sent"`
		AnsweredSYN int    `json:"answered_syn"`
		RTT         *int64 `json:"rtt_ns"`
		Ambiguous   bool   `json:"rtt_ambiguous"`
		Clock       string
		Connect     int64 `json:"connect_ns"`
		Turnaround  int64 `json:"turnaround_ns"`
		Segments    []struct {
			Dir string
			Seq tcphdr.SeqNum
		}
	}
}

// timedRun runs the program on a host with --json.
func timedRun(t *testing.T, h *netlab.Host, args ...string) []timed {
	t.Helper()
	cmd := program(t.Context(), h, append([]string{"--json"}, args...)...)
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // the race detector would keep each process for a second
	return parseTimed(t, finish(t, cmd))
}

func parseTimed(t *testing.T, r ran) (probes []timed) {
	t.Helper()
	for text := range strings.Lines(r.stdout) {
		var line struct {
			Type string
			timed
		}
		decode(t, text, &line)
		if line.Type == "probe" {
			probes = append(probes, line.timed)
		}
	}
	return probes
}

// A connectionKey tells a connection from the others of a run, even if they had the same port one after the other.
type connectionKey struct {
	port uint16 // ours
	iss  tcphdr.SeqNum
}

func (p *timed) key() connectionKey {
	if len(p.TCP.Segments) == 0 {
		return connectionKey{}
	}
	return connectionKey{p.TCP.Local.Port(), p.TCP.Segments[0].Seq}
}

// keyOf returns the connection that a SYN, or the answer to one, belongs to.
func keyOf(h tcphdr.Header) connectionKey {
	if h.Flags.Has(tcphdr.ACK) {
		return connectionKey{h.DstPort, h.Ack.Add(-1)}
	}
	return connectionKey{h.SrcPort, h.Seq}
}

// rttsIn returns, from a file in pcap-savefile(5) format, the time from each SYN to its answer.
func rttsIn(t *testing.T, path string) map[connectionKey]time.Duration {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	syns, rtts := make(map[connectionKey]time.Time), make(map[connectionKey]time.Duration)
	for b := file[24:]; len(b) > 0; {
		n := 16 + binary.NativeEndian.Uint32(b[8:])
		at := time.Unix(int64(binary.NativeEndian.Uint32(b)), int64(binary.NativeEndian.Uint32(b[4:])))
		p := netlab.Passage{Frame: b[16:n]}
		b = b[n:]
		_, tcp, ok := p.Segment()
		if !ok || tcp.Flags&(tcphdr.SYN|tcphdr.RST) == 0 {
			continue
		}
		key := keyOf(tcp)
		if !tcp.Flags.Has(tcphdr.ACK) {
			syns[key] = at
		} else if syn, ok := syns[key]; ok {
			rtts[key] = at.Sub(syn)
			delete(syns, key)
		}
	}
	return rtts
}

// A sample is a set of durations.
type sample []time.Duration

// quantile returns the smallest duration that a share of them, from 0 to 1, does not exceed.
func (s sample) quantile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(share*float64(len(sorted)-1))]
}

func (s sample) String() string {
	return fmt.Sprintf("median %v, p99 %v, max %v of %d", s.quantile(0.5), s.quantile(0.99), s.quantile(1), len(s))
}

// busy keeps the processors busy with four endless loops until the test ends.
func busy(t *testing.T) {
	t.Helper()
	for range 4 {
		loop := exec.Command("sh", "-c", "while :; do :; done")
		loop.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := loop.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			loop.Process.Kill()
			loop.Wait()
		})
	}
}

// serveTCP accepts connections at an address of a host, and closes each when its peer does.
func serveTCP(t *testing.T, h *netlab.Host, address string) {
	t.Helper()
	listener, err := h.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				io.Copy(io.Discard, conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() { listener.Close() })
}

// tap begins to capture at an interface. The function that it returns waits until there are so many frames of those that the
// filter (pcap-filter(7)) lets through, and returns the name of the file, which may hold others beside. It is tcpdump that captures
// where the user may run it, and a packet socket of our own elsewhere.
func tap(t *testing.T, h *netlab.Host, ifname, filter string, frames int) func() string {
	t.Helper()
	if !isRoot(t) {
		wire := labtest.Wire(t, h, ifname)
		return func() string { return wire.Stop(t) }
	}
	return tcpdump(t, h, ifname, filter, frames)
}

func tcpdump(t *testing.T, h *netlab.Host, ifname, filter string, frames int) func() string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tcpdump.pcap")
	cmd := labtest.Start(t, h, "listening on", "tcpdump", "-i", ifname, "-n", "-Z", "root", "-B", "16384",
		"--time-stamp-precision=nano", "-c", strconv.Itoa(frames), "-w", path, filter)
	return func() string {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("tcpdump: %v", err)
		}
		return path
	}
}

// isRoot reports whether this process is root of the machine, and not of a user namespace alone.
func isRoot(t *testing.T) bool {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(ids)), " ") == "0 0 4294967295"
}

// What joins two hosts.
const (
	direct  = "direct"  // a link
	bridged = "bridged" // an impairer without rules, out of which frames come as from a network card
)

// newPath returns two hosts, the second of which, 10.0.0.2, listens at port 80.
func newPath(t *testing.T, kind string, rules ...netlab.Impairment) (a, b *netlab.Host, i *netlab.Impairer) {
	t.Helper()
	if kind == direct {
		a, b = labtest.Pair(t)
	} else {
		a, b, i = impaired(t, rules...)
	}
	serveTCP(t, b, "10.0.0.2:80")
	return a, b, i
}

// impaired is labtest.Pair with an impairer between the hosts.
func impaired(t *testing.T, rules ...netlab.Impairment) (a, b *netlab.Host, i *netlab.Impairer) {
	t.Helper()
	lab := labtest.New(t)
	var hosts [3]*netlab.Host
	for n, name := range []string{"a", "b", "middle"} {
		var err error
		if hosts[n], err = lab.Host(name); err != nil {
			t.Fatal(err)
		}
	}
	a, b, middle := hosts[0], hosts[1], hosts[2]
	for n, ifname := range []string{"eth0", "eth1"} {
		address := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)}), 24)
		if err := lab.Link(hosts[n], "eth0", address, middle, ifname, netip.Prefix{}, netlab.NoChecksumOffload()); err != nil {
			t.Fatal(err)
		}
	}
	const seed = 793
	i, err := middle.Impair("eth0", "eth1", seed, rules...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return a, b, i
}

// TestClockIsThatOfTheWire makes 1,000 handshakes, and holds each RTT against what a capture of the same interface says.
func TestClockIsThatOfTheWire(t *testing.T) {
	tests := []struct {
		path, send  string
		busy        bool
		median, p99 time.Duration // at most
	}{
		{direct, "link", false, time.Microsecond, 5 * time.Microsecond},
		{direct, "link", true, time.Microsecond, 5 * time.Microsecond},
		{bridged, "link", false, 0, time.Microsecond},
		// The driver stamps what leaves only after the capture has seen it and woken its reader: that is what is measured here.
		{direct, "ip", false, 30 * time.Microsecond, 100 * time.Microsecond},
		{direct, "ip", true, 30 * time.Microsecond, 100 * time.Microsecond},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s send=%s busy=%t", test.path, test.send, test.busy), func(t *testing.T) {
			a, _, _ := newPath(t, test.path)
			// One witness alone, for each costs the others some of a microsecond.
			captured := tap(t, a, "eth0", "tcp[tcpflags] & tcp-syn != 0", 2000)
			if test.busy {
				busy(t)
			}
			probes := timedRun(t, a, "10.0.0.2:80", "-c", "1000", "-i", "1ms", "--send", test.send)
			if len(probes) != 1000 {
				t.Fatalf("%d handshakes, want 1000", len(probes))
			}
			rtts := rttsIn(t, captured())
			var errors, turnarounds sample
			for _, p := range probes {
				rtt, ok := rtts[p.key()]
				if p.Outcome != "established" || p.TCP.RTT == nil || p.TCP.Clock != "kernel" || !ok {
					t.Fatalf("%+v; in the capture %v, %v", p, rtt, ok)
				}
				errors = append(errors, (time.Duration(*p.TCP.RTT) - rtt).Abs())
				turnarounds = append(turnarounds, time.Duration(p.TCP.Turnaround))
			}
			t.Logf("error: %v; turnaround: %v", errors, turnarounds)
			if errors.quantile(0.5) > test.median || errors.quantile(0.99) > test.p99 {
				t.Errorf("error of the RTT: %v; want at most %v, %v", errors, test.median, test.p99)
			}
		})
	}
}

// TestClockOfTheFirstProbe has processes make one handshake each: the kernel's stamping is off until they ask for it.
func TestClockOfTheFirstProbe(t *testing.T) {
	for _, test := range []struct {
		busy      bool
		processes int
	}{{false, 60}, {true, 40}} {
		t.Run(fmt.Sprintf("busy=%t", test.busy), func(t *testing.T) {
			a, _, _ := newPath(t, direct)
			if test.busy {
				busy(t)
			}
			for n := range test.processes {
				send := []string{"link", "ip"}[n%2]
				probes := timedRun(t, a, "10.0.0.2:80", "--send", send)
				if len(probes) != 1 || probes[0].Outcome != "established" || probes[0].TCP.Clock != "kernel" {
					t.Errorf("process %d, --send %s: %+v", n, send, probes)
				}
			}
		})
	}
}

// TestClockOfEveryPhase holds the durations of DNS and ARP, and the RTTs to a RST and to an ICMP error, against a capture.
func TestClockOfEveryPhase(t *testing.T) {
	n := labtest.Journey(t)
	rtt := func(p timed) int64 {
		if p.TCP.RTT == nil || p.TCP.Clock != "kernel" {
			t.Errorf("RTT %v, clock %q; want one of the kernel", p.TCP.RTT, p.TCP.Clock)
			return 0
		}
		return *p.TCP.RTT
	}
	tests := []struct {
		phase   string
		args    []string
		display string // what a capture has of it, question and answer in turn: to tshark, and to tcpdump
		filter  string
		took    func(timed) int64
		p90     time.Duration // of the error, at most
	}{
		// ARP comes first: without names the kernel of the client sends nothing, and so no ARP requests of its own.
		{"ARP", []string{"10.3.0.80:80"}, "arp.src.proto_ipv4 == 10.1.0.2 or arp.dst.proto_ipv4 == 10.1.0.2 and arp.opcode == 2",
			"arp", func(p timed) int64 { return p.ARP.Duration }, 5 * time.Microsecond},
		{"RST", []string{"10.3.0.80:81"}, "tcp.port == 81", "tcp port 81", rtt, 5 * time.Microsecond},
		{"ICMP", []string{"--ttl=1", "10.3.0.80:82"}, "tcp.port == 82", "tcp port 82 or icmp", rtt, 5 * time.Microsecond},
		// The driver stamps what leaves after the capture has seen it and woken its reader.
		{"DNS", []string{"www.lab.test:80"}, "dns", "udp port 53", func(p timed) int64 { return p.DNS.Duration }, 50 * time.Microsecond},
	}
	for _, test := range tests {
		t.Run(test.phase, func(t *testing.T) {
			const runs = 20
			captured := tap(t, n.Client, "eth0", test.filter, 2*runs)
			var got []time.Duration
			for range runs {
				probes := timedRun(t, n.Client, append(test.args, "--dns=10.3.0.53")...)
				if len(probes) != 1 {
					t.Fatalf("%d handshakes, want 1", len(probes))
				}
				got = append(got, time.Duration(test.took(probes[0])))
			}
			want := intervals(t, captured(), test.display)
			if len(want) != runs {
				t.Fatalf("%d of them in the capture, want %d", len(want), runs)
			}
			var errors sample
			for n := range got {
				errors = append(errors, (got[n] - want[n]).Abs())
			}
			t.Logf("error: %v; durations: %v", errors, sample(want))
			if errors.quantile(0.9) > test.p90 {
				t.Errorf("error: %v; want at most %v: %v, in the capture %v", errors, test.p90, got, want)
			}
		})
	}
}

// intervals returns, of the frames in a capture that tshark's display filter lets through, the time from the first to the second,
// from the third to the fourth, and so on.
func intervals(t *testing.T, path, display string) (took []time.Duration) {
	t.Helper()
	rows, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", path, "-Y", display, "-T", "fields", "-e", "frame.time_epoch").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var asked time.Time
	for n, row := range slices.Collect(strings.Lines(string(rows))) {
		var seconds, nanoseconds int64
		if _, err := fmt.Sscanf(row, "%d.%d", &seconds, &nanoseconds); err != nil {
			t.Fatalf("%q: %v", row, err)
		}
		at := time.Unix(seconds, nanoseconds)
		if n%2 == 0 {
			asked = at
		} else {
			took = append(took, at.Sub(asked))
		}
	}
	return took
}

// TestClockAttribution makes handshakes over a link that loses, delays, doubles, swaps and corrupts SYNs and the answers to them.
// Each RTT must be that of the SYN that was answered, as the log of the link has it.
func TestClockAttribution(t *testing.T) {
	const syn, synACK = tcphdr.SYN, tcphdr.SYN | tcphdr.ACK
	rules := []netlab.Impairment{
		{From: netlab.FromA, Set: syn, Chance: 0.15, Action: netlab.Drop},
		{From: netlab.FromA, Set: syn, Chance: 0.1, Action: netlab.Delay, Time: 1100 * time.Millisecond},
		{From: netlab.FromA, Set: syn, Chance: 0.1, Action: netlab.Duplicate, Time: 2 * time.Millisecond},
		{From: netlab.FromA, Set: syn, Chance: 0.1, Action: netlab.Swap},
		{From: netlab.FromA, Set: syn, Chance: 0.05, Action: netlab.Corrupt},
		{From: netlab.FromB, Set: synACK, Chance: 0.15, Action: netlab.Drop},
		{From: netlab.FromB, Set: synACK, Chance: 0.1, Action: netlab.Delay, Time: 1200 * time.Millisecond},
		{From: netlab.FromB, Set: synACK, Chance: 0.1, Action: netlab.Duplicate, Time: time.Millisecond},
		{From: netlab.FromB, Set: synACK, Chance: 0.1, Action: netlab.Swap},
		{From: netlab.FromB, Set: synACK, Chance: 0.05, Action: netlab.Corrupt},
	}
	for _, test := range []struct {
		syn   string
		count int
	}{{"linux", 1000}, {"bare", 300}} {
		t.Run(test.syn, func(t *testing.T) {
			a, _, impairer := newPath(t, bridged, rules...)
			probes := timedRun(t, a, "10.0.0.2:80", "-c", strconv.Itoa(test.count), "-i", "4ms", "-W", "3s", "--syn", test.syn)
			if err := impairer.Close(); err != nil {
				t.Error(err)
			}
			log := linkViews(impairer.Log(), rules)
			var late sample
			var later, ambiguous, repetitions int
			for _, p := range probes {
				if p.TCP.RTT == nil {
					continue
				}
				seen := log[p.key()]
				answered, first := seen.answered()
				if first == nil {
					t.Fatalf("the link saw no answer to %+v", p)
				}
				// An answer after another SYN may be a repetition. The two cross where server and client wait for equally long.
				repeated := answered > 0 && seen.before(*first) > answered
				const crossing = 10 * time.Millisecond
				crossed := seen.before(first.Add(-crossing)) != seen.before(first.Add(crossing))
				if p.TCP.Ambiguous != (answered == 0 || repeated) && !crossed {
					t.Errorf("ambiguous: %t; the link saw %d SYNs, of which number %d was answered: %+v", p.TCP.Ambiguous, len(seen.syns), answered, p)
				}
				if answered == 0 {
					ambiguous++
					continue
				}
				if repeated {
					repetitions++
				}
				if answered > 1 {
					later++
				}
				// What the interface of the client sees lies around what the link sees.
				d := time.Duration(*p.TCP.RTT) - first.Sub(seen.syns[answered-1].Received)
				late = append(late, d)
				if p.TCP.AnsweredSYN != answered || p.TCP.Clock != "kernel" || d < 0 || d > time.Millisecond {
					t.Errorf("SYN %d was answered, and the RTT is %v longer than on the link: %+v", answered, d, p)
				}
			}
			t.Logf("%d of %d RTTs are of no SYN in particular, %d of a later one, %d perhaps to a repetition; longer than on the link: %v",
				ambiguous, len(probes), later, repetitions, late)
			if len(late)+ambiguous < test.count*8/10 || late.quantile(0.5) > 5*time.Microsecond || late.quantile(0.99) > 25*time.Microsecond {
				t.Errorf("%d RTTs; longer than on the link: %v; want at most 5µs, 25µs", len(late)+ambiguous, late)
			}
			if timestamps := test.syn == "linux"; timestamps && (later == 0 || repetitions == 0) || timestamps != (ambiguous == 0) {
				t.Errorf("%d RTTs of a later SYN, %d ambiguous", later, ambiguous)
			}
		})
	}
}

// A linkView is what a link saw of a handshake.
type linkView struct {
	syns    []netlab.Passage // as they left the client
	answers []netlab.Passage // those that reached the client in good order
}

// linkViews sorts a log by handshakes.
func linkViews(log []netlab.Passage, rules []netlab.Impairment) map[connectionKey]*linkView {
	found := make(map[connectionKey]*linkView)
	for _, p := range log {
		_, tcp, ok := p.Segment()
		if !ok || !tcp.Flags.Has(tcphdr.SYN) {
			continue
		}
		seen := found[keyOf(tcp)]
		if seen == nil {
			seen = new(linkView)
			found[keyOf(tcp)] = seen
		}
		switch {
		case p.From == netlab.FromA:
			seen.syns = append(seen.syns, p)
		case len(p.Sent) > 0 && (p.Rule < 0 || rules[p.Rule].Action != netlab.Corrupt):
			seen.answers = append(seen.answers, p)
		}
	}
	return found
}

// answered returns which SYN was answered, from 1, by the first answer that the client received, and when that was. It is 0 if
// that cannot be known: there are no time stamps, and more than one SYN had left.
func (v *linkView) answered() (number int, at *time.Time) {
	var echo uint32
	var stamped bool
	for _, p := range v.answers {
		if sent := slices.MinFunc(p.Sent, time.Time.Compare); at == nil || sent.Before(*at) {
			at = &sent
			_, tcp, _ := p.Segment()
			_, echo, stamped = tcp.Options.Timestamps()
		}
	}
	if at == nil {
		return 0, nil
	}
	for n, p := range v.syns {
		_, tcp, _ := p.Segment()
		if value, _, ok := tcp.Options.Timestamps(); ok && stamped && value == echo {
			return n + 1, at
		}
	}
	if !stamped && v.before(*at) == 1 {
		return 1, at
	}
	return 0, at
}

// before returns how many SYNs had left the client at a time.
func (v *linkView) before(at time.Time) (n int) {
	for _, p := range v.syns {
		if p.Received.Before(at) {
			n++
		}
	}
	return n
}
