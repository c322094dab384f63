//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// screen is a terminal of tmux in which a shell on a host has started the program.
type screen struct {
	t      *testing.T
	host   *netlab.Host
	socket string
	dir    string // the current one
}

// openScreen starts the program in a terminal. Behind it, the shell says how it ended, and how the terminal is set then.
func openScreen(t *testing.T, h *netlab.Host, args ...string) *screen {
	t.Helper()
	labtest.NeedTool(t, "tmux")
	// The names of sockets are short.
	dir, err := os.MkdirTemp("", "watch")
	must(t, err)
	// The folder of the test binary may be closed to an ordinary user.
	program, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	self := filepath.Join(dir, "tcpprobe")
	must(t, os.WriteFile(self, program, 0o755))
	s := &screen{t: t, host: h, socket: filepath.Join(dir, "s"), dir: dir}
	script := filepath.Join(dir, "run")
	must(t, os.WriteFile(script, fmt.Appendf(nil, "cd %s\necho $$ > shell\n%s %s\ncode=$?\necho ended with $code\necho $code > code\nexec sleep 600\n",
		dir, self, strings.Join(args, " ")), 0o600))
	cmd := h.Command(t.Context(), "tmux", "-u", "-S", s.socket, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "sh "+script)
	cmd.Env = programEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen at the end:\n%s", s.text())
		}
		s.tmux("kill-server")
		os.RemoveAll(dir)
	})
	return s
}

// tmux runs a command of tmux, and returns what it prints.
func (s *screen) tmux(args ...string) string {
	out, _ := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).Output()
	return string(out)
}

// text returns what stands on the screen.
func (s *screen) text() string { return s.tmux("capture-pane", "-p") }

// shows waits until a pattern stands on the screen.
func (s *screen) shows(pattern string) string {
	s.t.Helper()
	p := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		switch text := s.text(); {
		case p.MatchString(text):
			return text
		case time.Now().After(deadline):
			s.t.Fatalf("%s is not on the screen within 30 s", pattern)
		}
	}
}

// press presses keys, by their names for tmux.
func (s *screen) press(keys ...string) { s.tmux(append([]string{"send-keys"}, keys...)...) }

// process returns the number of the program's process: the child of the shell.
func (s *screen) process() int {
	s.t.Helper()
	shell, err := os.ReadFile(filepath.Join(s.dir, "shell"))
	must(s.t, err)
	pid := strings.TrimSpace(string(shell))
	children, err := os.ReadFile(fmt.Sprintf("/proc/%s/task/%[1]s/children", pid))
	must(s.t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(children)))
	must(s.t, err)
	return n
}

// gone waits for the end of the program, and checks that it has left the terminal as it was: with its lines, its echo, its cursor and
// what stood on it. What the shell writes at a death may come before that, and be gone with the screen.
func (s *screen) gone(ended ...string) {
	s.t.Helper()
	var code string
	until(s.t, func() bool {
		read, err := os.ReadFile(filepath.Join(s.dir, "code"))
		code = strings.TrimSpace(string(read))
		return err == nil && code != ""
	})
	if !slices.Contains(ended, code) {
		s.t.Errorf("it ended with %s, want %q", code, ended)
	}
	tty := strings.TrimSpace(s.tmux("display-message", "-p", "#{pane_tty}"))
	until(s.t, func() bool {
		flags := strings.TrimSpace(s.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{keypad_flag}"))
		modes, _ := exec.Command("stty", "-F", tty, "-a").Output()
		return flags == "0 1 0" && strings.Contains(string(modes), " icanon ") && strings.Contains(string(modes), " echo ")
	})
}

// TestWatch drives the live view: all targets, one of them, its path, files, and the statistics in the end, without rights all the
// while.
func TestWatch(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	s := openScreen(t, a, "watch", "-i", "100ms", "10.0.0.2:80", "10.0.0.2:81", "--record", "run.ndjson")
	s.shows(`✗ 1 down +● 1 up`)
	text := s.shows(`✗ 10\.0\.0\.2:81 +r{5}`)
	if up, down := strings.Index(text, "● 10.0.0.2:80"), strings.Index(text, "✗ 10.0.0.2:81"); up < 0 || down > up {
		t.Errorf("who is down does not come first:\n%s", text)
	}
	if lacking := rights(s.process()); lacking != "" {
		t.Errorf("what is not so: %s", lacking)
	}
	s.press("j", "Enter")
	s.shows(`(?s)● 10\.0\.0\.2:80 .*history.*last handshake.*SYN,ACK  \[010010\].*ESTABLISHED`)
	s.press("w")
	s.shows(`wrote tcpprobe-10\.0\.0\.2_80-[0-9-]+\.svg and tcpprobe-10\.0\.0\.2_80-[0-9-]+\.pcapng`)
	s.press("w")
	until(t, func() bool { files, _ := filepath.Glob(s.dir + "/*.pcapng"); return len(files) == 2 })
	s.press("t")
	s.shows(`(?s)path to 10\.0\.0\.2:80.*1 +10\.0\.0\.2 .*SYN,ACK of the target`)
	s.press("Escape")
	s.shows(`✗ 1 down +● 1 up`)
	s.tmux("resize-window", "-x", "40", "-y", "12")
	s.shows(`(?m)^ tcpprobe watch  ✗ 1 down  ● 1 up$`)
	s.tmux("resize-window", "-x", "100", "-y", "30")
	s.press("q")
	s.gone("6")
	s.shows(`(?s)10\.0\.0\.2:80 ---\n\d+ handshakes: \d+ established.*10\.0\.0\.2:81 ---\n\d+ handshakes: 0 established, \d+ refused`)
	for _, pattern := range []string{"*.svg", "*.pcapng"} {
		files, _ := filepath.Glob(filepath.Join(s.dir, pattern))
		for _, name := range files {
			if info, err := os.Stat(name); err != nil || info.Size() < 500 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
	r := openScreen(t, a, "watch", "--replay", filepath.Join(s.dir, "run.ndjson"))
	r.press("]", "]")
	r.shows(`00:00:0\d of 00:00:\d\d  4x`)
	r.press(".")
	r.shows(`✗ 1 down +● 1 up`)
	r.press("C-c")
	r.gone("0")
}

// TestWatchEnds: the terminal is whole after any end.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for signal, ended := range map[string][]string{"TERM": {"1"}, "HUP": {"1"}, "INT": {"1"}, "KILL": {"137"}, "SYS": {"159", "134"}, "SEGV": {"159", "134", "139"}} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			s := openScreen(t, a, "watch", "10.0.0.2:81")
			s.shows(`✗ 1 down`)
			must(t, exec.Command("kill", "-"+signal, strconv.Itoa(s.process())).Run())
			s.gone(ended...)
		})
	}
}

// TestWatchCount: when every target has had its handshakes, the screen is given back and the statistics stand.
func TestWatchCount(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	s := openScreen(t, a, "watch", "-c", "2", "-i", "100ms", "10.0.0.2:80", "10.0.0.2:81")
	s.gone("6")
	s.shows(`(?s)10\.0\.0\.2:80 ---\n2 handshakes: 2 established.*10\.0\.0\.2:81 ---\n2 handshakes: 0 established, 2 refused`)
}

// TestWatchTrace: a trace without end is the page of the live view, and prints what was found in the end.
func TestWatchTrace(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	s := openScreen(t, a, "trace", "-c", "0", "10.0.0.2:80")
	s.shows(`(?s)path to 10\.0\.0\.2:80 +\d+ rounds.*1 +10\.0\.0\.2 `)
	s.press("q")
	s.gone("0")
	s.shows(`(?s)trace to 10\.0\.0\.2:80 .*ESTABLISHED`)
}

// TestWatchWithout: what cannot be shown is said, and what would be right.
func TestWatchWithout(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, args := range []string{"watch 10.0.0.2:80", "watch --replay nothing", "trace -c 0 10.0.0.2:80", "watch", "watch --record-size 1M 10.0.0.2:80", "watch --record r --record-size 7x 10.0.0.2:80", "watch --replay r 10.0.0.2:80", "watch --write-to= 10.0.0.2:80"} {
		r := tcpprobe(t, a, strings.Fields(args)...)
		if r.code != exit.Usage || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
		if args == "watch 10.0.0.2:80" && !strings.Contains(r.stderr, "-c 0") {
			t.Errorf("%s: stderr %q does not name -c 0", args, r.stderr)
		}
	}
}
