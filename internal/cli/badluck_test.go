//go:build linux

package cli

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// silence has a host drop every segment to port 80.
const silence = `table ip silence {
	chain input {
		type filter hook input priority filter
		tcp dport 80 drop
	}
}`

// A running is the program while it runs.
type running struct {
	cmd    *netlab.Cmd
	stdout *bufio.Reader
	stderr *bufio.Reader
	seen   strings.Builder // of stdout
}

// start starts the program on a host.
func start(t *testing.T, h *netlab.Host, args ...string) *running {
	t.Helper()
	p := &running{cmd: program(t.Context(), h, args...)}
	stdout, err := p.cmd.StdoutPipe()
	must(t, err)
	stderr, err := p.cmd.StderrPipe()
	must(t, err)
	must(t, p.cmd.Start())
	p.stdout, p.stderr = bufio.NewReader(stdout), bufio.NewReader(stderr)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%q ends with %v\n%s", args, p.cmd.ProcessState, &p.seen)
		}
	})
	return p
}

// await reads stdout up to the line that holds the words.
func (p *running) await(t *testing.T, words string) {
	t.Helper()
	for {
		line, err := p.stdout.ReadString('\n')
		p.seen.WriteString(line)
		if err != nil {
			t.Fatalf("no line holds %q: %v", words, err)
		}
		if strings.Contains(line, words) {
			return
		}
	}
}

// end waits for the end of the program.
func (p *running) end(t *testing.T) ran {
	t.Helper()
	_, err := io.Copy(&p.seen, p.stdout)
	must(t, err)
	stderr, err := io.ReadAll(p.stderr)
	must(t, err)
	p.cmd.Wait() // the exit code is looked at instead
	return ran{p.cmd.ProcessState.ExitCode(), p.seen.String(), string(stderr)}
}

func TestInterfaceLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *netlab.Host) error{
		"down":    func(h *netlab.Host) error { return h.SetLink("eth0", false) },
		"deleted": func(h *netlab.Host) error { return h.DeleteLink("eth0") },
	} {
		for _, send := range []string{"link", "ip"} {
			t.Run(name+" "+send, func(t *testing.T) {
				t.Parallel()
				a, b := labtest.Pair(t)
				labtest.Nft(t, b, silence)
				p := start(t, a, "10.0.0.2:80", "-W=20s", "--send", send)
				p.await(t, "SYN      [000010]")
				must(t, lose(a))
				lost := time.Now()
				r := p.end(t)
				if took := time.Since(lost); r.code != exit.System || !strings.Contains(r.stdout, "LOCAL_ERROR  10.0.0.2:80") || took > time.Second {
					t.Errorf("exit code %d after %v, want %d at once:\n%s", r.code, took, exit.System, r.stdout)
				}
			})
		}
	}
	t.Run("in a series", func(t *testing.T) {
		t.Parallel()
		a, _ := labtest.Pair(t)
		p := start(t, a, "10.0.0.2:80", "-c=0", "-i=20ms")
		p.await(t, "seq=3  refused")
		must(t, a.SetLink("eth0", false))
		p.await(t, "no_route")
		must(t, a.SetLink("eth0", true))
		p.await(t, "refused") // it goes on
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Mixed {
			t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
		}
	})
}

// TestNextHopAnnounced: a next hop that announces its new MAC costs nothing: the kernel's connections would follow it, too.
func TestNextHopAnnounced(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	must(t, b.Sysctl("net/ipv4/conf/all/arp_notify", "1"))
	p := start(t, a, "10.0.0.2:7", "-c=0", "-i=20ms", "--send=link", "--json")
	p.await(t, `"seq":9,`)
	must(t, b.Command(t.Context(), "ip", "link", "set", "eth0", "address", "02:11:22:33:44:55").Run())
	p.await(t, `"seq":99,`)
	must(t, p.cmd.Process.Signal(os.Interrupt))
	r := p.end(t)
	if r.code != exit.Refused || !strings.Contains(r.stdout, "next_hop_moved") || strings.Contains(r.stdout, `"outcome":"timeout"`) {
		t.Errorf("exit code %d, want %d:\n%s", r.code, exit.Refused, r.stdout)
	}
}

// TestNextHopReplaced: a next hop that comes back with another MAC, as a gateway does that another one takes over from,
// costs no more than the handshakes under way.
func TestNextHopReplaced(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	p := start(t, a, "10.0.0.2:7", "-c=0", "-i=50ms", "-W=200ms", "--send=link")
	p.await(t, "seq=2  refused")
	must(t, b.Command(t.Context(), "ip", "link", "set", "eth0", "address", "02:11:22:33:44:55").Run())
	p.await(t, "timeout")
	p.await(t, "refused")
	must(t, p.cmd.Process.Signal(os.Interrupt))
	if r := p.end(t); r.code != exit.Mixed {
		t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
	}
}

func TestFirewallOfOurOwn(t *testing.T) {
	t.Parallel()
	for _, verdict := range []string{"drop", "reject", "reject with tcp reset", "reject with icmp admin-prohibited"} {
		a, _ := labtest.Pair(t)
		labtest.Nft(t, a, `table ip output {
			chain output {
				type filter hook output priority filter
				tcp dport 7 `+verdict+`
			}
		}`)
		p := probeOnce(t, a, exit.System, "local_error", "--send=ip", "10.0.0.2:7")
		if !strings.Contains(p.Reason, "operation not permitted") {
			t.Errorf("%s: the reason is %q", verdict, p.Reason)
		}
		// Frames of our own pass it by.
		probeOnce(t, a, exit.Refused, "refused", "--send=link", "10.0.0.2:7")
	}
}

func TestNoRoomToSend(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	must(t, a.Neighbor("eth0", netip.MustParseAddr("10.0.0.2"), [6]byte{0x02, 0x00, 10, 0, 0, 2}, true))
	// A queue with room for a single octet.
	if output, err := a.Command(t.Context(), "tc", "qdisc", "replace", "dev", "eth0", "root", "bfifo", "limit", "1").CombinedOutput(); err != nil {
		t.Fatalf("tc: %v\n%s", err, output)
	}
	p := probeOnce(t, a, exit.System, "local_error", "10.0.0.2:7")
	if !strings.Contains(p.Reason, "no buffer space available") {
		t.Errorf("the reason is %q", p.Reason)
	}
}

func TestOutputFails(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, args := range [][]string{{"10.0.0.2:7"}, {"10.0.0.2:7", "--json"}, {"10.0.0.2:7", "-c=0", "-i=10ms"}, {"10.0.0.2:7", "-c=0", "-i=10ms", "--json"}, {"10.0.0.99:7", "10.0.0.99:8"}, {"--help"}, {"--version"}, {"schema"}, {"completion", "bash"}, {"doctor"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		must(t, err)
		cmd := program(t.Context(), a, args...)
		cmd.Stdout = full
		r := finish(t, cmd)
		full.Close()
		if want := "tcpprobe: cannot write the results: "; r.code != exit.Output || strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, want) || !strings.Contains(r.stderr, "no space left on device") {
			t.Errorf("%q > /dev/full: exit code %d, stderr %q", args, r.code, r.stderr)
		}

		reader, writer, err := os.Pipe()
		must(t, err)
		reader.Close()
		cmd = program(t.Context(), a, args...)
		cmd.Stdout = writer
		r = finish(t, cmd)
		writer.Close()
		if r.code != exit.Output || strings.Contains(r.stderr, "panic") || strings.Count(r.stderr, "\n") > 1 {
			t.Errorf("%q | nobody: exit code %d, stderr %q", args, r.code, r.stderr)
		}
	}
}

// TestFileFails: a file that cannot be written is told of once, also if that shows before the first packet.
func TestFileFails(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for flag, stdout := range map[string]string{"--pcap=/dev/full": "", "--diagram=/dev/full": "REFUSED  10.0.0.2:7"} {
		r := tcpprobe(t, a, "10.0.0.2:7", flag)
		want := "tcpprobe: cannot write /dev/full: write /dev/full: no space left on device\n"
		if r.code != exit.Output || r.stderr != want || !strings.Contains(r.stdout, stdout) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", flag, r.code, r.stdout, r.stderr)
		}
	}
}

// TestDiagramOnStdout: the drawing is alone there.
func TestDiagramOnStdout(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	r := tcpprobe(t, a, "10.0.0.2:7", "--diagram=-")
	if r.code != exit.Refused || !strings.HasPrefix(r.stdout, "<svg ") || !strings.HasSuffix(r.stdout, "</svg>\n") || !strings.Contains(r.stderr, "REFUSED  10.0.0.2:7") {
		t.Errorf("exit code %d, stderr\n%s", r.code, r.stderr)
	}
}

// TestFailureEndsTheSeries: what fails before a segment left, and is the last, is not waited for.
func TestFailureEndsTheSeries(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	begun := time.Now()
	r := tcpprobe(t, alone, "192.0.2.1:80", "-I=nosuch", "-i=1h")
	if took := time.Since(begun); r.code != exit.System || took > 30*time.Second {
		t.Errorf("exit code %d after %v, want %d at once", r.code, took, exit.System)
	}
}

// runPrepared runs the program on a host, after something was done to the thread that starts it.
func runPrepared(t *testing.T, h *netlab.Host, prepare func() error, args ...string) ran {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = programEnv()
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, h.Do(func() error {
		if err := prepare(); err != nil {
			return err
		}
		cmd.Run() // the exit code is looked at instead
		return nil
	}))
	if cmd.ProcessState == nil {
		t.Fatalf("%q did not start", args)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestNotPermitted(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	withoutRaw := func() error { return unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_RAW, 0, 0, 0) }
	for _, args := range [][]string{{"10.0.0.2:80"}, {"10.0.0.2:80", "--json"}, {"10.0.0.2:80", "--send=ip"}, {"www.lab.test:80"}} {
		r := runPrepared(t, a, withoutRaw, args...)
		for _, want := range []string{"CAP_NET_RAW", "sudo tcpprobe " + args[0], "sudo setcap cap_net_raw+ep "} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%q: stderr %q, want %q in it", args, r.stderr, want)
			}
		}
		if r.code != exit.NotPermitted || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
	}
}

// TestOnlyRaw: CAP_NET_RAW alone does.
func TestOnlyRaw(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	onlyRaw := func() error {
		for capability := uintptr(0); ; capability++ {
			if capability == unix.CAP_NET_RAW {
				continue
			}
			switch err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err {
			case nil:
			case unix.EINVAL:
				return nil // there are no more
			default:
				return err
			}
		}
	}
	for _, args := range [][]string{{"10.0.0.2:7"}, {"10.0.0.2:7", "--send=ip"}, {"10.0.0.2:7", "-I=eth0"}, {"10.0.0.2:7", "-I=eth0", "--send=ip"}, {"127.0.0.1:7"}} {
		if r := runPrepared(t, a, onlyRaw, args...); r.code != exit.Refused || r.stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q\n%s", args, r.code, r.stderr, r.stdout)
		}
	}
}

func TestResolvConf(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	// etc gives the thread an /etc of its own.
	etc := func(fill func() error) func() error {
		return func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			if err := unix.Mount("tmpfs", "/etc", "tmpfs", 0, ""); err != nil {
				return err
			}
			return fill()
		}
	}
	text := func(name, text string) func() error {
		return func() error { return os.WriteFile(filepath.Join("/etc", name), []byte(text), 0o644) }
	}
	for _, test := range []struct {
		name string
		fill func() error
		args []string
		code int
		want string
	}{
		{"a directory", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{"www.lab.test:80"}, exit.Configuration, "Next: look at /etc/resolv.conf, or name a server with --dns SERVER."},
		{"a directory, not needed", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{"10.3.0.80:80"}, 0, "ESTABLISHED"},
		{"a directory, not needed for an address of three numbers", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{"10.3.80:80"}, 0, "ESTABLISHED  10.3.80:80"},
		{"a directory, passed by", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{labDNS, "www.lab.test:80"}, 0, "ESTABLISHED"},
		{"none", func() error { return nil }, []string{"www.lab.test:80", "--dns-tries=1", "--dns-timeout=200ms"}, exit.DNS, "127.0.0.1"},
		{"search", text("resolv.conf", "nameserver 10.3.0.53\nsearch lab.test\n"), []string{"www:80"}, 0, "ESTABLISHED  www:80"},
		{"the second server", text("resolv.conf", "nameserver 10.3.0.80\nnameserver 10.3.0.53\noptions timeout:1\n"), []string{"www.lab.test:80"}, 0, "ESTABLISHED"},
		{"hosts", text("hosts", "10.3.0.80 web\n"), []string{"WEB:80"}, 0, "ESTABLISHED  WEB:80"},
		{"a link to nowhere", func() error { return os.Symlink("/run/nowhere", "/etc/resolv.conf") }, []string{"www.lab.test:80", "--dns-tries=1"}, exit.DNS, "/etc/resolv.conf is a link to /run/nowhere"},
		{"a server with its port", text("resolv.conf", "nameserver 10.3.0.53:53\n"), []string{"www.lab.test:80", "--dns-tries=1"}, exit.DNS, "10.3.0.53:53"},
		{"hosts, a number", text("hosts", "10.3.0.80 web.1\n"), []string{"web.1:80"}, 0, "ESTABLISHED  web.1:80"},
		{"hosts, one of two", text("hosts", "0.0.0.0 web\n10.3.0.80 web\n"), []string{"web:80"}, 0, "ESTABLISHED  web:80"},
		{"hosts, no host", text("hosts", "0.0.0.0 blocked\n"), []string{"blocked:80"}, exit.DNS, "Next: look at /etc/hosts, where the address is from."},
	} {
		r := runPrepared(t, n.Client, etc(test.fill), test.args...)
		if r.code != test.code || !strings.Contains(r.stdout+r.stderr, test.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", test.name, r.code, test.code, test.want, r.stdout, r.stderr)
		}
	}
}

func TestNoSingleHost(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, target := range []string{"10.0.0.255:80", "127.255.255.255:80"} {
		wire := labtest.Wire(t, a, "eth0")
		r := tcpprobe(t, a, "-W=300ms", target)
		if r.code != exit.NoNextHop || !strings.Contains(r.stdout, "broadcast address") {
			t.Errorf("%s: exit code %d\n%s", target, r.code, r.stdout)
		}
		if rows := wire.Tshark(t, "tcp", "frame.number"); len(rows) != 0 {
			t.Errorf("%s: %d segments left", target, len(rows))
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	for _, signal := range []os.Signal{os.Interrupt, unix.SIGTERM} {
		p := start(t, a, "10.0.0.2:80", "-W=20s")
		p.await(t, "SYN      [000010]")
		must(t, p.cmd.Process.Signal(signal))
		if r := p.end(t); r.code != exit.Interrupted || !strings.Contains(r.stdout, "INTERRUPTED  10.0.0.2:80") || r.stderr != "" {
			t.Errorf("%v: exit code %d, stderr %q\n%s", signal, r.code, r.stderr, r.stdout)
		}
	}
	t.Run("while ARP asks", func(t *testing.T) {
		p := start(t, a, "10.0.0.99:80")
		p.await(t, "ARP  ──▶  who has 10.0.0.99")
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || !strings.Contains(r.stdout, "INTERRUPTED  10.0.0.99:80") {
			t.Errorf("exit code %d\n%s", r.code, r.stdout)
		}
	})
	t.Run("while DNS asks", func(t *testing.T) {
		sink, err := b.ListenPacket("udp4", "10.0.0.2:53")
		must(t, err)
		defer sink.Close()
		p := start(t, a, "--dns=10.0.0.2", "www.lab.test:80")
		p.await(t, "DNS  ──▶  A? www.lab.test")
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || !strings.Contains(r.stdout, "INTERRUPTED  www.lab.test:80") {
			t.Errorf("exit code %d\n%s", r.code, r.stdout)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		p := start(t, a, "10.0.0.2:80", "-W=20s", "--json")
		until(t, func() bool {
			listens, packets := traces(t, a)
			return listens > 0 && packets > 0
		})
		must(t, p.cmd.Process.Signal(os.Interrupt))
		l := parseLines(t, p.end(t))
		if l.code != exit.Interrupted || len(l.summaries) != 1 || l.summaries[0].Sent != 0 {
			t.Errorf("exit code %d, %+v", l.code, l.summaries)
		}
	})
	t.Run("a series", func(t *testing.T) {
		for _, args := range [][]string{{"10.0.0.2:7", "-c=0", "-i=10ms"}, {"10.0.0.2:7", "-c=1000", "-i=10ms"}} {
			p := start(t, a, args...)
			p.await(t, "seq=5  refused")
			must(t, p.cmd.Process.Signal(os.Interrupt))
			if r := p.end(t); r.code != exit.Refused || !strings.Contains(r.stdout, "--- 10.0.0.2:7 ---") || !strings.Contains(r.stdout, " refused;") || r.stderr != "" {
				t.Errorf("%q: exit code %d, stderr %q\n%s", args, r.code, r.stderr, r.stdout)
			}
		}
	})
	t.Run("interim", func(t *testing.T) {
		p := start(t, a, "10.0.0.2:7", "-c=0", "-i=10ms")
		for _, want := range []string{"10.0.0.2:7: 0/", " established"} {
			p.await(t, "refused")
			must(t, p.cmd.Process.Signal(unix.SIGQUIT))
			line, err := p.stderr.ReadString('\n')
			if err != nil || !strings.Contains(line, want) {
				t.Errorf("interim: %q, %v", line, err)
			}
		}
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Refused || r.stderr != "" {
			t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
		}
	})
}

// until waits for a condition.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about within 20 s")
		}
	}
}

// traces counts the listening TCP sockets and the packet sockets of a host.
func traces(t *testing.T, h *netlab.Host) (listens, packets int) {
	t.Helper()
	must(t, h.Do(func() error {
		tcp, err := os.ReadFile("/proc/thread-self/net/tcp")
		if err != nil {
			return err
		}
		const listening = "0A"
		for line := range strings.Lines(string(tcp)) {
			if fields := strings.Fields(line); len(fields) > 3 && fields[3] == listening {
				listens++
			}
		}
		packet, err := os.ReadFile("/proc/thread-self/net/packet")
		packets = strings.Count(string(packet), "\n") - 1
		return err
	}))
	return listens, packets
}

// TestKilled: whenever the program is killed, nothing of it stays.
func TestKilled(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	for _, kill := range []struct {
		args []string
		when string
	}{
		{[]string{"10.0.0.2:80"}, "ARP  ──▶"},
		{[]string{"10.0.0.2:80"}, "SYN      [000010]"},
		{[]string{"10.0.0.2:80", "--send=ip"}, "SYN      [000010]"},
		{[]string{"10.0.0.2:7", "-c=0", "-i=1ms"}, "seq=1 "},
		{[]string{"10.0.0.2:7", "-c=0", "-i=1ms"}, "seq=30 "},
	} {
		p := start(t, a, kill.args...)
		p.await(t, kill.when)
		must(t, p.cmd.Process.Kill())
		p.end(t)
		if listens, packets := traces(t, a); listens != 0 || packets != 0 {
			t.Errorf("%q, killed at %q: %d listening and %d packet sockets are left", kill.args, kill.when, listens, packets)
		}
	}
	for _, left := range []struct {
		args []string
		want string
	}{
		{[]string{"nft", "list", "ruleset"}, ""},
		{[]string{"ip", "rule"}, "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"},
		{[]string{"ip", "route"}, "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n"},
	} {
		output, err := a.Command(t.Context(), left.args[0], left.args[1:]...).Output()
		if err != nil || string(output) != left.want {
			t.Errorf("%q: %q (%v), want %q", left.args, output, err, left.want)
		}
	}
	output, err := a.Command(t.Context(), "ip", "-d", "link", "show", "eth0").Output()
	if err != nil || !strings.Contains(string(output), "promiscuity 0 ") {
		t.Errorf("eth0 is promiscuous: %s (%v)", output, err)
	}
}
