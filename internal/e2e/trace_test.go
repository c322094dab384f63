//go:build linux

package e2e_test

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
const portRules = `table inet rules {
	chain forward {
		type filter hook forward priority filter
		tcp dport 1001 drop
		tcp dport 1013 reject with icmpx admin-prohibited
		tcp dport 1100 reject with tcp reset
	}
}`

// dropEarly has a router drop segments to port 1002 before it looks at their TTL.
const dropEarly = `table inet early {
	chain prerouting {
		type filter hook prerouting priority filter
		tcp dport 1002 drop
	}
}`

// traceText runs a trace from port 40000, so that its text is the same every time, in both families.
func traceText(t *testing.T, n *labtest.Network, code int, want string, args ...string) {
	t.Helper()
	bothTexts(t, n, code, want, append([]string{"trace", "--source-port=40000", "-W=300ms", labDNS}, args...)...)
}

// bothTexts runs the program with arguments, and with those that inFamily makes of them, and checks its text, which in IPv6 may break lines
// anywhere within 80 columns.
func bothTexts(t *testing.T, n *labtest.Network, code int, want string, args ...string) {
	t.Helper()
	checkText(t, tcpprobe(t, n.Client, args...), code, want)
	for i, arg := range args {
		args[i] = inFamily(1, arg)
	}
	r := tcpprobe(t, n.Client, args...)
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") + "\n" }
	folded := r
	folded.stdout = words(timeless(r.stdout))
	checkLines(t, r.stdout)
	checkWords(t, folded, code, words(inFamily(1, want)))
}

// checkWords is checkText for a text in one line.
func checkWords(t *testing.T, r ran, code int, want string) {
	t.Helper()
	if r.stdout != want || r.code != code || r.stderr != "" {
		t.Errorf("exit code %d, want %d; stderr %q; stdout, but for times and lines:\n%swant\n%s", r.code, code, r.stderr, r.stdout, want)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
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
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, portRules)
	labtest.Nft(t, n.R1, dropEarly)
	labtest.Nft(t, n.R2, strings.ReplaceAll(portRules, "1001", "2001"))
	t.Run("dropped at hop 1", func(t *testing.T) {
		traceText(t, n, exit.Timeout, `
trace to 10.3.0.80:1001 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  *  and nothing from hop 3 to 30 either
TIMEOUT  10.3.0.80:1001  reaches hop 1, 10.1.0.1; no answer from beyond
  Dropped by hop 1 after it counted the TTL, or by hop 2, router or target,
  before; or those beyond send no ICMP, and SYN or answer is lost among them.
`, "10.3.0.80:1001")
	})
	t.Run("dropped at hop 2", func(t *testing.T) {
		traceText(t, n, exit.Timeout, `
trace to 10.3.0.80:2001 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  *  and nothing from hop 4 to 30 either
TIMEOUT  10.3.0.80:2001  reaches hop 2, 10.2.0.2; no answer from beyond
  Dropped by hop 2 after it counted the TTL, or by hop 3, router or target,
  before; or those beyond send no ICMP, and SYN or answer is lost among them.
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
		for _, server := range farServers {
			l := tcpprobe(t, n.Client, "trace", server+":1100", "-q")
			if want := "REFUSED  " + server + ":1100  reset at hop 2 after "; l.code != exit.Refused || !strings.HasPrefix(l.stdout, want) {
				t.Errorf("exit code %d, want %d and %q", l.code, exit.Refused, want)
			}
		}
	})
}

// TestTraceSilentHop: a hop that sends no ICMP does not hide those behind it.
func TestTraceSilentHop(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table inet silent {
	chain output {
		type filter hook output priority filter
		icmp type time-exceeded drop
		icmpv6 type time-exceeded drop
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
	n := labtest.DualStack(t)
	for i, source := range []string{"ip.src == 10.1.0.2", "ipv6.src == 2001:db8:1::2"} {
		wire := labtest.Wire(t, n.Client, "eth0")
		r := tcpprobe(t, n.Client, "trace", farServers[i]+":80", "-c5", "-i=1ms", "--json")
		if r.code != exit.Established {
			t.Errorf("exit code %d", r.code)
		}
		for text := range strings.Lines(r.stdout) {
			validate(t, text)
		}
		if resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]; resets != 0 {
			t.Errorf("the kernel sent %d resets", resets)
		}
		ports, labels := make(map[string]bool), make(map[string]bool)
		seen := make(map[string]bool)
		for _, row := range wire.Tshark(t, source+" && tcp.flags.syn == 1 && !icmp && !icmpv6", "tcp.srcport", "ipv6.flow", "ip.id", "tcp.seq") {
			ports[row[0]], labels[row[1]] = true, true
			if key := row[2] + " " + row[3]; seen[key] {
				t.Errorf("two SYNs with the same numbers: %v", row)
			} else {
				seen[key] = true
			}
		}
		if len(ports) != 1 || len(labels) != 1 || labels[""] != (i == 0) {
			t.Errorf("SYNs from ports %v with labels %v", ports, labels)
		}
	}
	out, err := n.Server.Command(t.Context(), "ss", "-Htn", "state", "syn-recv").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("left on the server: %s %v", out, err)
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
		{"192.0.2.1:80 -c 0", "--count 0: a trace takes a number of rounds; without end it is a live view, and wants a terminal"},
		{"192.0.2.1:80 --ttl 3", "there is no flag --ttl of trace, but a probe has it; try trace --help"},
		{"192.0.2.1:80 --flows 1", "--flows 1 is not within 2 to 256"},
		{"192.0.2.1:80 --flows 2 --flow-port 9", "--flows takes a port for each flow: it does not go with one port, unless they --vary label"},
		{"[2001:db8::1]:80 --vary label", "--vary is what the flows of --flows differ in: give --flows N too"},
		{"[2001:db8::1]:80 --flows 2 --vary paths", "--vary paths: one of ports, label is wanted"},
		{"[2001:db8::1]:80 --flows 2 --vary label --flow-label 9", "--vary label gives each flow a label of its own: it does not go with --flow-label"},
		{"192.0.2.1:80 --flows 2 --vary label", "--vary label: IPv4 has no flow label; its flows differ in their ports, as --vary ports has it"},
		{"www.lab.test:80 --flows 2 --vary label -4", "--vary label: IPv4 has no flow label; its flows differ in their ports, as --vary ports has it"},
		{"www.lab.test:80 --flows 2 --vary label -S 10.1.0.2", "--vary label: IPv4 has no flow label; its flows differ in their ports, as --vary ports has it"},
		{"192.0.2.1:80 --mtu --flows 2", "--mtu is one search: it goes with neither --flows nor --count"},
		{"192.0.2.1:80 --compare-syn --mtu", "--compare-syn sends each kind of SYN: it goes with none of --mtu, --flows, --count and --syn"},
		{"192.0.2.1:80 --names --mtu", "--names is for the hops of one path: it goes with none of --mtu, --flows and --compare-syn"},
		{"192.0.2.1:80 --names -n", "--names and -n, --numeric contradict each other: give one of them"},
		{"192.0.2.1:80 --flow-port 0", "--flow-port 0 is not within 1 to 65535"},
		{"192.0.2.1:80 --flows 2 -c 2", "--flows makes one handshake for each flow: it does not go with --count"},
	} {
		r := tcpprobe(t, h, append([]string{"trace"}, strings.Fields(test.args)...)...)
		if want := "tcpprobe: " + test.want + "\n"; r.code != exit.Usage || r.stdout != "" || r.stderr != want {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %q", test.args, r.code, r.stdout, r.stderr, want)
		}
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
	n := labtest.DualStack(t)
	narrow(t, n, 1400)
	for i, family := range families {
		t.Run(family, func(t *testing.T) { traceWitnesses(t, n, i) })
	}
}

func traceWitnesses(t *testing.T, n *labtest.Network, family int) {
	t.Helper()
	option, target := []string{"-4", "-6"}[family], inFamily(family, "10.3.0.80")
	path := strings.Fields(inFamily(family, "10.1.0.1 10.2.0.2 10.3.0.80"))
	ours := tcpprobe(t, n.Client, "trace", farServers[family]+":80").stdout
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
		_, hops, _ := strings.Cut(witness(t, n, "traceroute", option, "-n", "-T", "-p", "80", "-q", "1", "-w", "1", target), "\n")
		inOrder("traceroute", hops)
	})
	t.Run("mtr", func(t *testing.T) {
		inOrder("mtr", witness(t, n, "mtr", option, "-n", "--report", "--report-wide", "--tcp", "-P", "80", "-c", "1", target))
	})
	t.Run("tracepath", func(t *testing.T) {
		text := witness(t, n, "tracepath", option, "-n", target)
		if m := traceMTU(t, n, family); m.MTU != 1400 || !strings.Contains(text, "pmtu 1400") {
			t.Errorf("we say %d, tracepath says\n%s", m.MTU, text)
		}
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
