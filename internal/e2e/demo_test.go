//go:build linux

package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// A demoRun is a run of the demo as an ordinary user, who has a directory of its own and a mark to know its processes by.
type demoRun struct {
	*exec.Cmd
	dir, mark string
}

// demoCmd returns a run of the demo. Root is somebody else in it; in a user namespace there is nobody else to be, and root
// is an ordinary user anyway.
func demoCmd(t *testing.T, args ...string) demoRun {
	t.Helper()
	labtest.Need(t)
	const nobody = 65534
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{"demo"}, args...)...)
	users, err := os.ReadFile("/proc/self/uid_map")
	must(t, err)
	if strings.Join(strings.Fields(string(users)), " ") == "0 0 4294967295" && os.Geteuid() == 0 {
		// The directory above belongs to root, and is closed.
		dir, err = os.MkdirTemp("", "demo")
		must(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		must(t, os.Chown(dir, nobody, nobody))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	mark := "TCPPROBE_TEST_MARK=" + dir
	cmd.Dir = dir
	cmd.Env = append(programEnv(), mark, "TMPDIR="+dir, "HOME="+dir, "SHELL=/bin/sh")
	return demoRun{cmd, dir, mark}
}

// finish runs the demo to its end, and looks whether it left anything behind.
func (d demoRun) finish(t *testing.T) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if d.Stdout == nil {
		d.Stdout = &stdout
	}
	d.Stderr = &stderr
	if err := d.Run(); d.ProcessState == nil {
		t.Fatal(err)
	}
	r := ran{d.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%q ends with %v\n%.10000s%s", d.Args, d.ProcessState, r.stdout, r.stderr)
		}
	})
	d.checkLeftover(t)
	return r
}

// mounts returns the mounts at or below the directory of the run. Others come and go with what else this machine does.
func (d demoRun) mounts(t *testing.T) (found []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[4] == d.dir || strings.HasPrefix(fields[4], d.dir+"/") {
			found = append(found, line)
		}
	}
	return found
}

// checkLeftover looks for files, mounts and processes.
func (d demoRun) checkLeftover(t *testing.T) {
	t.Helper()
	files, err := os.ReadDir(d.dir)
	must(t, err)
	if len(files) > 0 {
		t.Errorf("files are left: %v", files)
	}
	for _, mount := range d.mounts(t) {
		t.Errorf("a mount is left: %s", mount)
	}
	for _, pid := range d.processes(t) {
		t.Errorf("a process is left: %s", pid)
	}
}

// processes returns the numbers of the processes that bear the mark of the run.
func (d demoRun) processes(t *testing.T) (pids []string) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	must(t, err)
	for _, name := range environments {
		// Those of others may not be read, and those that are gone cannot.
		if environment, err := os.ReadFile(name); err == nil && slices.Contains(strings.Split(string(environment), "\x00"), d.mark) {
			pids = append(pids, filepath.Base(filepath.Dir(name)))
		}
	}
	return pids
}

func TestDemo(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	r := demoCmd(t).finish(t)
	if took := time.Since(begun); took > 30*time.Second { // 14 scenes, of which three wait for a second or more
		t.Errorf("it took %v", took)
	}
	if r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q; want 0 and nothing", r.code, r.stderr)
	}
	rest := r.stdout
	for _, want := range []string{
		"client ─────── router1",
		"1 of 14  open: ", "$ tcpprobe www.demo.test:80\n", "A 10.3.0.80 ", "[000010]", "[010010]", "[010000]  ESTABLISHED", "TIME_WAIT\nESTABLISHED  www.demo.test:80  rtt ",
		"2 of 14  closed: ", "$ tcpprobe www.demo.test:81\n", "[010100]", "\nREFUSED  www.demo.test:81  reset after ",
		"3 of 14  prohibited: ", "3/13 administratively prohibited  from 10.1.0.1  ", "\nUNREACHABLE  prohibited.demo.test:80  prohibited by 10.1.0.1, 1 hop away\n",
		"4 of 14  unreachable: ", "3/1 host unreachable  from 10.1.0.1  ", "\nUNREACHABLE  ",
		"5 of 14  lost-syn: ", "again (1 of 2, after 1 s)\n", "answers SYN 2 of 2\n", "\nESTABLISHED  lossy.demo.test:80  rtt ",
		"6 of 14  silent: ", "$ tcpprobe -W 2s silent.demo.test:80\n", "nothing came back\nTIMEOUT  silent.demo.test:80  no answer to 2 SYNs in 2",
		"7 of 14  full-queue: ", "\nTIMEOUT  busy.demo.test:80  no answer to 1 SYN in 1", "its accept queue is full",
		"8 of 14  rewritten: ", "$ tcpprobe trace clamped.demo.test:80\n", "\nESTABLISHED  clamped.demo.test:80  3 hops  rtt ", "\n  changed: mss 1460 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2\n",
		"9 of 14  middlebox-reset: ", "\n 2  10.3.0.83 ", "RST,ACK [010100]  ttl 63\nREFUSED  reset.demo.test:80  reset at hop 2 after ",
		"10 of 14  black-hole: ", "$ tcpprobe trace --mtu narrow.demo.test:80\n", "\nESTABLISHED  narrow.demo.test:80  path mtu 1400\n", "datagrams over 1400 octets vanish after hop 1, 10.1.0.1, without",
		"11 of 14  no-such-name: ", "NXDOMAIN", "\nDNS_ERROR  nobody.demo.test:80  does not exist, says 10.3.0.53",
		"12 of 14  silent-gateway: ", "who has 10.1.0.254             again (3 of 3)\n", "\nARP_TIMEOUT  island.demo.test:80  gateway 10.1.0.254 is silent on eth0\n",
		"13 of 14  ipv6: ", "\ndualstack$ tcpprobe six.demo.test:80\n", "NDP  ──▶  who has 2001:db8:1::1\n", "  router  ", "mss 1440", "\nESTABLISHED  six.demo.test:80  rtt ",
		"14 of 14  dead-ipv6: ", "\nTIMEOUT  dual.demo.test:80 (2001:db8:7::80)  no answer to 1 SYN in 1", "\nESTABLISHED  dual.demo.test:80 (10.3.0.80)  rtt ",
		"\n14 scenes, and each ended as it should, in ",
	} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("%q does not follow in\n%s", want, rest)
		}
		rest = after
	}
	for line := range strings.Lines(r.stdout) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

// TestDemoLongWay: the slow cable delays each frame by 5 ms, in both directions.
func TestDemoLongWay(t *testing.T) {
	t.Parallel()
	r := demoCmd(t, "open").finish(t)
	if r.code != 0 || r.stderr != "" || strings.Contains(r.stdout, "closed") || !strings.Contains(r.stdout, "1 of 1  open: ") {
		t.Errorf("exit code %d, stderr %q; want 0, nothing, and the one scene", r.code, r.stderr)
	}
	rtt := regexp.MustCompile(`\nESTABLISHED  www\.demo\.test:80  rtt ([0-9.]+) ms`).FindStringSubmatch(r.stdout)
	if rtt == nil {
		t.Fatal("there is no RTT")
	}
	if d, err := time.ParseDuration(rtt[1] + "ms"); err != nil || d < 10*time.Millisecond || d > 500*time.Millisecond {
		t.Errorf("rtt %v (%v), want 10 ms and a little", d, err)
	}
}

func TestDemoInASCII(t *testing.T) {
	t.Parallel()
	d := demoCmd(t, "no-such-name")
	d.Env = append(d.Env, "LC_ALL=C")
	r := d.finish(t)
	if i := strings.IndexFunc(r.stdout, func(r rune) bool { return r >= utf8.RuneSelf }); r.code != 0 || i >= 0 {
		t.Errorf("exit code %d; not ASCII: %q", r.code, r.stdout[max(i, 0):])
	}
}

func TestDemoInColor(t *testing.T) {
	t.Parallel()
	d := demoCmd(t, "no-such-name")
	d.Args = slices.Insert(d.Args, 1, "--color=always")
	r := d.finish(t)
	for _, want := range []string{"\x1b[1m$ tcpprobe nobody.demo.test:80\x1b[0m\n", "\x1b[31mDNS_ERROR\x1b[0m"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// TestDemoUnreadable: whoever may run a program but not read it is no master of his own process. It is the same after the
// kernel gave the process a file's capability.
func TestDemoUnreadable(t *testing.T) {
	t.Parallel()
	d := demoCmd(t, "no-such-name")
	copied := filepath.Join(t.TempDir(), "tcpprobe")
	program, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	must(t, os.WriteFile(copied, program, 0o111))
	file, err := unix.Open(copied, unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	opened := os.NewFile(uintptr(file), copied)
	defer opened.Close()
	d.Path = "/proc/self/fd/3"
	d.ExtraFiles = []*os.File{opened}
	if r := d.finish(t); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q; want 0 and nothing", r.code, r.stderr)
	}
}

func TestDemoList(t *testing.T) {
	t.Parallel()
	r := demoCmd(t, "--list").finish(t)
	var names []string
	for line := range strings.Lines(r.stdout) {
		names = append(names, strings.Fields(line)[0])
	}
	want := []string{"open", "closed", "prohibited", "unreachable", "lost-syn", "silent", "full-queue", "rewritten", "middlebox-reset", "black-hole", "no-such-name", "silent-gateway", "ipv6", "dead-ipv6"}
	if r.code != 0 || r.stderr != "" || !slices.Equal(names, want) {
		t.Errorf("exit code %d, stderr %q, scenes %q; want 0, nothing, %q", r.code, r.stderr, names, want)
	}
}

func TestDemoUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"nosuch":       "tcpprobe: there is no scene nosuch: one of open, closed, ",
		"\x1b[31m":     `tcpprobe: there is no scene \x1b[31m: one of open, closed, `,
		"open closed":  "tcpprobe: demo takes one scene, or none for all of them\n",
		"router1":      "tcpprobe: router1 is a host: tcpprobe demo --shell router1 opens a shell there\n",
		"--shell open": "tcpprobe: demo --shell runs on client, dualstack, router1, router2, server, lossy; open is none of them\n",
		"--lsit":       "tcpprobe: there is no flag --lsit, but --list; try --help\n",
	} {
		r := demoCmd(t, strings.Fields(args)...).finish(t)
		if r.code != exit.Usage || r.stdout != "" || !strings.HasPrefix(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want 64, nothing, %q", args, r.code, r.stdout, r.stderr, want)
		}
	}
}

func TestDemoShell(t *testing.T) {
	t.Parallel()
	d := demoCmd(t, "--shell")
	d.Stdin = strings.NewReader(`
		command -v tcpprobe
		tcpprobe -q www.demo.test:80 www.demo.test:81
		echo "status $?"
		cat /etc/resolv.conf
		ls /proc/self/fd/3 2>/dev/null
		exit 3
	`)
	r := d.finish(t)
	if r.code != 3 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q; want that of the shell, and nothing", r.code, r.stderr)
	}
	r.stdout = regexp.MustCompile(`[0-9]+\.[0-9]{3} ms`).ReplaceAllString(r.stdout, "T")
	_, said, _ := strings.Cut(r.stdout, "\nTry: tcpprobe www.demo.test:80\n\n")
	want := `/dev/shm/tcpprobe
ESTABLISHED  www.demo.test:80  rtt T  connect T
REFUSED  www.demo.test:81  reset after T
status 6
nameserver 10.3.0.53
search .
`
	if said != want {
		t.Errorf("the shell said:\n%swant:\n%s", said, want)
	}
	for _, name := range []string{"www", "lossy", "busy", "clamped", "reset", "narrow", "prohibited", "unreachable", "silent", "island", "six", "dual"} {
		if !strings.Contains(r.stdout, "  "+name+".demo.test ") {
			t.Errorf("%s is not mentioned", name)
		}
	}
}

// TestDemoShellOnHost: a shell on any host, with a prompt that says which one it is.
func TestDemoShellOnHost(t *testing.T) {
	t.Parallel()
	for host, address := range map[string]string{"router2": "10.2.0.2", "server": "10.3.0.84", "lossy": "10.4.0.80"} {
		d := demoCmd(t, "--shell", host)
		d.Stdin = strings.NewReader("echo \"prompt $PS1\"\nip -4 -brief address show\ntcpprobe -q www.demo.test:80\n")
		r := d.finish(t)
		for _, want := range []string{"This shell runs on " + host + ", as its root.", "\nprompt demo:" + host + "# \n", " " + address + "/24", "ESTABLISHED  www.demo.test:80 "} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("on %s: exit code %d, there is no %q", host, r.code, want)
			}
		}
	}
}

// TestDemoShellPrompt: bash sets a prompt of its own, unless it is told otherwise behind the user's file.
func TestDemoShellPrompt(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	d := demoCmd(t, "--shell", "router1")
	d.Env = append(d.Env, "SHELL="+bash)
	// Its standard input is no terminal here: it is told to be interactive from within.
	d.Stdin = strings.NewReader("exec bash --rcfile /dev/shm/bashrc -i\necho \"prompt $PS1\"\ncommand -v tcpprobe\n")
	if r := d.finish(t); !strings.Contains(r.stdout, "\nprompt demo:router1# \n/dev/shm/tcpprobe\n") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}

func TestDemoNoShell(t *testing.T) {
	t.Parallel()
	d := demoCmd(t, "--shell")
	d.Env = append(d.Env, "SHELL=/nowhere/sh")
	r := d.finish(t)
	if want := "tcpprobe: no shell: "; r.code != exit.System || !strings.HasPrefix(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("exit code %d, stderr %q; want %d, %q", r.code, r.stderr, exit.System, want)
	}
}

// TestDemoInterrupted ends the demo while it waits for an answer that does not come: as a terminal does, which signals all of
// its processes, and as a supervisor does, which signals the one it knows.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(pid int) error{
		"SIGINT to the group": func(pid int) error { return unix.Kill(-pid, unix.SIGINT) },
		"SIGTERM":             func(pid int) error { return unix.Kill(pid, unix.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			d := demoCmd(t, "silent")
			if d.SysProcAttr == nil {
				d.SysProcAttr = new(syscall.SysProcAttr)
			}
			d.SysProcAttr.Setpgid = true
			var stderr bytes.Buffer
			d.Stderr = &stderr
			stdout, err := d.StdoutPipe()
			must(t, err)
			must(t, d.Start())
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && !strings.Contains(lines.Text(), "[000010]") {
			}
			if len(d.processes(t)) != 3 {
				t.Errorf("processes %q; want one outside, one in the namespaces, and the probe", d.processes(t))
			}
			must(t, interrupt(d.Process.Pid))
			var rest []string
			for lines.Scan() {
				rest = append(rest, lines.Text())
			}
			d.Wait()
			if code := d.ProcessState.ExitCode(); code != exit.Interrupted || stderr.Len() > 0 {
				t.Errorf("%v, stderr %q; want %d and nothing", d.ProcessState, &stderr, exit.Interrupted)
			}
			if len(rest) != 1 || !strings.HasPrefix(rest[0], "INTERRUPTED  silent.demo.test:80  ") {
				t.Errorf("after the signal it said %q", rest)
			}
			d.checkLeftover(t)
		})
	}
}

// TestDemoForbidden runs the demo where nobody may make a user namespace.
func TestDemoForbidden(t *testing.T) {
	t.Parallel()
	d := demoCmd(t)
	self, err := os.Open("/proc/self/exe")
	must(t, err)
	defer self.Close()
	d.Path, err = exec.LookPath("sh")
	must(t, err)
	d.Args = []string{"sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec /proc/self/fd/3 demo"}
	d.ExtraFiles = []*os.File{self}
	d.SysProcAttr = netlab.UserNamespace()
	d.Dir = "/" // for the root of that namespace, the other belongs to nobody it knows
	r := d.finish(t)
	want := "tcpprobe: no user namespace for the network of the demo: forbidden by sysctl user.max_user_namespaces = 0\n"
	if r.code != exit.NotPermitted || r.stdout != "" || r.stderr != want {
		t.Errorf("exit code %d, stdout %q, stderr %q; want %d, nothing, %q", r.code, r.stdout, r.stderr, exit.NotPermitted, want)
	}
}

// TestDemoOutputFails: the demo does not go on for nobody.
func TestDemoOutputFails(t *testing.T) {
	t.Parallel()
	d := demoCmd(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	defer full.Close()
	d.Stdout = full
	if r := d.finish(t); r.code != exit.Output || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("exit code %d, stderr %q; want %d and one line", r.code, r.stderr, exit.Output)
	}
}

// TestDemoMarked: what others put into the environment, or have open, does not make the demo mount over the files of the host.
func TestDemoMarked(t *testing.T) {
	t.Parallel()
	labtest.Need(t)
	for _, marked := range []string{
		"TCPPROBE_DEMO=x %s", "TCPPROBE_DEMO='mnt:[1]' %s", "%s 3</proc/self/ns/mnt", "%s 3</proc/self/ns/net", "%s 3</proc/self/exe",
	} {
		// As root of a mount namespace, where mounting would succeed.
		script := "before=$(cat /proc/self/mountinfo); " + fmt.Sprintf(marked, "/proc/self/fd/9 demo no-such-name") +
			` || exit; [ "$before" = "$(cat /proc/self/mountinfo)" ] || { echo; echo "mounted: "; cat /proc/self/mountinfo; }`
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "sh", "-c", "exec 9</proc/"+strconv.Itoa(os.Getpid())+"/exe; "+script)
		cmd.Env = programEnv()
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "mounted: ") || !strings.Contains(string(out), "\nDNS_ERROR  nobody.demo.test:80") {
			t.Errorf("%s: %v\n%s", marked, err, out)
		}
	}
}
