//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestDeadline: what the deadline breaks off is judged by how far it had come.
func TestDeadline(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	serve(t, b, "10.0.0.2:90")
	sink, err := b.ListenPacket("udp4", "10.0.0.2:53")
	must(t, err)
	defer sink.Close()
	const left = `tcpprobe: the time was over before \d+ handshakes? had ended\n`
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string // regular expressions
	}{
		{"10.0.0.2:80", exit.Timeout, `nothing came back\nTIMEOUT  10\.0\.0\.2:80  no answer to 1 SYN in 0\.\d+ s\n`, ``},
		{"10.0.0.2:80 --send ip", exit.Timeout, `TIMEOUT  10\.0\.0\.2:80  no answer to 1 SYN in 0\.\d+ s\n`, ``},
		{"10.0.0.77:80", exit.NoNextHop, `nobody answered on eth0\nARP_TIMEOUT  10\.0\.0\.77:80  is silent on eth0\n`, ``},
		{"10.0.0.77:80 --send ip", exit.NoNextHop, `ARP_TIMEOUT  10\.0\.0\.77:80  is silent on eth0\n`, ``},
		{"www.lab.test:80 --dns 10.0.0.2", exit.DNS, `DNS_ERROR  www\.lab\.test:80  no answer about www\.lab\.test before the deadline\n`, ``},
		{"10.0.0.2:80 10.0.0.2:7", exit.Mixed, `TIMEOUT .*\n(.*\n)*REFUSED`, ``},
		{"10.0.0.2:80 --json", exit.Timeout, `"outcome":"timeout".*\n.*"timeout":1`, ``},
		{"10.0.0.2:7 -c 0 -i 50ms", exit.Refused, ` refused; `, ``},
		{"10.0.0.2:90 -c 0 -i 50ms", exit.Established, ` established; `, ``},
		{"10.0.0.2:90 -c 1000 -i 50ms", exit.Mixed, ` established; `, left},
		{"10.0.0.2:90 -c 1000 -i 50ms --require any", exit.Established, ` established; `, left},
		{"10.0.0.2:90 -c 1000 -i 50ms --require 50%", exit.Mixed, ` established; `, left},
		{"10.0.0.2:7 -c 1000 -i 50ms", exit.Refused, ` refused; `, left},
		{"--targets - --rate 10", exit.Mixed, ` not begun\n`, left},
	} {
		cmd := program(t.Context(), a, append([]string{"--deadline=700ms", "-W=1h", "--retries=0"}, strings.Fields(test.args)...)...)
		cmd.Stdin = strings.NewReader(strings.Repeat("10.0.0.2:90\n", 100))
		r := finish(t, cmd)
		if r.code != test.code || !regexp.MustCompile(test.stdout).MatchString(r.stdout) || !regexp.MustCompile(`^(`+test.stderr+`)$`).MatchString(r.stderr) {
			t.Errorf("%s: exit code %d, want %d; stdout\n%s\ndoes not match %s, or stderr %q not %s", test.args, r.code, test.code, r.stdout, test.stdout, r.stderr, test.stderr)
		}
	}
}

// TestTraceDeadline: a trace shows what it knows when its time is over, and is judged by that.
func TestTraceDeadline(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	labtest.Nft(t, b, noPadding)
	sink, err := b.ListenPacket("udp4", "10.0.0.2:53")
	must(t, err)
	defer sink.Close()
	serve(t, b, "10.0.0.2:90")
	const left = `tcpprobe: the time was over before \d+ %s had ended\n`
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string // regular expressions
	}{
		{"10.0.0.2:80", exit.Timeout, `^trace to 10\.0\.0\.2:80 (.*\n)+TIMEOUT  10\.0\.0\.2:80  no hop answers\n`, ``},
		{"10.0.0.2:80 --send ip", exit.Timeout, `TIMEOUT  10\.0\.0\.2:80  no hop answers\n`, ``},
		{"10.0.0.2:80 --json", exit.Timeout, `"type":"trace".*"outcome":"timeout".*"rounds":\["timeout"\]`, ``},
		{"10.0.0.2:80 --flows 3", exit.Timeout, `TIMEOUT  10\.0\.0\.2:80 `, ``},
		{"10.0.0.2:80 --mtu", exit.Timeout, `TIMEOUT  10\.0\.0\.2:80  no answer to 1 SYN in 0\.\d+ s\n`, ``},
		{"10.0.0.2:90 --mtu", exit.Interrupted, `INTERRUPTED  10\.0\.0\.2:90 `, fmt.Sprintf(left, "search")},
		{"10.0.0.2:80 --compare-syn", exit.Timeout, `(?s)bare.*TIMEOUT  10\.0\.0\.2:80 `, fmt.Sprintf(left, "variants")},
		{"10.0.0.77:80", exit.NoNextHop, `ARP_TIMEOUT  10\.0\.0\.77:80  is silent on eth0\n`, ``},
		{"www.lab.test:80 --dns 10.0.0.2", exit.DNS, `DNS_ERROR  www\.lab\.test:80  no answer about www\.lab\.test before the deadline\n`, ``},
		{"10.0.0.2:90", exit.Established, `ESTABLISHED  10\.0\.0\.2:90  1 hop `, ``},
		{"10.0.0.2:90 -c 1000 -i 50ms", exit.Mixed, `ESTABLISHED  10\.0\.0\.2:90  1 hop `, fmt.Sprintf(left, "rounds")},
		{"10.0.0.2:7 -c 1000 -i 50ms", exit.Refused, `REFUSED  10\.0\.0\.2:7  reset at hop 1 `, fmt.Sprintf(left, "rounds")},
	} {
		r := tcpprobe(t, a, append([]string{"trace", "--deadline=700ms", "-W=1h", "--retries=0"}, strings.Fields(test.args)...)...)
		if r.code != test.code || !regexp.MustCompile(test.stdout).MatchString(r.stdout) || !regexp.MustCompile(`^(`+test.stderr+`)$`).MatchString(r.stderr) {
			t.Errorf("%s: exit code %d, want %d; stdout\n%s\ndoes not match %s, or stderr %q not %s", test.args, r.code, test.code, r.stdout, test.stdout, r.stderr, test.stderr)
		}
	}
}

// TestDeadlineBeforeTheRun: the deadline holds while nothing is known yet, and where nobody reads.
func TestDeadlineBeforeTheRun(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, unix.Mkfifo(pipe, 0o600))
	for _, args := range []string{"--targets " + pipe, "--pcap " + pipe + " 10.0.0.2:80"} {
		r := tcpprobe(t, a, append([]string{"--deadline=300ms"}, strings.Fields(args)...)...)
		if r.code != exit.Interrupted || r.stdout != "" || r.stderr != "tcpprobe: the time was over before anything was sent\n" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
	}
	reader, writer, err := os.Pipe()
	must(t, err)
	defer reader.Close()
	defer writer.Close()
	cmd := program(t.Context(), a, "--deadline=1s", "-c=0", "-i=1ms", "--explain", "10.0.0.2:80")
	cmd.Stdout = writer
	if r := finish(t, cmd); r.code != exit.Output {
		t.Errorf("a reader that is stuck: exit code %d, stderr %q", r.code, r.stderr)
	}
}

// TestDeadlineIsNoSignal: a run that is interrupted before its deadline is no other than without one.
func TestDeadlineIsNoSignal(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	p := start(t, a, "--deadline=1h", "-W=1h", "10.0.0.2:80")
	p.await(t, "SYN      [000010]")
	must(t, p.cmd.Process.Signal(os.Interrupt))
	if r := p.end(t); r.code != exit.Interrupted || !strings.Contains(r.stdout, "INTERRUPTED  10.0.0.2:80") || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q\n%s", r.code, r.stderr, r.stdout)
	}
}
