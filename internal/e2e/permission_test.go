//go:build linux

package e2e_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// withoutRaw takes CAP_NET_RAW from the process that is about to become the program.
func withoutRaw() error { return unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_RAW, 0, 0, 0) }

func TestNotPermitted(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, args := range [][]string{{"10.0.0.2:80", "--send=link"}, {"10.0.0.2:80", "--json", "--send=ip"}, {"10.0.0.2:80", "--pcap=-"}, {"www.lab.test:80", "--syn=bare"}} {
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
