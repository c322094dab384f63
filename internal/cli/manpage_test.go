//go:build linux

package cli

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/probe"
)

const manPageFile = "../../docs/tcpprobe.8"

// manPage returns the lines of the page, with a section or subsection title before each: "EXIT STATUS: .It 0".
func manPage(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(manPageFile)
	must(t, err)
	var lines []string
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, ".Sh "); ok {
			section = title
		} else if title, ok := strings.CutPrefix(line, ".Ss "); ok {
			section = title
		}
		lines = append(lines, section+": "+line)
	}
	return lines
}

// manItems returns what the items of a section begin with, by a pattern with a group.
func manItems(lines []string, section, pattern string) (items []string) {
	item := regexp.MustCompile("^" + section + `: \.It ` + pattern)
	for _, line := range lines {
		if m := item.FindStringSubmatch(line); m != nil {
			items = append(items, m[1])
		}
	}
	return items
}

// manFlags returns the names that the macro Fl gives to flags in a line.
func manFlags(line string) (names []string) {
	words := strings.Fields(line)
	for i := 1; i < len(words); i++ {
		// One macro may be for several flags: ".It Fl c , -count Ar n".
		if words[i-1] == "Fl" || words[i-1] == ".Fl" || slices.Contains([]string{",", "|"}, words[i-1]) && strings.HasPrefix(words[i], "-") {
			names = append(names, strings.TrimPrefix(words[i], "-"))
		}
	}
	return names
}

// TestManPageFlags: an item for every flag of the program, and no flag that there is not.
func TestManPageFlags(t *testing.T) {
	app := newApp("0.1.0-dev", nil, nil, nil)
	program := append(slices.Clone(app.Flags), cli.HelpFlag, cli.VersionFlag)
	known := byName(program)
	for _, c := range app.Commands {
		maps.Copy(known, byName(c.Flags))
	}
	lines := manPage(t)
	items := make(map[string]string) // the text of its item, by the long name of a flag
	all := make(map[string]bool)     // the names in items
	mentioned := make(map[string]bool)
	current := ""
	for _, line := range lines {
		_, line, _ = strings.Cut(line, ": ")
		names := manFlags(line)
		for _, name := range names {
			mentioned[name] = true
			if known[name] == nil {
				t.Errorf("there is no flag %q: %s", name, line)
			}
		}
		switch {
		case strings.HasPrefix(line, ".It Fl ") && len(names) > 0:
			for _, name := range names {
				all[name] = true
			}
			current = names[len(names)-1]
		case strings.HasPrefix(line, ".It "), strings.HasPrefix(line, ".El"):
			current = ""
		case current != "":
			items[current] += strings.TrimRight(strings.TrimPrefix(line, ".Cm "), " .") + " "
		}
	}
	for _, f := range program {
		for _, name := range f.Names() {
			if !all[name] {
				t.Errorf("flag %s has no item", name)
			}
		}
		if text, value := items[f.Names()[0]], defaultValue(f); value != "" && !strings.Contains(text, "The default is "+value+" ") {
			t.Errorf("flag %s: the default, %s, is not in %q", f.Names()[0], value, text)
		}
	}
	for name := range known {
		if !mentioned[name] {
			t.Errorf("flag %s is not mentioned", name)
		}
	}
}

// defaultValue returns the value that a flag has if it is not given, or "" if that takes words to say.
func defaultValue(f cli.Flag) string {
	doc := f.(cli.DocGenerationFlag)
	value := strings.Trim(doc.GetDefaultText(), `" `)
	if !doc.TakesValue() || strings.Contains(value, " ") || value == "none" {
		return ""
	}
	return value
}

func TestManPageCommands(t *testing.T) {
	var want []string
	for _, c := range newApp("0.1.0-dev", nil, nil, nil).Commands {
		want = append(want, c.Name)
	}
	lines := manPage(t)
	var got []string // a section for each
	for _, line := range lines {
		if section, name, ok := strings.Cut(line, ": .Cm "); ok && section == strings.Fields(name)[0] && !slices.Contains(got, section) {
			got = append(got, section)
		}
	}
	if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("sections for commands %q, want %q", got, want)
	}
	for _, name := range want {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "SYNOPSIS: .Cm "+name) }) {
			t.Errorf("command %s is not in the synopsis", name)
		}
	}
}

// TestManPageContract: what scripts rely on is there, and nothing else.
func TestManPageContract(t *testing.T) {
	lines := manPage(t)
	var codes []string
	for _, code := range []int{
		exit.Established, exit.Refused, exit.Timeout, exit.Unreachable, exit.DNS, exit.NoNextHop, exit.Mixed, exit.Usage, exit.NoCapture, exit.Unreadable,
		exit.Software, exit.System, exit.Output, exit.NotPermitted, exit.Configuration, exit.Interrupted,
	} {
		codes = append(codes, strconv.Itoa(code))
	}
	if got := manItems(lines, "EXIT STATUS", `(\d+)$`); !slices.Equal(got, codes) {
		t.Errorf("exit codes %q, want %q", got, codes)
	}
	var words []string
	for _, o := range []probe.Outcome{
		probe.OutcomeEstablished, probe.OutcomeRefused, probe.OutcomeUnreachable, probe.OutcomeTimeout, probe.OutcomeDNSError, probe.OutcomeNoRoute, probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout, probe.OutcomeLocalError,
	} {
		words = append(words, o.String())
	}
	for _, f := range probe.Findings() {
		words = append(words, string(f))
	}
	if got := manItems(lines, "DIAGNOSTICS", `Li (\S+)$`); !slices.Equal(got, words) {
		t.Errorf("outcomes and findings %q, want %q", got, words)
	}
}

func TestManPageLint(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil && os.Getenv("TCPPROBE_LAB_REQUIRED") != "" {
		t.Fatalf("%v: scripts/test installs it", err)
	} else if err != nil {
		t.Skipf("%v: scripts/test installs it", err)
	}
	output, err := exec.CommandContext(t.Context(), mandoc, "-T", "lint", "-W", "warning", manPageFile).CombinedOutput()
	if err != nil || len(output) > 0 {
		t.Errorf("mandoc: %v\n%s", err, output)
	}
}
