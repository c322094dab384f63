//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

func TestInterrupted(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	for _, signal := range []os.Signal{os.Interrupt, unix.SIGTERM, unix.SIGHUP} {
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

// TestInterruptedWithoutHandshakes: a signal ends a run also where no handshake begins, since nothing can be reached.
func TestInterruptedWithoutHandshakes(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	const targets = 100_000
	list := filepath.Join(t.TempDir(), "targets")
	must(t, os.WriteFile(list, []byte(strings.Repeat("192.0.2.1:80\n", targets)), 0o600))
	p := start(t, a, "--targets", list, "--rate=0", "--max-targets=0")
	p.await(t, "NO_ROUTE")
	must(t, p.cmd.Process.Signal(os.Interrupt))
	r := p.end(t)
	p.seen.Reset() // it is long
	if ended := strings.Count(r.stdout, "NO_ROUTE"); r.code != exit.NoNextHop || ended >= targets || r.stderr != "" {
		t.Errorf("exit code %d, %d of %d ended, stderr %q", r.code, ended, targets, r.stderr)
	}
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

// TestInterruptedByPipe: a named pipe that nobody reads is waited for, and the wait ends with the first signal.
func TestInterruptedByPipe(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, unix.Mkfifo(pipe, 0o600))
	probed := []string{"10.0.0.2:80", "-W=300ms"}
	for _, args := range [][]string{
		append([]string{"--pcap", pipe}, probed...), append([]string{"--diagram", pipe}, probed...), append([]string{"--targets", pipe}, probed...),
		{"read", pipe}, {"read", os.DevNull, pipe},
	} {
		p := start(t, a, args...)
		until(t, func() bool {
			return blocksIn(p.cmd.Process.Pid, "fifo") || blocksIn(p.cmd.Process.Pid, "wait_for_partner")
		})
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || strings.Contains(r.stdout, "ESTABLISHED") || r.stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q\n%s", args, r.code, r.stderr, r.stdout)
		}
	}
	// With a reader that comes late, nothing is lost.
	p := start(t, a, "--pcap", pipe, "10.0.0.2:80")
	content, err := os.ReadFile(pipe)
	must(t, err)
	if r := p.end(t); r.code != exit.Established || len(content) < 500 {
		t.Errorf("exit code %d, %d octets of the capture", r.code, len(content))
	}
}
