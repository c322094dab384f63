//go:build linux

package e2e_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestSilentSeriesHasHeader: a series says at once what it is about, although nothing answers.
func TestSilentSeriesHasHeader(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	for _, test := range []struct{ target, header string }{
		{"10.0.0.2:80", "10.0.0.2:80 from 10.0.0.1 on eth0"},
		{"10.0.0.99:80", "10.0.0.99:80 from 10.0.0.1 on eth0"}, // which nobody answers ARP for
	} {
		p := start(t, a, "-c=2", "-W=1h", test.target)
		p.await(t, test.header)
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || strings.Count(r.stdout, test.header) != 1 {
			t.Errorf("exit code %d, stdout %q", r.code, r.stdout)
		}
	}
}

// TestQuiet: how much is said of what was established and what was not.
func TestQuiet(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	const (
		open, closed = "10.0.0.2:80", "10.0.0.2:81"
		statistics   = `--- 10\.0\.0\.2:(80|81) ---\n.*\n(rtt .*\n)?(jitter.*\n|longest.*\n)?(note: .*\n)?`
		ladder       = `    0\.000  IP  .*\n(.*\n)+?`
	)
	for _, test := range []struct {
		args string
		code int
		want string // a regular expression for stdout
	}{
		{"-q " + open, 0, `ESTABLISHED  .*\n`},
		{"-qq " + open, 0, ``},
		{"-q -q " + open, 0, ``},
		{"-qq " + closed, 1, `REFUSED  10\.0\.0\.2:81  reset after .* ms\n`},
		{"-q -c2 -i10ms " + open, 0, statistics},
		{"-q -c2 -i10ms " + open + " " + closed, 6, statistics + statistics},
		{"-qq -c2 -i10ms " + open, 0, ``},
		{"-qq -c2 -i10ms " + closed, 1, statistics},
		{"-qq -c2 -i10ms " + open + " " + closed, 6, `--- 10\.0\.0\.2:81 ---\n.*\n(longest.*\n)?`},
		{"-qq " + open + " " + closed, 6, `REFUSED  10\.0\.0\.2:81 .*\n`},
		{"-qq --require any " + open + " " + closed, 0, ``},
		{"-qq --require any " + closed, 1, `REFUSED  10\.0\.0\.2:81 .*\n`},
		{"-qq -c2 -i10ms --assert established>5 " + open, 6, statistics + `established>5 does not hold: established is 2\n`},
		{"-qq --json " + open, 0, ``},
		{"-qq --json " + open + " " + open, 0, ``},
		{"-qq --json " + closed, 1, `{.*"refused".*}\n{.*"summary".*}\n`},
		{"trace -qq -W300ms " + open, 0, ``},
		{"trace -qq -W300ms --json " + open, 0, ``},
		{"trace -q -W300ms " + closed, 1, `REFUSED .*\n`},
		{"trace -qq -W300ms " + closed, 1, `REFUSED .*\n`},
		{"--only open " + open + " " + closed, 6, ladder + `ESTABLISHED .*\n`},
		{"--only failed " + open + " " + closed + " " + closed, 6, ladder + `REFUSED .*\n(  .*\n)*\n` + ladder + `REFUSED .*\n(  .*\n)*`},
		{"-q --only failed " + open + " " + closed + " " + closed, 6, `(REFUSED .*\n){2}`},
		{"--only open -c2 -i10ms " + open + " " + closed, 6, `10\.0\.0\.2:80 from .*\n(10\.0\.0\.2:80 .*established .*\n){2}` + statistics},
		{"--only failed --json " + open + " " + closed, 6, `{.*:81".*"refused".*}\n{.*:81".*"summary".*}\n{.*"total".*"established":1,"refused":1.*}\n|{.*:81".*}\n{.*"summary".*:81".*}\n{.*"total".*"established":1,"refused":1.*}\n`},
		{"--only open --targets -", 6, `ESTABLISHED .*\n--- 3 targets ---\n3 handshakes: 1 established, 2 refused; .*\n(rtt .*\n)?`},
		{"--only failed --targets -", 6, `(REFUSED .*\n){2}--- 3 targets ---\n3 handshakes: 1 established, 2 refused; .*\n(rtt .*\n)?`},
	} {
		cmd := program(t.Context(), a, strings.Fields(test.args)...)
		cmd.Stdin = strings.NewReader(open + "\n" + closed + "\n" + closed + "\n")
		r := finish(t, cmd)
		if r.code != test.code || !regexp.MustCompile(`^(`+test.want+`)$`).MatchString(r.stdout) {
			t.Errorf("%s: exit code %d, want %d; stdout %q does not match %s", test.args, r.code, test.code, r.stdout, test.want)
		}
	}
}

// TestBriefJSON: a brief object is what it is without the word, but for the segments.
func TestBriefJSON(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	for flag, segments := range map[string]bool{"--json": true, "--json=true": true, "--json=brief": false} {
		l := parseLines(t, tcpprobe(t, a, flag, "10.0.0.2:80"))
		if l.code != exit.Established || len(l.probes) != 1 || len(l.summaries) != 1 {
			t.Fatalf("%s: exit code %d, %d handshakes, %d summaries", flag, l.code, len(l.probes), len(l.summaries))
		}
		if p := l.probes[0]; p.TCP.RTT == nil || len(p.TCP.Segments) > 0 != segments {
			t.Errorf("%s: %d segments: %v", flag, len(p.TCP.Segments), p.TCP)
		}
	}
	if r := tcpprobe(t, a, "--json=false", "10.0.0.2:80"); r.code != exit.Established || !strings.Contains(r.stdout, "\nESTABLISHED") {
		t.Errorf("--json=false: exit code %d, %s", r.code, r.stdout)
	}
}
