//go:build linux

package e2e_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
)

// TestDemoRead: what is judged of a capture of the demo's scenes is what the live run has said: outcome, findings, SYNs and the sentence,
// where a capture can know it. The capture is the one that the run itself has written.
func TestDemoRead(t *testing.T) {
	t.Parallel()
	scenes := []struct {
		args string
		code int
	}{
		{"www.demo.test:80", exit.Established},
		{"www.demo.test:81", exit.Refused},
		{"prohibited.demo.test:80", exit.Unreachable},
		{"unreachable.demo.test:80", exit.Unreachable},
		{"lossy.demo.test:80", exit.Established},
		{"-W 2s silent.demo.test:80", exit.Timeout},
		{"-W 1s busy.demo.test:80", exit.Timeout},
		{"reset.demo.test:80", exit.Refused},
	}
	var script strings.Builder
	script.WriteString("d=$(mktemp -d)\n")
	for _, s := range scenes {
		script.WriteString("tcpprobe --json --pcap $d/live.pcapng " + s.args + " | grep '\"type\":\"probe\"'\n" +
			"tcpprobe read --json $d/live.pcapng; echo \"status $?\"\n")
	}
	script.WriteString("rm -r $d\n")
	d := demoCmd(t, "--shell")
	d.Stdin = strings.NewReader(script.String())
	r := d.finish(t)
	_, said, _ := strings.Cut(r.stdout, "\nTry: tcpprobe www.demo.test:80\n\n")
	status := regexp.MustCompile(`status (\d+)\n`)
	parts, codes := status.Split(said, -1), status.FindAllStringSubmatch(said, -1)
	if r.code != 0 || r.stderr != "" || len(codes) != len(scenes) {
		t.Fatalf("exit code %d, %d scenes, stderr %q", r.code, len(codes), r.stderr)
	}
	// A timeout is waited for longer than the capture lasts, and that is said: its sentence is another.
	times := regexp.MustCompile(`\d+\.\d+ (ms|s)\b`)
	mask := func(s string) string { return times.ReplaceAllString(s, "N") }
	for i, s := range scenes {
		live, seen, _ := strings.Cut(parts[i], "\n")
		var probe probeLine
		decode(t, live, &probe)
		got := parseReadLines(t, ran{stdout: seen})
		if len(got.handshakes) != 1 {
			t.Errorf("%s: %d handshakes", s.args, len(got.handshakes))
			continue
		}
		h := got.handshakes[0]
		if h.Outcome != probe.Outcome || h.Client != probe.TCP.Local || h.Server != probe.TCP.Remote || h.SYNSent != probe.TCP.SYNSent || h.AnsweredSYN != probe.TCP.AnsweredSYN {
			t.Errorf("%s: %+v, live %+v", s.args, h, probe)
		}
		if want := strconv.Itoa(s.code); codes[i][1] != want {
			t.Errorf("%s: read ends with %s, want %s", s.args, codes[i][1], want)
		}
		for _, f := range probe.Findings {
			if !slices.Contains(h.Findings, f) {
				t.Errorf("%s: %v, live %v", s.args, h.Findings, probe.Findings)
			}
		}
		if probe.Outcome != "timeout" && mask(h.Reason) != mask(probe.Reason) {
			t.Errorf("%s: %q, live %q", s.args, h.Reason, probe.Reason)
		}
		t.Logf("%s\n  live %s %q\n  read %s %q", s.args, probe.Outcome, probe.Reason, h.Outcome, h.Reason)
	}
}
