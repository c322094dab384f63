//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// TestReadme runs every command whose output the documents show, each in a demo of its own, and holds the one against the
// other: all but times, ports and other numbers that differ from run to run has to agree. With -update it writes those that
// do not agree into the documents; scripts/readme does that.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "docs/usage.md"} {
		path := filepath.Join("../..", name)
		text, err := os.ReadFile(path)
		must(t, err)
		shown := shownOutputs(t, name, string(text))
		for i := range shown {
			t.Run(filepath.Base(name)+"/"+shown[i].command, func(t *testing.T) {
				if !*update {
					t.Parallel()
				}
				s := &shown[i]
				output := inDemo(t, s.set, s.command)
				switch {
				case s.shows(output):
				case !*update:
					t.Errorf("%s does not show what it is now: scripts/readme writes it anew", name)
				case ellipsis.MatchString(s.output):
					s.fresh = s.tail(t, output)
				default:
					s.fresh = output
				}
			})
		}
		if *update {
			must(t, os.WriteFile(path, []byte(renewed(string(text), shown)), 0o644))
		}
	}
}

// shownOutput is what a document shows of a command: lines in a code block behind one that begins with a prompt. A line with
// an ellipsis alone stands for lines that are left out.
type shownOutput struct {
	at      int    // of the output, in the document
	set     string // what is done before: lines that begin with # as root's prompt does
	command string
	output  string
	fresh   string // what is to stand in its place; "" to leave it
}

const prompt = "$ tcpprobe "

// shownOutputs finds the outputs that a document shows, and complains about those that no test would find.
func shownOutputs(t *testing.T, name, text string) (shown []shownOutput) {
	t.Helper()
	inBlock, at, set := false, 0, ""
	var current *shownOutput
	for line := range strings.Lines(text) {
		at += len(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock, current, set = !inBlock && strings.TrimSpace(line) == "```", nil, ""
		case strings.HasPrefix(line, "    $ ") || strings.Contains(line, "$ sudo tcpprobe"):
			t.Errorf("%s: not checked: %s", name, line)
		case inBlock && current == nil && strings.HasPrefix(line, "# "):
			set += line[2:]
		case inBlock && strings.HasPrefix(line, prompt):
			shown = append(shown, shownOutput{at: at, set: set, command: strings.TrimSpace(line[len(prompt):])})
			current = &shown[len(shown)-1]
		case inBlock && current != nil && strings.TrimSpace(line) == "":
			current = nil
		case inBlock && current != nil:
			current.output += line
		}
	}
	return shown
}

// renewed returns a document with outputs in the place of those that it showed.
func renewed(text string, shown []shownOutput) string {
	for _, s := range slices.Backward(shown) {
		if s.fresh != "" {
			text = text[:s.at] + s.fresh + text[s.at+len(s.output):]
		}
	}
	return text
}

// inDemo runs a command on the client of a new demo, and returns what it says.
func inDemo(t *testing.T, set, command string) string {
	t.Helper()
	if tool, _, ok := strings.Cut(set, " "); ok {
		labtest.NeedTool(t, tool)
	}
	d := demoCmd(t, "--shell")
	d.Stdin = strings.NewReader(set + "echo; echo ----\ntcpprobe " + command + " 2>&1\n")
	_, output, ok := strings.Cut(d.finish(t).stdout, "\n----\n")
	if !ok {
		t.Fatalf("no shell for %s", command)
	}
	return output
}

// ellipsis is a line that stands for those that are left out.
var ellipsis = regexp.MustCompile(`(?m)^\s*…\n`)

// shows reports whether the document shows an output, but for the lines that it leaves out.
func (s *shownOutput) shows(output string) bool {
	rest := inOrder(output)
	parts := ellipsis.Split(s.output, -1)
	for i, part := range parts {
		from, to := find(rest, shape(strings.Join(inOrder(part), "")), i == 0, i == len(parts)-1)
		if from < 0 {
			return false
		}
		rest = rest[to:]
	}
	return true
}

// tail returns the end of an output of which the document leaves out the beginning: from the line on that it shows first.
func (s *shownOutput) tail(t *testing.T, output string) string {
	t.Helper()
	left := ellipsis.FindString(s.output)
	shown, begins := strings.CutPrefix(s.output, left)
	first, _, _ := strings.Cut(shown, "\n")
	lines := slices.Collect(strings.Lines(output))
	from, _ := find(lines, shape(first), false, false)
	if !begins || ellipsis.MatchString(shown) || from < 0 {
		t.Fatalf("what stands between two ellipses, or behind %q, is for a person to write", first)
	}
	return left + strings.Join(lines[from:], "")
}

// find returns the lines that have a shape together: the first, and that behind the last; -1 if none have. They are to be the
// first of all, or the last, if that is said.
func find(lines []string, want string, first, last bool) (from, to int) {
	if want == "" && (first || last) {
		return 0, 0
	}
	for from := range lines {
		if first && from > 0 {
			break
		}
		if shape(lines[from]) == "" {
			continue
		}
		have := ""
		for to, line := range lines[from:] {
			have = strings.TrimSpace(have + " " + shape(line))
			if !strings.HasPrefix(want, have) {
				break
			}
			if have == want && (!last || from+to+1 == len(lines)) {
				return from, from + to + 1
			}
		}
	}
	return -1, -1
}

// lateClose is what a server's kernel sends first where its application is late to close. Whether it is, differs from run to run.
var lateClose = regexp.MustCompile(`ACK +\[010000\] +FIN_WAIT2$`)

// inOrder returns the lines of an output, those of a series in the order in which its handshakes began.
func inOrder(output string) []string {
	lines := slices.DeleteFunc(slices.Collect(strings.Lines(output)), func(line string) bool {
		return lateClose.MatchString(strings.TrimSpace(line))
	})
	series := regexp.MustCompile(`^seq=\d+ `)
	var at []int
	var found []string
	for i, line := range lines {
		if series.MatchString(line) {
			at, found = append(at, i), append(found, line)
		}
	}
	slices.Sort(found)
	for n, i := range at {
		lines[i] = found[n]
	}
	return lines
}

// shape returns what of an output is the same in every run: its words, in lines of any length.
func shape(text string) string { return strings.Join(strings.Fields(replaceAll(text, inReadme)), " ") }

// inReadme are the replacements in what documents show.
var inReadme = []replacement{
	replace(`\d+\.\d{3,}(s?)\b`, `T$1`),
	replace(`\b(?:T|\d+(?:\.\d+)?) s\b`, `T s`),
	replace(`\b0x[0-9a-f]+`, `0xN`),
	replace(`(?m)([ :]|^)(?:[2-9]\d{4}|[1-9]\d{5,})\b`, `${1}N`),
	replace(`\b[0-9a-f]{2}(?: [0-9a-f]{2})+\b`, `H`),
	replace(`(?m)^(TCP|IPv4|Ethernet)?( +\d+  )[0-9a-f]{2}  `, `$1${2}H  `),
}
