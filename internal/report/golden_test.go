package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// styles are the ways in which every case is rendered.
var styles = []struct {
	name  string
	style report.Style
}{
	{"default", report.Style{Style: text.Style{UTF8: true}}},
	{"verbose", report.Style{Style: text.Style{UTF8: true}, Verbose: true}},
	{"quiet", report.Style{Style: text.Style{UTF8: true}, Quiet: true}},
	{"ascii", report.Style{Verbose: true}},
	{"color", report.Style{Style: text.Style{UTF8: true, Color: true}}},
}

// ladder renders a result, event by event.
func ladder(t *testing.T, r *probe.Result, s report.Style) string {
	t.Helper()
	var b bytes.Buffer
	l := report.NewLadder(&b, s)
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

// object renders a result as JSON.
func object(t *testing.T, r *probe.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.NewJSON(&b).Probe(r); err != nil {
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

// sgr is what colors are made of; nothing else may have an escape.
var sgr = regexp.MustCompile("\x1b\\[(2|31|32|33|0)m")

// presentable fails the test if text is not what may reach a terminal.
func presentable(t *testing.T, got string, s report.Style) {
	t.Helper()
	if s.Color {
		got = sgr.ReplaceAllString(got, "")
	}
	if got != "" && !strings.HasSuffix(got, "\n") {
		t.Errorf("the last line does not end: %q", got)
	}
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if n := text.Columns(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("spaces at the end: %q", line)
		}
		legible(t, line)
		if !s.UTF8 && strings.IndexFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			t.Errorf("not ASCII: %q", line)
		}
	}
}

// legible fails the test if a line has a character in it that does not print.
func legible(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("not printable: %q", line)
	}
}

// TestGolden renders every case in every style (H-13: nothing received or typed is printed raw).
func TestGolden(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var all strings.Builder
			for _, s := range styles {
				text := ladder(t, c.make(), s.style)
				presentable(t, text, s.style)
				all.WriteString("-- " + s.name + " --\n" + text)
			}
			line := object(t, c.make())
			legible(t, strings.TrimSuffix(line, "\n"))
			all.WriteString("-- json --\n" + line)
			golden(t, c.name, all.String())
		})
	}
}

// TestQuietIsOneLine checks that -q is the verdict, in one line if the target is short, and that the target is whole.
func TestQuietIsOneLine(t *testing.T) {
	for _, c := range cases {
		r := c.make()
		said := ladder(t, r, report.Style{Style: text.Style{UTF8: true}, Quiet: true})
		word, rest, _ := strings.Cut(strings.Join(strings.Fields(said), ""), strings.ReplaceAll(text.Printable(r.Target), " ", ""))
		if short := len(r.Target) <= 21; short && strings.Count(said, "\n") != 1 || word != strings.ToUpper(r.Outcome.String()) || rest == "" {
			t.Errorf("%s: %q", c.name, said)
		}
	}
}

// TestColorAddsNothing checks that no meaning is lost without color.
func TestColorAddsNothing(t *testing.T) {
	for _, c := range cases {
		plain := ladder(t, c.make(), report.Style{Style: text.Style{UTF8: true}})
		colored := ladder(t, c.make(), report.Style{Style: text.Style{UTF8: true, Color: true}})
		if stripped := sgr.ReplaceAllString(colored, ""); stripped != plain || stripped == colored {
			t.Errorf("%s: with color:\n%s\nwithout:\n%s", c.name, colored, plain)
		}
	}
}

// TestSteps checks that the times of all steps of a ladder end in the last column.
func TestSteps(t *testing.T) {
	step := regexp.MustCompile(`\d\.\d{3} ms$`)
	for _, c := range cases {
		r := c.make()
		for i := range r.Events {
			var b bytes.Buffer
			if err := report.NewLadder(&b, report.Style{Style: text.Style{UTF8: true}}).Event(r, &r.Events[i]); err != nil {
				t.Fatal(err)
			}
			line, _, _ := strings.Cut(b.String(), "\n")
			if has := step.MatchString(line); has != (r.Events[i].Step > 0) || has && utf8.RuneCountInString(line) != 80 {
				t.Errorf("%s: step %v: %s", c.name, r.Events[i].Step, line)
			}
		}
	}
}

// TestAdviceIsTwoLinesAtMost checks it as it is printed.
func TestAdviceIsTwoLinesAtMost(t *testing.T) {
	for _, c := range cases {
		r := c.make()
		advice := report.Advice(r)
		if strings.HasPrefix(c.name, "hostile") || len(advice) == 0 {
			continue
		}
		text := ladder(t, r, report.Style{Style: text.Style{UTF8: true}})
		begin := strings.LastIndex(text, "\n  "+advice[0][:20])
		if n := strings.Count(text[begin+1:], "\n"); begin < 0 || n > 2 {
			t.Errorf("%s: %d lines:\n%s", c.name, n, text)
		}
	}
}

// TestBareResults checks that results with next to nothing in them are rendered all the same.
func TestBareResults(t *testing.T) {
	for o := probe.OutcomePending; o <= probe.OutcomeInterrupted; o++ {
		r := &probe.Result{Target: "example.com:80", Outcome: o, TCP: &probe.TCP{}}
		for _, s := range styles {
			text := ladder(t, r, s.style)
			presentable(t, text, s.style)
			rendered, _ := series(t, s.style, []*probe.Result{r})
			presentable(t, rendered, s.style)
		}
		decode(t, object(t, r))
	}
}

// failing is a writer that has no room.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteErrors(t *testing.T) {
	r := cases[0].make()
	sum := stats.NewSummary("example.com:80")
	sum.Add(r)
	l, s, j := report.NewLadder(failing{}, report.Style{}), report.NewSeries(failing{}, report.Style{}), report.NewJSON(failing{})
	for name, err := range map[string]error{
		"event": l.Event(r, &r.Events[0]), "verdict": l.Verdict(r),
		"header": s.Header(r), "line": s.Line(r), "summary": s.Summary(sum),
		"JSON probe": j.Probe(r), "JSON summary": j.Summary(sum),
	} {
		if err != io.ErrShortWrite {
			t.Errorf("%s: %v", name, err)
		}
	}
}
