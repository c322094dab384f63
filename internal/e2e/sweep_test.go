//go:build linux

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// anyIP returns a client, and a server that has all addresses of 10.78.0.0/16 and listens on port 80 of each.
func anyIP(t *testing.T) (client, server *netlab.Host) {
	t.Helper()
	client, server = labtest.Pair(t)
	for name, value := range map[string]string{
		"tcp_syncookies": "2", // it keeps nothing of a connection before it is established
		"icmp_ratemask":  "0", // and says what it has to say to each
	} {
		must(t, server.Sysctl("net/ipv4/"+name, value))
	}
	all := netip.MustParsePrefix("10.78.0.0/16")
	for _, r := range []struct {
		host *netlab.Host
		args []string
	}{
		{server, []string{"route", "add", "local", all.String(), "dev", "lo"}},
		{client, []string{"route", "add", all.String(), "via", "10.0.0.2"}},
	} {
		if text, err := r.host.Command(t.Context(), "ip", r.args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", r.args, err, text)
		}
	}
	listener, err := server.Listen("tcp4", "0.0.0.0:80")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return client, server
}

// sweepTarget returns the nth target of 10.78.0.0/16.
func sweepTarget(n int) string { return fmt.Sprintf("10.78.%d.%d:80", n>>8, n&0xff) }

// targetsFile writes a file of targets.
func targetsFile(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "targets")
	must(t, os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	return name
}

func sweepTargets(n int) (lines []string) {
	for i := range n {
		lines = append(lines, sweepTarget(i))
	}
	return lines
}

// TestSweep probes 65,536 addresses, of which a quarter each accepts, resets, keeps silent and rejects: every one has its
// verdict.
func TestSweep(t *testing.T) {
	client, server := anyIP(t)
	labtest.Nft(t, server, `table ip sweep {
		chain input {
			type filter hook input priority 0;
			ip daddr 10.78.64.0/18 ip protocol tcp reject with tcp reset
			ip daddr 10.78.128.0/18 drop
			ip daddr 10.78.192.0/18 reject with icmp type admin-prohibited
		}
	}`)
	const all = 1 << 16
	outcomes := []string{"ESTABLISHED", "REFUSED", "TIMEOUT", "UNREACHABLE"}
	r := tcpprobe(t, client, "--targets", targetsFile(t, sweepTargets(all)...), "--rate", "0", "--close", "half", "-W", "1.5s", "--retries", "1")
	if r.code != exit.Mixed || r.stderr != "" {
		t.Fatalf("exit code %d, stderr %q", r.code, r.stderr)
	}
	verdicts := make(map[string]string, all)
	var rest []string
	for line := range strings.Lines(r.stdout) {
		words := strings.Fields(line)
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
		if !slices.Contains(outcomes, words[0]) {
			rest = append(rest, line)
			continue
		}
		if verdicts[words[1]] != "" {
			t.Errorf("%s has two verdicts", words[1])
		}
		verdicts[words[1]] = words[0]
	}
	wrong := 0
	for i := range all {
		if got, want := verdicts[sweepTarget(i)], outcomes[i/(all/4)]; got != want {
			if wrong++; wrong < 10 {
				t.Errorf("%s: %q, want %s", sweepTarget(i), got, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d verdicts are wrong", wrong)
	}
	if len(rest) == 0 || rest[0] != "--- 65536 targets ---\n" || !strings.HasPrefix(strings.Join(rest[1:], ""),
		"65536 handshakes: 16384 established, 16384 refused, 16384 unreachable,\n  16384 timeout; ") {
		t.Errorf("in the end it says\n%s", strings.Join(rest, ""))
	}
}

// TestSweepJSON makes whole handshakes, with every segment told and valid by the schema.
func TestSweepJSON(t *testing.T) {
	t.Parallel()
	client, _ := anyIP(t)
	const all = 600
	l := probeJSON(t, client, "--targets", targetsFile(t, sweepTargets(all)...), "--rate", "0", "--close", "rst")
	if l.code != exit.Established || len(l.probes) != all || len(l.summaries) != all {
		t.Fatalf("exit code %d, %d handshakes, %d summaries", l.code, len(l.probes), len(l.summaries))
	}
	for _, p := range l.probes {
		if len(p.TCP.Segments) < 4 || p.TCP.Clock != "kernel" {
			t.Errorf("%s: %d segments, %s clock", p.Target, len(p.TCP.Segments), p.TCP.Clock)
		}
	}
	if l.total != (totalLine{Targets: all, Sent: all, Established: all}) {
		t.Errorf("%+v", l.total)
	}
}

// TestSlowReader: who reads slowly slows the probes down, and misses no line.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	client, server := anyIP(t)
	labtest.Nft(t, server, `table ip count {
		counter syns { }
		chain input {
			type filter hook input priority 0;
			tcp flags & (syn|ack) == syn counter name syns
		}
	}`)
	const all = 30_000
	r, w, err := os.Pipe()
	must(t, err)
	cmd := program(t.Context(), client, "--targets", targetsFile(t, sweepTargets(all)...), "--rate", "0", "--close", "half", "-q")
	cmd.Stdout = w
	must(t, cmd.Start())
	w.Close()
	lines := bufio.NewReader(r)
	_, err = lines.ReadString('\n')
	must(t, err)
	// Nothing is read until the program has begun no handshake for a while.
	before := ""
	for range time.Tick(300 * time.Millisecond) {
		text, err := server.Command(t.Context(), "nft", "list", "counter", "ip", "count", "syns").Output()
		must(t, err)
		if string(text) == before {
			break
		}
		before = string(text)
	}
	var syns int
	if _, after, ok := strings.Cut(before, "packets "); ok {
		fmt.Sscanf(after, "%d", &syns)
	}
	if syns < 1000 || syns > all/2 {
		t.Errorf("%d SYNs before anything was read", syns)
	}
	text, err := io.ReadAll(lines)
	must(t, err)
	must(t, cmd.Wait())
	if n := 1 + strings.Count(string(text), "\n"); n != all {
		t.Errorf("%d lines of %d", n, all)
	}
}

// TestInterruptedSweep: every target is accounted for.
func TestInterruptedSweep(t *testing.T) {
	t.Parallel()
	client, server := anyIP(t)
	labtest.Nft(t, server, `table ip sweep {
		chain input {
			type filter hook input priority 0;
			ip daddr & 0.0.0.3 == 0.0.0.3 drop
		}
	}`)
	const all = 20_000
	r, w, err := os.Pipe()
	must(t, err)
	cmd := program(t.Context(), client, "--targets", targetsFile(t, sweepTargets(all)...), "--rate", "5000", "--json")
	cmd.Stdout = w
	must(t, cmd.Start())
	w.Close()
	reader := bufio.NewReader(r)
	var text strings.Builder
	for range 2000 {
		line, err := reader.ReadString('\n')
		must(t, err)
		text.WriteString(line)
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	_, err = io.Copy(&text, reader)
	must(t, err)
	cmd.Wait()
	l := parseLines(t, ran{stdout: text.String()})
	total := l.total
	if total.Targets != all || total.NotBegun == 0 || total.Broken == 0 || len(l.probes)+total.Broken+total.NotBegun != all ||
		total.Sent != len(l.probes) || total.Sent != total.Established {
		t.Errorf("%d handshakes are told, and %+v", len(l.probes), total)
	}
	if code := cmd.ProcessState.ExitCode(); code != exit.Established {
		t.Errorf("exit code %d", code)
	}
}

// TestSweepOutputClosed: without a reader, there is no point in going on.
func TestSweepOutputClosed(t *testing.T) {
	t.Parallel()
	client, _ := anyIP(t)
	r, w, err := os.Pipe()
	must(t, err)
	cmd := program(t.Context(), client, "--targets", targetsFile(t, sweepTargets(40_000)...), "--rate", "0", "--close", "half", "-q")
	cmd.Stdout = w
	must(t, cmd.Start())
	w.Close()
	_, err = bufio.NewReader(r).ReadString('\n')
	must(t, err)
	r.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exit.Output {
		t.Errorf("exit code %d, want %d", code, exit.Output)
	}
}

// TestReceiveBufferOverflow has the program not read what arrives until its receive buffer is full. It counts what was lost,
// and asks for it again.
func TestReceiveBufferOverflow(t *testing.T) {
	t.Parallel()
	client, server := anyIP(t)
	const port, all = 45_123, 3000
	r, w, err := os.Pipe()
	must(t, err)
	cmd := program(t.Context(), client, "--targets", targetsFile(t, sweepTargets(all)...), "--rate", "2000", "--close", "half", "--json",
		"--source-port", strconv.Itoa(port))
	cmd.Stdout = w
	must(t, cmd.Start())
	w.Close()
	reader := bufio.NewReader(r)
	var text strings.Builder
	for range 200 {
		line, err := reader.ReadString('\n')
		must(t, err)
		text.WriteString(line)
	}
	must(t, cmd.Process.Signal(unix.SIGSTOP))
	// They acknowledge what was never sent.
	src, dst := netip.MustParseAddr("10.78.0.1"), netip.MustParseAddr("10.0.0.1")
	junk, err := tcphdr.Header{SrcPort: 80, DstPort: port, Seq: 1, Ack: 2, Flags: tcphdr.SYN | tcphdr.ACK}.Append(nil, src, dst, nil)
	must(t, err)
	junk, err = rawip.Header{TTL: 64, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst}.Append(nil, junk)
	must(t, err)
	must(t, server.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for range 30_000 {
			if err := unix.Sendto(fd, junk, 0, &unix.SockaddrInet4{Addr: dst.As4()}); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, cmd.Process.Signal(unix.SIGCONT))
	_, err = io.Copy(&text, reader)
	must(t, err)
	cmd.Wait()
	l := parseLines(t, ran{stdout: text.String()})
	if l.total.Drops == 0 || l.total.Established != all || len(l.probes) != all {
		t.Errorf("%d handshakes are told, and %+v", len(l.probes), l.total)
	}
}

// TestRateOnTheWire: in no tenth of a second are there more SYNs than the rate allows.
func TestRateOnTheWire(t *testing.T) {
	t.Parallel()
	client, server := anyIP(t)
	const all, rate = 900, 1000
	wire := labtest.Wire(t, server, "eth0")
	r := tcpprobe(t, client, "--targets", targetsFile(t, sweepTargets(all)...), "--rate", strconv.Itoa(rate), "--close", "half", "-q")
	if r.code != exit.Established {
		t.Fatalf("exit code %d", r.code)
	}
	var at []float64
	for _, row := range wire.Tshark(t, "tcp.flags == 2", "frame.time_epoch") {
		seconds, err := strconv.ParseFloat(row[0], 64)
		must(t, err)
		at = append(at, seconds)
	}
	if len(at) != all {
		t.Fatalf("%d SYNs", len(at))
	}
	for i := rate / 10; i < len(at); i++ {
		if apart := at[i] - at[i-rate/10]; apart < 0.1 {
			t.Errorf("%d SYNs within %.4f s", rate/10+1, apart)
		}
	}
	if took := at[len(at)-1] - at[0]; took > 1.5*all/rate {
		t.Errorf("%d SYNs took %.2f s", all, took)
	}
}

// TestTargetsFile: comments and blank lines are none, a line that is no target is named, and nothing is sent.
func TestTargetsFile(t *testing.T) {
	t.Parallel()
	client, _ := anyIP(t)
	wire := labtest.Wire(t, client, "eth0")
	good := targetsFile(t, "# all of them", "", "10.78.0.1:80  # the first", "\t10.78.0.2:80\r")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--targets", targetsFile(t, "10.78.0.1:80", "# no port", "", "10.78.0.2")}, "line 4: target 10.78.0.2: the port is missing, as in 10.78.0.2:80"},
		{[]string{"--targets", targetsFile(t, "# nothing")}, "has no target in it"},
		{[]string{"--targets", "/nonexistent"}, "--targets: open /nonexistent: no such file or directory"},
		{[]string{"--targets", good, "--max-targets", "1"}, "there are more than 1 targets: raise --max-targets if they are all meant"},
		{[]string{"--targets", targetsFile(t, strings.Repeat("x", 5000))}, "line 1: it is longer than 4096 octets"},
		{[]string{"10.78.0.1:80", "--rate", "-1"}, "--rate -1 is not within 0 to 10000000"},
	} {
		r := tcpprobe(t, client, test.args...)
		if r.code != exit.Usage || r.stdout != "" || !strings.Contains(r.stderr, test.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %q", test.args, r.code, r.stdout, r.stderr, test.want)
		}
	}
	if rows := wire.Tshark(t, "", "frame.number"); len(rows) != 0 {
		t.Errorf("%d frames", len(rows))
	}
	cmd := program(t.Context(), client, "--targets", "-", "--close", "half", "10.78.0.3:80")
	stdin, err := os.Open(good)
	must(t, err)
	defer stdin.Close()
	cmd.Stdin = stdin
	r := finish(t, cmd)
	if r.code != exit.Established || strings.Count(r.stdout, "ESTABLISHED") != 3 || !strings.Contains(r.stdout, "--- 3 targets ---\n3 handshakes: 3 established; ") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}
