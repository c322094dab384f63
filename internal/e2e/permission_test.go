//go:build linux

package e2e_test

import (
	"os"
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
	for _, args := range [][]string{{"10.0.0.2:80", "--send=link"}, {"10.0.0.2:80", "--json", "--send=ip"}, {"10.0.0.2:80", "--pcap=-"}, {"www.lab.test:80", "--syn=bare"}, {"-vv", "trace", "--flows", "2", "10.0.0.2:80"}} {
		r := runPrepared(t, a, withoutRaw, args...)
		for _, want := range []string{"CAP_NET_RAW", `run "sudo /proc/self/exe ` + strings.Join(args, " ") + `"`, `"sudo setcap cap_net_raw+p `, `"/proc/self/exe doctor"`} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%q: stderr %q, want %q in it", args, r.stderr, want)
			}
		}
		if r.code != exit.NotPermitted || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
	}
}

// TestNotPermittedQuotes: what was typed is told such that a shell takes it for the same again.
func TestNotPermittedQuotes(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	r := runPrepared(t, a, withoutRaw, "10.0.0.2:80", "--send=link", "--assert", "p99<5ms", "--pcap", "it's one")
	if want := `sudo /proc/self/exe 10.0.0.2:80 --send=link --assert 'p99<5ms' --pcap 'it'\''s one'"`; r.code != exit.NotPermitted || !strings.Contains(r.stderr, want) {
		t.Errorf("exit code %d, stderr %q, want %s in it", r.code, r.stderr, want)
	}
}

// TestForeignNetwork: root of a user namespace that does not own the network is told that, and not to use sudo.
func TestForeignNetwork(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, args := range [][]string{{"--send=link", "10.0.0.2:80"}, {"trace", "10.0.0.2:80"}, {"check", "--send=ip", "-H", "10.0.0.2", "-p", "80"}} {
		self, err := os.Open("/proc/self/exe")
		must(t, err)
		defer self.Close()
		cmd := a.Command(t.Context(), "unshare", append([]string{"--user", "--map-root-user", "/proc/self/fd/3"}, args...)...)
		cmd.Env, cmd.ExtraFiles = programEnv(), []*os.File{self}
		r := finish(t, cmd)
		said, code := r.stderr, exit.NotPermitted
		if args[0] == "check" {
			said, code = r.stdout, 3
		}
		if r.code != code || strings.Count(said, "\n") != 1 || !strings.Contains(said, "this user namespace does not own the network that it is in") ||
			strings.Contains(said, "setcap") || !strings.Contains(said, ` doctor" says more`) {
			t.Errorf("%q: exit code %d, %q", args, r.code, said)
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
