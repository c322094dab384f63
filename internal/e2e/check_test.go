//go:build linux

package e2e_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"tcpprobe/internal/nagios"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/tcphdr"
)

const checkTCP = "/usr/lib/nagios/plugins/check_tcp"

// checkPlugin runs the plugin on a host, and checks that all it says is one line on stdout, which names the state that it exits
// with.
func checkPlugin(t *testing.T, h *netlab.Host, args ...string) ran {
	t.Helper()
	r := tcpprobe(t, h, append([]string{"check"}, args...)...)
	if r.code < 0 || r.code > 3 {
		t.Fatalf("%q: exit code %d", args, r.code)
	}
	onePluginLine(t, r, nagios.State(r.code))
	return r
}

func onePluginLine(t *testing.T, r ran, state nagios.State) {
	t.Helper()
	line, newline := strings.CutSuffix(r.stdout, "\n")
	if !newline || r.stderr != "" || !strings.HasPrefix(line, "TCPPROBE "+state.String()+" - ") || r.code != int(state) ||
		strings.ContainsFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }) || strings.Count(line, "|") > 1 {
		t.Errorf("exit code %d, want %v; stdout %q, stderr %q", r.code, state, r.stdout, r.stderr)
	}
}

// slowAndGuarded has an answer of b take 30 ms, and a firewall on b that drops port 7 and rejects port 13.
func slowAndGuarded(t *testing.T) (a *netlab.Host) {
	t.Helper()
	a, b, _ := impaired(t, netlab.Impairment{From: netlab.FromB, Set: tcphdr.SYN | tcphdr.ACK, Action: netlab.Delay, Time: 30 * time.Millisecond})
	labtest.Nft(t, b, `table ip guard {
		chain input {
			type filter hook input priority filter
			tcp dport 7 drop
			tcp dport 13 reject with icmp admin-prohibited
		}
	}`)
	serve(t, b, "10.0.0.2:80")
	return a
}

// TestSameStateAsCheckTCP compares the plugin with that of the Monitoring Plugins on the same targets. Where they differ, it is
// written down here and in docs/usage.md.
func TestSameStateAsCheckTCP(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath(checkTCP); err != nil && os.Getenv("TCPPROBE_LAB_REQUIRED") != "" {
		t.Fatalf("%v: scripts/test installs it", err)
	} else if err != nil {
		t.Skipf("%v: scripts/test installs it", err)
	}
	a := slowAndGuarded(t)
	for _, test := range []struct {
		name   string
		args   string // the same for both
		want   nagios.State
		theirs nagios.State // if it differs
	}{
		{"open", "-H 10.0.0.2 -p 80", nagios.OK, nagios.OK},
		{"fast enough", "-H 10.0.0.2 -p 80 -w 5 -c 8", nagios.OK, nagios.OK},
		{"slow", "-H 10.0.0.2 -p 80 -w 0.01 -c 8", nagios.Warning, nagios.Warning},
		{"too slow", "-H 10.0.0.2 -p 80 -w 0.001 -c 0.01", nagios.Critical, nagios.Critical},
		{"too slow, no warning", "-H 10.0.0.2 -p 80 -c 0.01", nagios.Critical, nagios.Critical},
		{"closed", "-H 10.0.0.2 -p 81", nagios.Critical, nagios.Critical},
		{"closed, crit", "-H 10.0.0.2 -p 81 -r crit", nagios.Critical, nagios.Critical},
		{"closed, warn", "-H 10.0.0.2 -p 81 -r warn", nagios.Warning, nagios.Warning},
		{"closed, ok", "-H 10.0.0.2 -p 81 -r ok", nagios.OK, nagios.OK},
		{"silent", "-H 10.0.0.2 -p 7 -t 2", nagios.Critical, nagios.Critical},
		{"silent, whatever a refusal is", "-H 10.0.0.2 -p 7 -t 2 -r ok", nagios.Critical, nagios.Critical},
		{"prohibited", "-H 10.0.0.2 -p 13", nagios.Critical, nagios.Critical},
		{"no route", "-H 10.9.0.1 -p 80", nagios.Critical, nagios.Critical},
		{"nobody there", "-H 10.0.0.77 -p 80", nagios.Critical, nagios.Critical},
		{"unknown name", "-H nosuch.invalid -p 80", nagios.Critical, nagios.Critical},
		{"no port", "-H 10.0.0.2", nagios.Unknown, nagios.Critical},
		{"no host", "-p 80", nagios.Unknown, nagios.Critical},
		{"port out of range", "-H 10.0.0.2 -p 70000", nagios.Unknown, nagios.Critical},
		{"bad state", "-H 10.0.0.2 -p 80 -r maybe", nagios.Unknown, nagios.Unknown},
		{"bad threshold", "-H 10.0.0.2 -p 80 -w fast", nagios.Unknown, nagios.Warning},
		{"no such flag", "-H 10.0.0.2 -p 80 --nosuch", nagios.Unknown, nagios.Unknown},
	} {
		args := strings.Fields(test.args)
		r := checkPlugin(t, a, args...)
		cmd := a.Command(t.Context(), checkTCP, args...)
		theirs := finish(t, cmd)
		if r.code != int(test.want) || theirs.code != int(test.theirs) {
			t.Errorf("%s: %v, want %v: %s\ncheck_tcp: %d, want %d: %s", test.name, nagios.State(r.code), test.want, r.stdout, theirs.code, int(test.theirs), theirs.stdout)
		}
	}
}

// TestCheckMeasures: the performance data are those of the handshake.
func TestCheckMeasures(t *testing.T) {
	t.Parallel()
	a := slowAndGuarded(t)
	for args, number := range map[string]int{"-w 5": 1, "-n 3 -i 10ms -w 5": 3} {
		r := checkPlugin(t, a, strings.Fields("-H 10.0.0.2 -p 80 "+args)...)
		_, performance, _ := strings.Cut(strings.TrimSpace(r.stdout), " | ")
		value, rest, _ := strings.Cut(strings.TrimPrefix(performance, "handshake="), "s;")
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || seconds < 0.03 || seconds > 0.5 {
			t.Errorf("%s: a handshake of %q s, want 0.03 and little more", args, value)
		}
		want := "5;;0;10 syn=" + strconv.Itoa(number) + ";;;0"
		if number > 1 {
			want += " loss=0%"
		}
		if rest != want {
			t.Errorf("%s: %q, want %q", args, rest, want)
		}
	}
}

// TestCheckOvertaken: what the first handshake knows of the name is in the performance data, even if it ends last.
func TestCheckOvertaken(t *testing.T) {
	t.Parallel()
	a, b, _ := impaired(t, netlab.Impairment{From: netlab.FromB, Set: tcphdr.SYN | tcphdr.ACK, Nth: 1, Action: netlab.Delay, Time: 300 * time.Millisecond})
	serve(t, b, "10.0.0.2:80")
	r := checkPlugin(t, a, strings.Fields("-H 10.0.0.2 -p 80 -n 2 -i 10ms")...)
	if r.code != int(nagios.OK) || strings.Contains(r.stdout, "dns=") {
		t.Errorf("%s", r.stdout)
	}
}

// TestCheckSpeaksOnStdout: whatever is wrong, it is one line there, and the state is UNKNOWN.
func TestCheckSpeaksOnStdout(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	const hostile = "\x1b[31m|'x'=1;\n\u202e\xff"
	for _, args := range [][]string{
		{}, {"-H"}, {"-H", "10.0.0.2"}, {"-H", "a..b", "-p", "80"}, {"-H", hostile, "-p", "80"}, {"-H", "10.0.0.2", "-p", hostile},
		{"-H", "224.0.0.1", "-p", "80"}, {"-H", "10.0.0.2", "-p", "80", "-w", hostile}, {"-H", "10.0.0.2", "-p", "80", "-c", "2:1"},
		{"-H", "10.0.0.2", "-p", "80", "-r", hostile}, {"-H", "10.0.0.2", "-p", "80", "-n", "0"}, {"-H", "10.0.0.2", "-p", "80", "-n", "x"},
		{"-H", "10.0.0.2", "-p", "80", "-n", "11"}, {"-H", "10.0.0.2", "-p", "80", "-t", "0"}, {"-H", "10.0.0.2", "-p", "80", "-t", hostile},
		{"-H", "10.0.0.2", "-p", "80", hostile}, {"-H", "10.0.0.2", "-p", "80", "--" + hostile}, {"10.0.0.2:80"}, {"-H", "10.0.0.2", "-p", "80", "-S", "x"},
		{"-H", "10.0.0.2", "-p", "80", "--dns", hostile}, {"-H", "10.0.0.2", "-p", "80", "--json"}, {"-H", "10.0.0.2", "-p", "80", "-I", "nosuch0"},
		{"-H", "10.0.0.2", "-p", "80", "-I="}, {"-H", "10.0.0.2", "-p", "80", "--ttl", "300"},
	} {
		if r := checkPlugin(t, alone, args...); r.code != int(nagios.Unknown) {
			t.Errorf("%q: exit code %d: %s", args, r.code, r.stdout)
		}
	}
}

// TestCheckWithoutPrivilege: without CAP_NET_RAW nothing is known of the target.
func TestCheckWithoutPrivilege(t *testing.T) {
	t.Parallel()
	self, err := os.Open("/proc/self/exe")
	must(t, err)
	defer self.Close()
	cmd := newHost(t).Command(t.Context(), "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
		"/proc/self/fd/3", "check", "-H", "10.0.0.2", "-p", "80")
	cmd.Env = programEnv()
	cmd.ExtraFiles = []*os.File{self}
	r := finish(t, cmd)
	onePluginLine(t, r, nagios.Unknown)
	if !strings.Contains(r.stdout, "CAP_NET_RAW") || !strings.Contains(r.stdout, "setcap") {
		t.Errorf("%s", r.stdout)
	}
}

// TestCheckHelp: help and version are on stdout, and exit with 3, as the guidelines have it.
func TestCheckHelp(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	for args, want := range map[string]string{
		"--help": "check_tcpprobe - ", "-h": "check_tcpprobe - ", "-H 10.0.0.2 -p 80 --help": "check_tcpprobe - ",
		"--version": "check_tcpprobe 0.1.0-dev\n", "-V": "check_tcpprobe 0.1.0-dev\n",
	} {
		r := tcpprobe(t, alone, append([]string{"check"}, strings.Fields(args)...)...)
		if r.code != int(nagios.Unknown) || r.stderr != "" || !strings.HasPrefix(r.stdout, want) {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%s", args, r.code, r.stderr, r.stdout)
		}
		for line := range strings.Lines(r.stdout) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > 80 || strings.TrimRight(line, " ") != line {
				t.Errorf("%s: %q", args, line)
			}
		}
	}
}

// TestCheckByItsName: called as check_tcpprobe, the program is the plugin.
func TestCheckByItsName(t *testing.T) {
	t.Parallel()
	cmd := program(t.Context(), newHost(t), "-H", "10.0.0.2")
	cmd.Args[0] = "/usr/lib/nagios/plugins/check_tcpprobe"
	r := finish(t, cmd)
	onePluginLine(t, r, nagios.Unknown)
	if !strings.Contains(r.stdout, "--port is missing") {
		t.Errorf("%s", r.stdout)
	}
}

// TestCheckVerbose: -v adds to the line, -vv and -vvv add lines, and none of them looks like performance data.
func TestCheckVerbose(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	for _, test := range []struct {
		flags string
		lines int // at least
		want  string
	}{
		{"-v", 1, ", 10.0.0.2:80, from 10.0.0.1 on eth0, rtt "},
		{"-vv", 2, "\nseq=1  established "},
		{"-v -v -v", 6, "TCP  -->  SYN "},
	} {
		r := tcpprobe(t, a, append([]string{"check", "-H10.0.0.2", "-p80"}, strings.Fields(test.flags)...)...)
		n := strings.Count(r.stdout, "\n")
		if r.code != 0 || r.stderr != "" || n < test.lines || test.lines == 1 && n != 1 || !strings.Contains(r.stdout, test.want) || strings.Count(r.stdout, "|") != 1 {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%s", test.flags, r.code, r.stderr, r.stdout)
		}
	}
}

// TestCheckNames: a name is looked up as it is for a probe, its time is in the performance data, and one that does not exist is
// CRITICAL.
func TestCheckNames(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for _, test := range []struct {
		host  string
		state nagios.State
		want  string
	}{
		{"www.lab.test", nagios.OK, "www.lab.test:http open, handshake "},
		{"nosuch.lab.test", nagios.Critical, "nosuch.lab.test:http dns_error: "},
	} {
		r := checkPlugin(t, n.Client, "-H", test.host, "-p", "http", labDNS)
		if r.code != int(test.state) || !strings.Contains(r.stdout, test.want) || !strings.Contains(r.stdout, " dns=0.") {
			t.Errorf("%s: %s", test.host, r.stdout)
		}
	}
}

// TestCheckEndsInTime: a wait of whatever kind ends with the time of the check, and is CRITICAL.
func TestCheckEndsInTime(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, `table ip silent { chain input { type filter hook input priority filter; drop; }; }`)
	for name, args := range map[string]string{
		"no answer to a SYN":     "-H 10.0.0.2 -p 80",
		"no answer to several":   "-H 10.0.0.2 -p 80 -n 3 -i 100ms",
		"no answer to ARP":       "-H 10.0.0.77 -p 80",
		"no answer from the DNS": "-H www.lab.test -p 80 --dns 10.0.0.2",
	} {
		began := time.Now()
		r := checkPlugin(t, a, strings.Fields(args+" -t 800ms")...)
		if took := time.Since(began); r.code != int(nagios.Critical) || took > 10*time.Second || !strings.Contains(r.stdout, "800ms") {
			t.Errorf("%s: after %v: %s", name, took, r.stdout)
		}
	}
}

// TestCheckAsksForTheApplication: by default its segments go and come as those of a connect(2) do, through this host's firewall.
func TestCheckAsksForTheApplication(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	labtest.Nft(t, a, `table ip own { chain input { type filter hook input priority filter; tcp sport 80 drop; }; }`)
	for args, want := range map[string]nagios.State{"": nagios.Critical, "--send ip": nagios.Critical, "--send link": nagios.OK} {
		r := checkPlugin(t, a, append([]string{"-H10.0.0.2", "-p80", "-t1s"}, strings.Fields(args)...)...)
		if r.code != int(want) {
			t.Errorf("%q: %v, want %v: %s", args, nagios.State(r.code), want, r.stdout)
		}
	}
}

// TestCheckUnread: the limit holds, and the first signal, though nobody reads what the plugin says.
func TestCheckUnread(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	for _, test := range []struct {
		limit     string
		interrupt bool
	}{{"1s", false}, {"1m", true}} {
		reader, writer, err := os.Pipe()
		must(t, err)
		defer reader.Close()
		must(t, writer.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
		for err == nil {
			_, err = writer.Write(make([]byte, 4096))
		}
		cmd := program(t.Context(), a, "check", "-H10.0.0.2", "-p80", "-t"+test.limit)
		cmd.Stdout = writer
		began := time.Now()
		must(t, cmd.Start())
		writer.Close()
		if test.interrupt {
			until(t, func() bool { return blocksIn(cmd.Process.Pid, "pipe_write") })
			must(t, cmd.Process.Signal(os.Interrupt))
		}
		cmd.Wait()
		if took := time.Since(began); took > 10*time.Second || cmd.ProcessState.ExitCode() != int(nagios.Unknown) {
			t.Errorf("-t %s: after %v: %v, want exit code %d", test.limit, took, cmd.ProcessState, nagios.Unknown)
		}
	}
}
