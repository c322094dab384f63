//go:build linux

package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// portRules has a router drop segments that it forwards to port 1001, and reject those to ports 1013 and 1100, as firewalls
// do.
const portRules = `table ip rules {
	chain forward {
		type filter hook forward priority filter
		tcp dport 1001 drop
		tcp dport 1013 reject with icmp admin-prohibited
		tcp dport 1100 reject with tcp reset
	}
}`

// dropEarly has a router drop segments to port 1002 before it looks at their TTL.
const dropEarly = `table ip early {
	chain prerouting {
		type filter hook prerouting priority filter
		tcp dport 1002 drop
	}
}`

// traceText runs a trace from port 40000, so that its text is the same every time.
func traceText(t *testing.T, n *labtest.Network, code int, want string, args ...string) {
	t.Helper()
	args = append([]string{"trace", "--source-port=40000", "-W=300ms", labDNS}, args...)
	checkText(t, tcpprobe(t, n.Client, args...), code, want)
}

func TestTrace(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	t.Run("established", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to www.lab.test:80 (10.3.0.80) from 10.1.0.2:40000 on eth0,
  30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  www.lab.test:80  3 hops  rtt T ms
`, "www.lab.test:80")
	})
	t.Run("refused", func(t *testing.T) {
		traceText(t, n, exit.Refused, `
trace to 10.3.0.80:81 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  RST,ACK [010100]  ttl 62
REFUSED  10.3.0.80:81  reset at hop 3 after T ms
  Nothing listens there, or a firewall rejects it in the name of the target.
`, "10.3.0.80:81")
	})
	t.Run("hops that are not enough", func(t *testing.T) {
		traceText(t, n, exit.Unreachable, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 2 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
UNREACHABLE  10.3.0.80:80  2 hops are not enough
  The SYN still ran out of hops: a routing loop, or --max-ttl is too small.
`, "10.3.0.80:80", "-m2")
	})
	t.Run("rounds", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1        T/T/T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2        T/T/T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80       T/T/T ms  SYN,ACK [010010]
                    mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`, "10.3.0.80:80", "-c3", "-i=1ms")
	})
	t.Run("by the kernel's IP", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`, "10.3.0.80:80", "--send=ip")
	})
	t.Run("behind the first hop", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`, "10.3.0.80:80", "--first-ttl=2")
	})
	t.Run("no such name", func(t *testing.T) {
		r := tcpprobe(t, n.Client, "trace", labDNS, "nobody.lab.test:80", "-q")
		if want := "DNS_ERROR  nobody.lab.test:80"; r.code != exit.DNS || !strings.HasPrefix(r.stdout, want) {
			t.Errorf("exit code %d, want %d and %q", r.code, exit.DNS, want)
		}
	})
}

// TestTraceStops: a port that is dropped at one hop is told from one that is dropped at another, and from one that is
// rejected.
func TestTraceStops(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, portRules)
	labtest.Nft(t, n.R1, dropEarly)
	labtest.Nft(t, n.R2, strings.ReplaceAll(portRules, "1001", "2001"))
	t.Run("dropped at hop 1", func(t *testing.T) {
		traceText(t, n, exit.Timeout, `
trace to 10.3.0.80:1001 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  *  and nothing from hop 3 to 30 either
TIMEOUT  10.3.0.80:1001  reaches hop 1, 10.1.0.1; no answer from beyond
  Dropped by hop 1 after it counted the TTL, or by hop 2 before; or all beyond
  send no ICMP, and the SYN, or its answer, is lost somewhere among them.
`, "10.3.0.80:1001")
	})
	t.Run("dropped at hop 2", func(t *testing.T) {
		traceText(t, n, exit.Timeout, `
trace to 10.3.0.80:2001 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  *  and nothing from hop 4 to 30 either
TIMEOUT  10.3.0.80:2001  reaches hop 2, 10.2.0.2; no answer from beyond
  Dropped by hop 2 after it counted the TTL, or by hop 3 before; or all beyond
  send no ICMP, and the SYN, or its answer, is lost somewhere among them.
`, "10.3.0.80:2001")
	})
	t.Run("dropped at once", func(t *testing.T) {
		traceText(t, n, exit.Timeout, `
trace to 10.3.0.80:1002 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  *  and nothing from hop 2 to 30 either
TIMEOUT  10.3.0.80:1002  no hop answers
  The first hop drops the SYN before it counts the TTL, or sends no ICMP.
  Next: tcpprobe trace to another port shows whether this one is filtered.
`, "10.3.0.80:1002")
	})
	t.Run("rejected at hop 1", func(t *testing.T) {
		traceText(t, n, exit.Unreachable, `
trace to 10.3.0.80:1013 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.1.0.1 T ms  ICMP 3/13 administratively prohibited  at hop 1
UNREACHABLE  10.3.0.80:1013  prohibited by 10.1.0.1, 1 hop away
  A router or firewall refuses this traffic by policy; it quotes our SYN.
`, "10.3.0.80:1013")
	})
	t.Run("reset at hop 1", func(t *testing.T) {
		l := tcpprobe(t, n.Client, "trace", "10.3.0.80:1100", "-q")
		if want := "REFUSED  10.3.0.80:1100  reset at hop 2 after "; l.code != exit.Refused || !strings.HasPrefix(l.stdout, want) {
			t.Errorf("exit code %d, want %d and %q", l.code, exit.Refused, want)
		}
	})
}

// TestTraceSilentHop: a hop that sends no ICMP does not hide those behind it.
func TestTraceSilentHop(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, `table ip silent {
	chain output {
		type filter hook output priority filter
		icmp type time-exceeded drop
	}
}`)
	traceText(t, n, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  *
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`, "10.3.0.80:80")
}

// TestTraceIsOneConnection: all SYNs have the same ports, nothing of them is left on the server, and nothing was sent by
// our kernel.
func TestTraceIsOneConnection(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	wire := labtest.Wire(t, n.Client, "eth0")
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "-c5", "-i=1ms", "--json")
	if r.code != exit.Established {
		t.Errorf("exit code %d", r.code)
	}
	for text := range strings.Lines(r.stdout) {
		validate(t, text)
	}
	if resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]; resets != 0 {
		t.Errorf("the kernel sent %d resets", resets)
	}
	ports := make(map[string]bool)
	seen := make(map[string]bool)
	for _, row := range wire.Tshark(t, "ip.src == 10.1.0.2 && tcp.flags.syn == 1", "tcp.srcport", "ip.id", "tcp.seq") {
		ports[row[0]] = true
		if key := row[1] + " " + row[2]; seen[key] {
			t.Errorf("two SYNs with the same numbers: %v", row)
		} else {
			seen[key] = true
		}
	}
	if len(ports) != 1 {
		t.Errorf("SYNs from ports %v", ports)
	}
	out, err := n.Server.Command(t.Context(), "ss", "-Htn", "state", "syn-recv").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("left on the server: %s %v", out, err)
	}
}

// flowsLine is what --json says of all flows, as far as the test asks.
type flowsLine struct {
	Type, Outcome, Reason string
	Flows                 int
	PartHop               int `json:"part_hop"`
	Paths                 []struct {
		Outcome string
		Flows   int
		Path    []string
	}
}

// traceManyFlows compares 24 flows: that all take the same of two paths does not happen.
func traceManyFlows(t *testing.T, n *labtest.Fork, code int) flowsLine {
	t.Helper()
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--flows=24", "-W=300ms", "--json")
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	var all flowsLine
	for text := range strings.Lines(r.stdout) {
		validate(t, text)
		decode(t, text, &all)
	}
	if all.Type != "flows" || all.Flows != 24 || len(all.Paths) != 2 || all.PartHop != 2 {
		t.Fatalf("%+v", all)
	}
	return all
}

// TestTraceFlows: of two equal paths one drops the SYNs, and it is found which.
func TestTraceFlows(t *testing.T) {
	t.Parallel()
	n := labtest.Multipath(t)
	want := map[string]string{
		"10.1.0.1 10.2.1.2 10.4.1.2": "established",
		"10.1.0.1 10.2.2.2 10.4.1.2": "established",
	}
	check := func(code int) {
		t.Helper()
		for _, path := range traceManyFlows(t, n, code).Paths {
			if routers := strings.Join(path.Path, " "); path.Flows == 0 || want[routers] != path.Outcome {
				t.Errorf("%d flows by %s: %s, want one of %v", path.Flows, routers, path.Outcome, want)
			}
		}
	}
	check(exit.Established)
	labtest.Nft(t, n.Lower, strings.ReplaceAll(portRules, "1001", "80"))
	delete(want, "10.1.0.1 10.2.2.2 10.4.1.2")
	want["10.1.0.1 10.2.2.2"] = "timeout"
	check(exit.Mixed)
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--flows=24", "-W=300ms")
	for _, want := range []string{
		"\nMIXED  10.3.0.80:80  ", " of 24 flows fail at or behind hop 2, 10.2.2.2: timeout.\n",
		"\n  The paths part at hop 2, behind hop 1, 10.1.0.1.\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

// TestTraceUsage: what cannot go together is said in one line.
func TestTraceUsage(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, test := range []struct{ args, want string }{
		{"", "trace takes one target: tcpprobe trace HOST:PORT"},
		{"192.0.2.1:80 192.0.2.2:80", "trace takes one target: tcpprobe trace HOST:PORT"},
		{"192.0.2.1", "target 192.0.2.1: the port is missing, as in 192.0.2.1:80"},
		{"192.0.2.1:80 -m 256", "--max-ttl 256 is not within 1 to 255"},
		{"192.0.2.1:80 --first-ttl 31", "--first-ttl 31 is not within 1 to --max-ttl 30"},
		{"192.0.2.1:80 -c 0", "--count 0: a trace takes a number of rounds"},
		{"192.0.2.1:80 --ttl 3", "there is no flag --ttl; try --help"},
		{"192.0.2.1:80 --flows 1", "--flows 1 is not within 2 to 256"},
		{"192.0.2.1:80 --flows 2 --flow-port 9", "--flows takes a port for each flow: it does not go with one port"},
		{"192.0.2.1:80 --mtu --flows 2", "--mtu is one search: it goes with neither --flows nor --count"},
		{"192.0.2.1:80 --compare-syn --mtu", "--compare-syn sends each kind of SYN: it goes with none of --mtu, --flows, --count and --syn"},
		{"192.0.2.1:80 --flow-port 0", "--flow-port 0 is not within 1 to 65535"},
		{"192.0.2.1:80 --flows 2 -c 2", "--flows makes one handshake for each flow: it does not go with --count"},
	} {
		r := tcpprobe(t, h, append([]string{"trace"}, strings.Fields(test.args)...)...)
		if want := "tcpprobe: " + test.want + "\n"; r.code != exit.Usage || r.stdout != "" || r.stderr != want {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %q", test.args, r.code, r.stdout, r.stderr, want)
		}
	}
}

// mtuLine is what --json says of a path MTU, as far as the tests ask.
type mtuLine struct {
	Outcome, Reason string
	MTU             int
	BlackHole       *struct {
		Size, Hop int
		From      string
	} `json:"black_hole"`
	Tries []struct {
		Size, Hops, MTU int
		Result, From    string
	}
}

func traceMTU(t *testing.T, n *labtest.Network, args ...string) mtuLine {
	t.Helper()
	r := tcpprobe(t, n.Client, append([]string{"trace", "10.3.0.80:80", "--mtu", "--json"}, args...)...)
	validate(t, r.stdout)
	var m mtuLine
	decode(t, r.stdout, &m)
	if r.code != exit.Established || m.Outcome != "established" {
		t.Errorf("exit code %d, outcome %s", r.code, m.Outcome)
	}
	return m
}

// narrow gives the link between the routers a smaller MTU.
func narrow(t *testing.T, n *labtest.Network, octets int) {
	t.Helper()
	must(t, n.R1.SetMTU("eth1", octets))
	must(t, n.R2.SetMTU("eth0", octets))
}

// noFragmentationNeeded keeps a router from saying that a datagram is too large.
const noFragmentationNeeded = `table ip hole {
	chain output {
		type filter hook output priority filter
		icmp type destination-unreachable icmp code frag-needed drop
	}
}`

// TestTraceMTU: the path MTU is found whether a router names it or not, and where the path gets narrow.
func TestTraceMTU(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	if m := traceMTU(t, n); m.MTU != 1500 || m.BlackHole != nil || len(m.Tries) != 2 {
		t.Errorf("wide: %+v", m)
	}
	narrow(t, n, 1400)
	for _, send := range []string{"link", "ip"} {
		m := traceMTU(t, n, "--send="+send)
		if m.MTU != 1400 || m.BlackHole != nil || len(m.Tries) != 3 {
			t.Fatalf("named, --send %s: %+v", send, m)
		}
		if step := m.Tries[1]; step.Result != "too_big" || step.From != "10.1.0.1" || step.Hops != 1 || step.MTU != 1400 {
			t.Errorf("named, --send %s: %+v", send, step)
		}
	}
	checkText(t, tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--mtu", "--source-port=40000"), exit.Established, `
mtu of the path to 10.3.0.80:80 from 10.1.0.2:40000 on eth0
    68  passes T ms
  1500  too big  for hop 1, 10.1.0.1, which has room for 1400
  1400  passes T ms
ESTABLISHED  10.3.0.80:80  path mtu 1400
  It shrinks from 1500 to 1400 behind hop 1, 10.1.0.1, which says so.
`)
	labtest.Nft(t, n.R1, noFragmentationNeeded)
	m := traceMTU(t, n)
	if m.MTU != 1400 || m.BlackHole == nil || m.BlackHole.Size != 1401 || m.BlackHole.Hop != 1 || m.BlackHole.From != "10.1.0.1" {
		t.Errorf("black hole: %+v", m)
	}
	if want := "black hole: datagrams over 1400 octets vanish after hop 1, 10.1.0.1, without ICMP."; m.Reason != want {
		t.Errorf("reason %q, want %q", m.Reason, want)
	}
}

// TestTraceMTUUnusable: a firewall that lets no SYN with data pass leaves nothing to find out.
func TestTraceMTUUnusable(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, `table ip small {
	chain forward {
		type filter hook forward priority filter
		tcp flags syn / syn,ack meta length > 60 drop
	}
}`)
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--mtu", "-q")
	if want := "TIMEOUT  10.3.0.80:80  does not answer SYNs that carry data\n"; r.code != exit.Timeout || r.stdout != want {
		t.Errorf("exit code %d, %q; want %d, %q", r.code, r.stdout, exit.Timeout, want)
	}
}

// witness runs a tool of others on the client, and returns what it says.
func witness(t *testing.T, n *labtest.Network, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("TCPPROBE_LAB_REQUIRED") != "" {
			t.Fatalf("%v: scripts/test installs it", err)
		}
		t.Skipf("%v: scripts/test installs it", err)
	}
	out, err := n.Client.Command(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// TestTraceWitnesses: others see the same path and the same MTU.
func TestTraceWitnesses(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	narrow(t, n, 1400)
	path := []string{"10.1.0.1", "10.2.0.2", "10.3.0.80"}
	ours := tcpprobe(t, n.Client, "trace", "10.3.0.80:80").stdout
	inOrder := func(who, text string) {
		t.Helper()
		for _, address := range path {
			i := strings.Index(text, " "+address)
			if i < 0 {
				t.Errorf("%s: no %s in this place:\n%s", who, address, text)
				return
			}
			text = text[i:]
		}
	}
	_, hops, _ := strings.Cut(ours, "\n")
	inOrder("tcpprobe", hops)
	t.Run("traceroute", func(t *testing.T) {
		_, hops, _ := strings.Cut(witness(t, n, "traceroute", "-n", "-T", "-p", "80", "-q", "1", "-w", "1", "10.3.0.80"), "\n")
		inOrder("traceroute", hops)
	})
	t.Run("mtr", func(t *testing.T) {
		inOrder("mtr", witness(t, n, "mtr", "-n", "--report", "--tcp", "-P", "80", "-c", "1", "10.3.0.80"))
	})
	t.Run("tracepath", func(t *testing.T) {
		text := witness(t, n, "tracepath", "-n", "10.3.0.80")
		if m := traceMTU(t, n); m.MTU != 1400 || !strings.Contains(text, "pmtu 1400") {
			t.Errorf("we say %d, tracepath says\n%s", m.MTU, text)
		}
	})
}

// pickyFirewall lets no SYN pass that asks for ECN or for a Fast Open cookie, as firewalls do that know neither.
const pickyFirewall = `table ip picky {
	chain forward {
		type filter hook forward priority filter
		tcp flags syn / syn,ack tcp option fastopen exists drop
		tcp flags & (syn | ecn | cwr) == (syn | ecn | cwr) drop
	}
}`

// TestTraceSYNs: the SYNs that a firewall drops are told from those that it lets pass.
func TestTraceSYNs(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	args := []string{"trace", "10.3.0.80:80", "--compare-syn", "-W=300ms", "--source-port=40000"}
	checkText(t, tcpprobe(t, n.Client, args...), exit.Established, `
SYNs to 10.3.0.80:80 from 10.1.0.2:40000 on eth0
 bare     passes T ms  mss 1460
 nots     passes T ms  mss 1460 ws 10 sack
 linux    passes T ms  mss 1460 ws 10 sack ts
 ecn      passes T ms  mss 1460 ws 10 sack ts  ecn classic
 accecn   passes T ms  mss 1460 ws 10 sack ts  ecn classic
 bigmss   passes T ms  mss 1460 ws 10 sack ts
 tfo      passes T ms  mss 1460 ws 10 sack ts  without tfo
ESTABLISHED  10.3.0.80:80  7 of 7 SYNs accepted
  What an answer lacks, the peer does not want, or the path took away.
`)
	labtest.Nft(t, n.R1, pickyFirewall)
	checkText(t, tcpprobe(t, n.Client, args...), exit.Mixed, `
SYNs to 10.3.0.80:80 from 10.1.0.2:40000 on eth0
 bare     passes T ms  mss 1460
 nots     passes T ms  mss 1460 ws 10 sack
 linux    passes T ms  mss 1460 ws 10 sack ts
 ecn      dropped    heard of up to hop 1, 10.1.0.1
 accecn   dropped    heard of up to hop 1, 10.1.0.1
 bigmss   passes T ms  mss 1460 ws 10 sack ts
 tfo      dropped    heard of up to hop 1, 10.1.0.1
MIXED  10.3.0.80:80  4 of 7 SYNs accepted
  ecn is dropped: it is heard of up to hop 1, 10.1.0.1.
  accecn is dropped: it is heard of up to hop 1, 10.1.0.1.
  tfo is dropped: it is heard of up to hop 1, 10.1.0.1.
`)
	r := tcpprobe(t, n.Client, append(args, "--json")...)
	validate(t, r.stdout)
	if r.code != exit.Mixed {
		t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
	}
}

// TestTraceNAT: the path goes on behind a router that translates addresses and ports, since it translates quotes back.
func TestTraceNAT(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, `table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat
		ip daddr 10.2.0.99 tcp dport 8080 dnat to 10.3.0.80:80
	}
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname eth1 masquerade
	}
}`)
	t.Run("source", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`, "10.3.0.80:80")
	})
	// What the routers say is translated as what the target says.
	t.Run("destination", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.2.0.99:8080 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.2.0.99 T ms  ICMP 11/0 time to live exceeded  a router, by NAT
 2  10.2.0.99 T ms  ICMP 11/0 time to live exceeded  a router, by NAT
 3  10.2.0.99 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.2.0.99:8080  3 hops  rtt T ms
`, "10.2.0.99:8080")
	})
}

// TestTraceInterrupted: SIGINT ends the wait, and what is known is printed.
func TestTraceInterrupted(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	p := start(t, a, "trace", "10.0.0.2:80", "-W=60s", "--retries=0")
	until(t, func() bool {
		listens, packets := traces(t, a)
		return listens > 0 && packets > 0
	})
	must(t, p.cmd.Process.Signal(os.Interrupt))
	if r := p.end(t); r.code != exit.Interrupted || !strings.Contains(r.stdout, "INTERRUPTED  10.0.0.2:80") || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q\n%s", r.code, r.stderr, r.stdout)
	}
}
