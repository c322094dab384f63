//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// rightless are the lines of proc_pid_status(5) of a thread that has no rights.
var rightless = []string{
	"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
	"NoNewPrivs:\t1\n", "Seccomp:\t2\n",
}

// TestNoRightsWhileReading: while answers are awaited no thread of any command has a right.
func TestNoRightsWhileReading(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	dir := t.TempDir()
	var list strings.Builder
	for host := range 255 {
		fmt.Fprintf(&list, "10.0.0.2:%d\n10.0.0.%d:80\n", 1000+host, host)
	}
	targets := filepath.Join(dir, "targets")
	must(t, os.WriteFile(targets, []byte(list.String()), 0o600))
	for name, args := range map[string]string{
		"probe":      "-W 1m 10.0.0.2:80",
		"by IP":      "--send ip -W 1m 10.0.0.2:80",
		"in frames":  "--send link -W 1m 10.0.0.2:80",
		"by connect": "--send connect -W 1m 10.0.0.2:80",
		"compared":   "--compare-send -W 1m 10.0.0.2:80",
		"name":       "--dns 10.0.0.2 --dns-timeout 1m www.lab.test:80",
		"series":     "-c 0 -i 100ms 10.0.0.2:80",
		"sweep":      "-W 1m --rate 0 --targets " + targets,
		"trace":      "trace -W 1m 10.0.0.2:80",
		"flows":      "trace --flows 4 -W 1m 10.0.0.2:80",
		"check":      "check -t 1m -H 10.0.0.2 -p 80",
		"files":      fmt.Sprintf("--pcap %[1]s/p.pcapng --diagram %[1]s/d.svg -W 1m 10.0.0.2:80", dir),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, a, strings.Fields(args)...)
			lacking := "everything"
			for deadline := time.Now().Add(20 * time.Second); lacking != "" && time.Now().Before(deadline); {
				lacking = rights(p.cmd.Process.Pid)
			}
			if lacking != "" {
				t.Errorf("what is not so: %s", lacking)
			}
			must(t, p.cmd.Process.Signal(os.Interrupt))
			if r := p.end(t); r.code > 130 || strings.Contains(r.stderr, "sandbox") {
				t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
			}
		})
	}
}

// rights returns what on any thread of a process is not as rightless has it, or "".
func rights(pid int) string {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if len(threads) == 0 {
		return "no threads"
	}
	for _, name := range threads {
		status, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		for _, want := range rightless {
			if !strings.Contains(string(status), want) {
				return name + " has no " + want
			}
		}
	}
	return ""
}

// TestNoSandbox: who wants to keep the rights, keeps them, and is told so.
func TestNoSandbox(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	for args, wrong := range map[string]bool{
		"--no-sandbox 10.0.0.2:80": false, "-q --no-sandbox 10.0.0.2:80": false, "--json --no-sandbox 10.0.0.2:80": false,
		"--dry-run --no-sandbox 10.0.0.2:80": false, "trace --no-sandbox 10.0.0.2:80": false, "10.0.0.2:80": true,
	} {
		r := tcpprobe(t, a, strings.Fields(args)...)
		const said = "tcpprobe: without its sandbox, as --no-sandbox has it: it keeps all rights\n"
		if r.code != 0 || (r.stderr == said) == wrong {
			t.Errorf("%s: exit code %d, stderr %q", args, r.code, r.stderr)
		}
	}
	if r := tcpprobe(t, a, "check", "-H10.0.0.2", "-p80", "--no-sandbox"); r.code != 0 || !strings.Contains(r.stdout, "\ntcpprobe: without its sandbox") {
		t.Errorf("check: exit code %d, stdout %q", r.code, r.stdout)
	}
}

// TestUser: root becomes whom it is told to be, before it reads anything, and files are opened before that.
func TestUser(t *testing.T) {
	if !isRoot(t) {
		t.Skip("only root of the system can be another user")
	}
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	for _, user := range []string{"nobody", "65534", "65534:65534"} {
		p := start(t, a, "--user", user, "-W", "1m", "--pcap", filepath.Join(t.TempDir(), "p.pcapng"), "10.0.0.2:80")
		until(t, func() bool { return rights(p.cmd.Process.Pid) == "" })
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
		for _, name := range threads {
			status, err := os.ReadFile(name)
			must(t, err)
			for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n"} {
				if !strings.Contains(string(status), want) {
					t.Errorf("%s has no %q", name, want)
				}
			}
		}
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.stderr != "" {
			t.Errorf("stderr %q", r.stderr)
		}
	}
	for user, said := range map[string]string{
		"nosuch": "tcpprobe: --user nosuch: there is no such user: a name, or UID:GID is wanted\n",
		"1:x":    "tcpprobe: --user 1:x: two numbers are wanted, as in 65534:65534\n",
	} {
		if r := tcpprobe(t, a, "--user", user, "10.0.0.2:80"); r.code != exit.Usage || r.stderr != said || r.stdout != "" {
			t.Errorf("--user %s: exit code %d, %q", user, r.code, r.stderr)
		}
	}
}
