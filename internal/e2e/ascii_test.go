//go:build linux

package e2e_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/netlab/labtest"
)

// TestASCII: where the locale is not UTF-8, no text has anything but ASCII in it, whatever was typed and received.
func TestASCII(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		answer := reply(query, [4]byte{10, 3, 0, 80})
		if strings.HasPrefix(query.Questions[0].Name.String(), "xn--") {
			answer.Answers, answer.RCode = nil, dnsmessage.RCodeNameError
		}
		packed, err := answer.Pack()
		if err == nil {
			_, err = conn.WriteTo(packed, from)
		}
		if err != nil {
			t.Error(err)
		}
	})
	interest := []string{
		"10.3.0.80:80 -v", "10.3.0.80:80 10.3.0.80:81 bücher.test:80", "10.3.0.80:81 --explain=checksum", "10.3.0.80:81 --dry-run", "bücher.test:80 --dry-run",
		"bücher.test:80 --explain", "bücher.test:80 -c2 -i10ms", "-q bücher.test:80", "--targets - -v", "--targets - -c2 -i10ms",
		"10.3.0.80:80 -c 3 -i 10ms --assert p99<1us --assert outage>412us", "10.3.0.80:80 -I größe0", "10.3.0.80:80 --pcap /größe/x", "größe",
		"bücher.test:größe", "10.3.0.80:80 -c µ", "10.3.0.80:80 -W 3µs", "10.3.0.80:80 --größe", "10.3.0.80:80 --assert größe<1", "10.3.0.80:80 --fail-on größe",
		"bücher.test:80 -o mermaid", "10.3.0.80:81 -o mermaid", "bücher.test:80 --wait 50ms -i 20ms",
		"trace -v 10.3.0.80:80 -W300ms", "trace 10.3.0.80:81 -W300ms --explain", "trace --flows 2 10.3.0.80:80 -W300ms", "trace --mtu 10.3.0.80:80 -W300ms",
		"trace --compare-syn 10.3.0.80:80 -W300ms", "trace bücher.test:80", "trace -o mermaid 10.3.0.80:80 -W300ms",
		"check -H 10.3.0.80 -p 80 -vvv", "check -H bücher.test -p 80 -vvv --dns 10.3.0.54", "check -H 10.3.0.80 -p 80 -t 412us", "check -H größe -p größe",
		"check -H 10.3.0.80 -p 80 -n 9 -i 412us -t 900us", "check --help",
		"doctor", "--help", "trace --help", "schema", "completion bash", "completion zsh", "completion fish", "demo --list", "demo größe", "--version", "größe --größe",
	}
	for _, args := range interest {
		fields := strings.Fields(args)
		if !strings.Contains(args, "check") && strings.Contains(args, ":") {
			fields = append(fields, "--dns=10.3.0.54")
		}
		cmd := program(t.Context(), n.Client, fields...)
		cmd.Env = append(cmd.Env, "LC_ALL=C", "PWD="+filepath.Join(t.TempDir(), "größe"))
		cmd.Stdin = strings.NewReader("bücher.test:80\n10.3.0.80:80\n")
		r := finish(t, cmd)
		for _, said := range []string{r.stdout, r.stderr} {
			if i := strings.IndexFunc(said, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
				t.Errorf("%s: exit code %d: not ASCII: %q", args, r.code, said[max(i-60, 0):min(i+60, len(said))])
			}
		}
		if r.stdout == "" && r.stderr == "" {
			t.Errorf("%s says nothing", args)
		}
	}
}
