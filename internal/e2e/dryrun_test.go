//go:build linux

package e2e_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestDryRun: packets are built up to the first that needs an answer, by a process that may send none.
func TestDryRun(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	server, err := b.ListenPacket("udp4", "10.0.0.2:53")
	must(t, err)
	defer server.Close()
	withoutRaw := func() error { return unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_RAW, 0, 0, 0) }
	for _, test := range []struct {
		target string
		args   []string
		want   []string // in this order
	}{
		{"10.0.0.2:7", nil, []string{"who has 10.0.0.2?", "Destination Address 10.0.0.2", "10.0.0.2:7  SYN_SENT"}},
		{"10.0.0.2:7", []string{"--send=ip"}, []string{"no frame of ours", "Destination Address 10.0.0.2", "10.0.0.2:7  SYN_SENT"}},
		{"localhost:7", nil, []string{"this host", "Destination Address 127.0.0.1", "127.0.0.1:7  SYN_SENT"}},
		{"below.localhost:7", nil, []string{"this host", "Destination Address 127.0.0.1", "127.0.0.1:7  SYN_SENT"}},
		{"www.lab.test:80", []string{"--dns=10.0.0.2"}, []string{"we ask 10.0.0.2 for", "QNAME www.lab.test.", "QTYPE 1 A"}},
		{"bücher.test.:80", []string{"--dns=10.0.0.2"}, []string{"we ask 10.0.0.2 for", "QNAME xn--bcher-kva.test.", "QTYPE 1 A"}},
	} {
		r := runPrepared(t, a, withoutRaw, append([]string{"--dry-run", test.target}, test.args...)...)
		rest := r.stdout
		for _, want := range append(test.want, "DRY_RUN  ", "  nothing was sent\n") {
			var ok bool
			if _, rest, ok = strings.Cut(rest, want); !ok {
				t.Errorf("%s %q: no %q where it is wanted", test.target, test.args, want)
			}
		}
		if r.code != 0 || r.stderr != "" {
			t.Errorf("%s %q: exit code %d, stderr %q", test.target, test.args, r.code, r.stderr)
		}
	}
	must(t, server.SetReadDeadline(time.Unix(1, 0)))
	if n, from, err := server.ReadFrom(make([]byte, 512)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d octets from %v, error %v; want nothing", n, from, err)
	}
}

// TestDryRunFails: what keeps a probe from its first packet, keeps a dry run from it too.
func TestDryRunFails(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, test := range []struct {
		args string
		code int
		want string // on stderr
	}{
		{"name.invalid:80", exit.DNS, "tcpprobe: name.invalid:80: "},
		{"10.9.9.9:80", exit.NoNextHop, "tcpprobe: 10.9.9.9:80: "},
		{"10.0.0.2:80 -I=nosuch", exit.System, `there is no interface "nosuch"`},
		{"127.0.0.1:80 --send=link", exit.System, "it needs --send ip"},
		{"127.0.0.1:80 -I=eth0", exit.NoNextHop, "nothing for it may leave through eth0"},
	} {
		r := tcpprobe(t, a, append([]string{"--dry-run"}, strings.Fields(test.args)...)...)
		if r.code != test.code || strings.Contains(r.stdout, "DRY_RUN") || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%s", test.args, r.code, r.stderr, r.stdout)
		}
	}
}
