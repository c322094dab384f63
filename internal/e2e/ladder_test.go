//go:build linux

package e2e_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tcpprobe/internal/netlab/labtest"
)

// labDNS names the lab's server, so that no test asks another.
const labDNS = "--dns=10.3.0.53"

// timeless replaces what differs from run to run: times, which are all printed with three decimals or as a sum of SYNs,
// and where the last line breaks for them.
func timeless(text string) string {
	text = strings.ReplaceAll(text, "\n  (", "  (")
	text = regexp.MustCompile(`(?m) +\d+\.\d{3} ms`).ReplaceAllString(text, " T ms")
	return regexp.MustCompile(`(?m)(^ *)?\b\d+\.\d{3}\b`).ReplaceAllString(text, "T")
}

// checkText checks what a run printed, but for the times, and its exit code.
func checkText(t *testing.T, r ran, code int, want string) {
	t.Helper()
	if got := timeless(r.stdout); got != strings.TrimPrefix(want, "\n") || r.code != code || r.stderr != "" {
		t.Errorf("exit code %d, want %d; stderr %q; stdout, but for the times:\n%s\nwant%s", r.code, code, r.stderr, got, want)
	}
	checkLines(t, r.stdout)
}

// checkLines checks that no line is too long for a terminal.
func checkLines(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

func TestLadder(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	t.Run("established", func(t *testing.T) {
		// A server that has not closed yet may acknowledge our FIN before it sends its own.
		r := tcpprobe(t, n.Client, labDNS, "www.lab.test:80")
		r.stdout = regexp.MustCompile(`(?m)^.*FIN_WAIT2\n`).ReplaceAllString(r.stdout, "")
		checkText(t, r, 0, `
T  DNS  ──▶  A? www.lab.test                ask 10.3.0.53
T  DNS  ◀──  A 10.3.0.80                    ttl 0 T ms
T  IP        via 10.1.0.1 on eth0, from 10.1.0.2
T  ARP  ──▶  who has 10.1.0.1
T  ARP  ◀──  10.1.0.1 is at 02:00:0a:01:00:01 T ms
T  TCP  ──▶  SYN      [000010]  mss 1460 ws 7 sack ts
T  TCP  ◀──  SYN,ACK  [010010]  mss 1460 ws 10 sack ts  ttl 62 T ms
T  TCP  ──▶  ACK      [010000]  ESTABLISHED T ms
T  TCP  ──▶  FIN,ACK  [010001]
T  TCP  ◀──  FIN,ACK  [010001] T ms
T  TCP  ──▶  ACK      [010000]  TIME_WAIT
ESTABLISHED  www.lab.test:80  rtt T ms  connect T ms  (dns T, arp T)
`)
	})
	t.Run("refused", func(t *testing.T) {
		checkText(t, tcpprobe(t, n.Client, "10.3.0.80:81"), 1, `
T  IP        via 10.1.0.1 on eth0, from 10.1.0.2
T  ARP  ──▶  who has 10.1.0.1
T  ARP  ◀──  10.1.0.1 is at 02:00:0a:01:00:01 T ms
T  TCP  ──▶  SYN      [000010]  mss 1460 ws 7 sack ts
T  TCP  ◀──  RST,ACK  [010100]  ttl 62 T ms
REFUSED  10.3.0.80:81  reset after T ms
  note: sent in frames, past this host's firewall, translation and IPsec if any
  A RST in its name: nothing listens on port 81, or a firewall sent it.
`)
	})
	t.Run("no such name", func(t *testing.T) {
		checkText(t, tcpprobe(t, n.Client, labDNS, "nobody.lab.test:80"), 4, `
T  DNS  ──▶  A? nobody.lab.test             ask 10.3.0.53
T  DNS  ◀──  NXDOMAIN T ms
DNS_ERROR  nobody.lab.test:80  does not exist, says 10.3.0.53 (NXDOMAIN)
  No segment was sent, since there is no address to send it to.
  Next: look at the spelling, or ask another server with --dns SERVER.
`)
	})
	t.Run("quiet", func(t *testing.T) {
		checkText(t, tcpprobe(t, n.Client, labDNS, "-q", "www.lab.test:80", "www.lab.test:81"), 6, `
ESTABLISHED  www.lab.test:80  rtt T ms  connect T ms
REFUSED  www.lab.test:81  reset after T ms
`)
	})
	t.Run("another locale", func(t *testing.T) {
		cmd := program(t.Context(), n.Client, "10.3.0.80:80")
		cmd.Env = append(cmd.Env, "LC_ALL=", "LC_CTYPE=", "LANG=C")
		r := finish(t, cmd)
		if i := strings.IndexFunc(r.stdout, func(r rune) bool { return r >= utf8.RuneSelf }); r.code != 0 || i >= 0 {
			t.Errorf("exit code %d; not ASCII: %q", r.code, r.stdout[max(i, 0):])
		}
		for _, want := range []string{"TCP  -->  SYN  ", "TCP  <--  SYN,ACK  "} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("there is no %q", want)
			}
		}
	})
	t.Run("color", func(t *testing.T) {
		sgr := regexp.MustCompile("\x1b\\[[0-9;]*m")
		plain := tcpprobe(t, n.Client, "10.3.0.80:81", "--color=never")
		colored := tcpprobe(t, n.Client, "10.3.0.80:81", "--color=always")
		if sgr.MatchString(plain.stdout) || !sgr.MatchString(colored.stdout) {
			t.Errorf("color where there should be none, or none where there should be:\n%q\n%q", plain.stdout, colored.stdout)
		}
		if got, want := timeless(sgr.ReplaceAllString(colored.stdout, "")), timeless(plain.stdout); got != want {
			t.Errorf("with color:\n%s\nwithout:\n%s", got, want)
		}
	})
	t.Run("verbose", func(t *testing.T) {
		r := tcpprobe(t, n.Client, "10.3.0.80:80", "-v")
		for _, want := range []string{"options   mss 1460, sackok, ts val ", "ecr 0, nop, ws 7 (×128)", "DF ttl 64 tos 0x00 len 60", "clock     kernel"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("there is no %q", want)
			}
		}
	})
}
