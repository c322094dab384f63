package explain_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/explain"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lesson explains a result, event by event.
func lesson(t *testing.T, r *probe.Result, s report.Style, checksums bool) string {
	t.Helper()
	var b bytes.Buffer
	l := explain.New(&b, s, checksums)
	for i := range r.Events {
		if err := l.Event(r, &r.Events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Verdict(r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what is rendered (-want +got):\n%s", path, diff)
	}
}

// sgr is what colors are made of.
var sgr = regexp.MustCompile("\x1b\\[(1|2|31|32|0)m")

// presentable fails the test if text is not what may reach a terminal.
func presentable(t *testing.T, got string, s report.Style) {
	t.Helper()
	if s.Color {
		got = sgr.ReplaceAllString(got, "")
	}
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case text.Columns(line) > 80:
			t.Errorf("%d columns: %s", text.Columns(line), line)
		case strings.TrimRight(line, " ") != line:
			t.Errorf("spaces at the end: %q", line)
		case !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("not printable: %q", line)
		case !s.UTF8 && strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }):
			t.Errorf("not ASCII: %q", line)
		}
	}
}

// TestGolden explains every case (H-13: nothing received or typed is printed raw).
func TestGolden(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := report.Style{Style: text.Style{UTF8: true}}
			got := lesson(t, c.make(), s, false)
			presentable(t, got, s)
			golden(t, c.name, got)
		})
	}
}

// TestGoldenStyles explains a few cases in other styles, and with checksums.
func TestGoldenStyles(t *testing.T) {
	for _, c := range []struct {
		file, name string
		style      report.Style
		checksums  bool
	}{
		{"ascii_established_fin", "established_fin", report.Style{}, false},
		{"color_unreachable_prohibited", "unreachable_prohibited", report.Style{Style: text.Style{UTF8: true, Color: true}}, false},
		{"checksum_refused", "refused", report.Style{Style: text.Style{UTF8: true}}, true},
		{"checksum_unreachable_prohibited", "unreachable_prohibited", report.Style{Style: text.Style{UTF8: true}}, true},
		{"checksum_partial", "partial", report.Style{Style: text.Style{UTF8: true}}, true},
	} {
		t.Run(c.file, func(t *testing.T) {
			got := lesson(t, byName(c.name), c.style, c.checksums)
			presentable(t, got, c.style)
			golden(t, c.file, got)
		})
	}
}
