//go:build linux

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// captured makes a few handshakes, and returns a capture of them: 1 and 4 established, 2 refused, 3 timeout.
func captured(t *testing.T) string {
	t.Helper()
	a, b := labtest.Pair(t)
	goldenServer(t, b, "10.0.0.2:7", polite)
	labtest.Nft(t, b, "table ip f { chain i { type filter hook input priority 0; tcp dport 9 drop; }; }")
	wire := labtest.Wire(t, a, "eth0")
	for _, args := range [][]string{{"10.0.0.2:7"}, {"10.0.0.2:8"}, {"10.0.0.2:9", "-W=200ms"}, {"10.0.0.2:7"}} {
		tcpprobe(t, a, args...)
	}
	return wire.Stop(t)
}

// TestReadChoices: what is chosen alone is shown, counts, and decides the exit code.
func TestReadChoices(t *testing.T) {
	t.Parallel()
	file := captured(t)
	for _, test := range []struct {
		args    string
		streams int
		code    int
	}{
		{"", 4, exit.Mixed},
		{"10.0.0.2:7", 2, exit.Established}, {"10.0.0.2:8", 1, exit.Refused}, {"10.0.0.2:9", 1, exit.Timeout}, {":7", 2, exit.Established},
		{"10.0.0.0/24", 4, exit.Mixed}, {"10.0.0.1", 4, exit.Mixed}, {"10.0.0.3", 0, exit.Established}, {"10.0.0.2:7 10.0.0.2:8", 3, exit.Mixed},
		{"--outcome established", 2, exit.Established}, {"--outcome refused,timeout", 2, exit.Mixed}, {"--outcome refused --outcome timeout", 1, exit.Timeout},
		{"--stream 2", 1, exit.Refused}, {"--slower 100ms", 1, exit.Timeout}, {"--finding capture_ends_here", 1, exit.Timeout},
		{"--since 2100-01-01", 0, exit.Established}, {"--since 0s", 4, exit.Mixed},
		{"--require any", 4, exit.Established}, {"--require 50%", 4, exit.Established}, {"10.0.0.2:7 --assert established>=3", 2, exit.Mixed},
		{"10.0.0.2:7 --assert established>=2", 2, exit.Established}, {"10.0.0.2:9 --fail-on capture_ends_here", 1, exit.Mixed},
	} {
		got := readJSON(t, append([]string{file}, strings.Fields(test.args)...)...)
		if got.code != test.code || len(got.handshakes) != test.streams || got.capture.Handshakes != test.streams {
			t.Errorf("%s: exit code %d, %d handshakes, %d counted; %s", test.args, got.code, len(got.handshakes), got.capture.Handshakes, got.stderr)
		}
	}
}

// TestReadViews: lines, packets, lesson, diagram and capture of the same handshakes.
func TestReadViews(t *testing.T) {
	t.Parallel()
	file := captured(t)
	for _, args := range [][]string{{}, {"-v"}, {"-q"}, {"-qq"}, {"--stream=3", "--explain"}, {"--color=always"}} {
		r := readProgram(t, "", append([]string{file}, args...)...)
		plain := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(r.stdout, "")
		for line := range strings.Lines(plain) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%q: %d columns: %s", args, n, line)
			}
		}
		if !strings.Contains(plain, "no answer") && !strings.Contains(plain, "SYN_SENT") || r.stderr != "" {
			t.Errorf("%q: stderr %q, stdout\n%s", args, r.stderr, r.stdout)
		}
	}
	if r := readProgram(t, "", file, "-qq"); strings.Contains(r.stdout, "established") || strings.Count(r.stdout, "\n") != 4 { // the date, two lines, and what one has no room for
		t.Errorf("-qq:\n%s", r.stdout)
	}
	if r := readProgram(t, "", file, "--explain"); r.code != exit.Usage || !strings.Contains(r.stderr, "--stream N") {
		t.Errorf("--explain of four: exit code %d, %q", r.code, r.stderr)
	}
	folder := t.TempDir()
	svg, pcapng := filepath.Join(folder, "one.svg"), filepath.Join(folder, "chosen.pcapng")
	if r := readProgram(t, "", file, "--stream=1", "-q", "--diagram", svg, "--pcap", pcapng); r.code != exit.Established || r.stderr != "" {
		t.Errorf("exit code %d, %q", r.code, r.stderr)
	}
	drawn, err := os.ReadFile(svg)
	if err != nil || !strings.Contains(string(drawn), "</svg>") {
		t.Errorf("no diagram: %v", err)
	}
	comments, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", pcapng, "-T", "fields", "-e", "frame.comment").Output()
	if err != nil || strings.Count(string(comments), "\n") != 3 || !strings.Contains(string(comments), "outcome: established") {
		t.Errorf("%v, comments\n%s", err, comments)
	}
	if again := readJSON(t, pcapng); len(again.handshakes) != 1 || again.handshakes[0].Outcome != "established" {
		t.Errorf("read again: %+v", again.handshakes)
	}
}

// TestReadFails: what cannot be read has a code and a line of its own, and what is cut off is judged up to there.
func TestReadFails(t *testing.T) {
	t.Parallel()
	file := captured(t)
	content, err := os.ReadFile(file)
	must(t, err)
	folder := t.TempDir()
	text, empty, cut := filepath.Join(folder, "text"), filepath.Join(folder, "empty"), filepath.Join(folder, "cut")
	must(t, os.WriteFile(text, []byte("no capture, but text\n"), 0o600))
	must(t, os.WriteFile(empty, nil, 0o600))
	must(t, os.WriteFile(cut, content[:len(content)-7], 0o600))
	for _, test := range []struct {
		args string
		code int
		said string
	}{
		{text, exit.NoCapture, "no capture"}, {empty, exit.NoCapture, "empty"}, {filepath.Join(folder, "missing"), exit.Unreadable, "no such file"},
		{folder, exit.Unreadable, "directory"}, {"", exit.Usage, "a file is missing"}, {file + " example.com:80", exit.Usage, "names are not looked up"},
		{file + " --outcome lost", exit.Usage, "established, refused"}, {file + " --finding no_such", exit.Usage, "syn_retransmitted"},
		{file + " --since soon", exit.Usage, "a time is wanted"}, {file + " --stream 0", exit.Usage, "counted from 1"}, {file + " --decap=foo", exit.Usage, "gre"},
		{file + " --pcap " + file, exit.Usage, "a file of their own"}, {file + " --json --explain", exit.Usage, "--explain is text"},
		{file + " " + text, exit.NoCapture, "no capture"}, {file + " --require both", exit.Usage, "race"},
	} {
		r := readProgram(t, "", strings.Fields(test.args)...)
		if r.code != test.code || !strings.Contains(r.stderr, test.said) || strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
			t.Errorf("%s: exit code %d, stderr %q, stdout %q", test.args, r.code, r.stderr, r.stdout)
		}
	}
	got := readJSON(t, cut)
	if !got.capture.Truncated || got.capture.Reason == "" || !strings.Contains(got.stderr, "packet") || got.code != exit.Mixed || len(got.handshakes) != 4 {
		t.Errorf("cut off: exit code %d, %+v, %q", got.code, got.capture, got.stderr)
	}
	if r := readProgram(t, string(content), "-"); r.code != exit.Mixed || !strings.Contains(r.stdout, "--- stdin ---") {
		t.Errorf("stdin: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}
