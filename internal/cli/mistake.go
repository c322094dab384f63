//go:build linux

package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/text"
)

// unknownFlag returns the error for a flag that a command, or the program, does not have: it names who has it, or else the
// flag that was perhaps meant.
func unknownFlag(arg string, app *cli.App, of *cli.Command) error {
	flag, _, _ := strings.Cut(arg, "=")
	flag = text.Printable(flag)
	name := flagName(arg)
	if !strings.HasPrefix(arg, "--") {
		name = name[:min(1, len(name))] // -mtu may be -m, -t and -u
	}
	if of != nil && flagsOf(app, nil)[name] != nil {
		return exit.UsageError("there is no flag %s of %s, but a probe has it; try %[2]s --help", flag, of.Name)
	}
	for _, c := range app.Commands {
		if c != of && flagsOf(app, c)[name] != nil {
			return exit.UsageError("there is no flag %s of a probe, but %s has it; try %[2]s --help", flag, c.Name)
		}
	}
	var known []string
	for name := range flagsOf(app, of) {
		known = append(known, name)
	}
	if meant := nearest(flagName(arg), known); meant != "" {
		return exit.UsageError("there is no flag %s, but --%s; try --help", flag, meant)
	}
	return exit.UsageError("there is no flag %s; try --help", flag)
}

// mistakenWord returns an error if one of the words that should be targets is a command, or was perhaps meant as one.
func mistakenWord(words []string, app *cli.App) error {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	for i, word := range words {
		switch {
		case strings.Contains(word, ":"):
		case i == 0 && word == "help" && len(words) > 1 && app.Command(words[1]) != nil:
			return exit.UsageError("help is no target: tcpprobe %s --help prints the help", words[1])
		case i == 0 && word == "help":
			return exit.UsageError("help is no target: tcpprobe --help prints the help")
		case i == 0 && word == "version":
			return exit.UsageError("version is no target: tcpprobe --version prints the version")
		case i > 0 && app.Command(word) != nil:
			return exit.UsageError("the command %s comes first: tcpprobe %[1]s, and then targets and flags", word)
		case i == 0:
			if meant := nearest(word, names); meant != "" {
				return exit.UsageError("there is no command %s, but %s; a target is HOST:PORT, as %[1]s:80", text.Printable(word), meant)
			}
		}
	}
	return nil
}

// nearest returns which of the names was perhaps meant by a word, or "": one that begins alike, or else one that is a slip or
// two away.
func nearest(word string, names []string) string {
	const alike = 3 // letters
	best, least := "", 2
	if len(word) <= alike {
		least = 1
	}
	for _, name := range names {
		if len(name) < 2 || len(word) < 2 {
			continue
		}
		away := slips(word, name)
		if min(len(word), len(name)) >= alike && (strings.HasPrefix(name, word) || strings.HasPrefix(word, name)) {
			away = 0
		}
		if away < least || away == least && (best == "" || name < best) {
			best, least = name, away
		}
	}
	return best
}

// slips returns how many letters have to be left out, added, changed, or swapped with the next for one word to become the
// other: the distance of optimal string alignment.
func slips(a, b string) int {
	var before []int // the rows of the table before the last
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := last[j-1]
			if a[i-1] != b[j-1] {
				changed++
			}
			row[j] = min(last[j]+1, row[j-1]+1, changed)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// tidy rewords an error of the command-line library about a flag.
func tidy(err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Errorf("there is no flag --%s; try --help", strings.TrimPrefix(name, "-"))
	}
	for _, kind := range []struct{ begin, link, wanted string }{
		{"invalid value ", " for flag -", "a whole number is wanted"},
		{"invalid boolean value ", " for -", "it stands alone, without a value"},
	} {
		rest, ok := strings.CutPrefix(err.Error(), kind.begin)
		if !ok {
			continue
		}
		value, rest, _ := strings.Cut(rest, kind.link)
		name, why, _ := strings.Cut(rest, ": ")
		name = strings.TrimLeft(name, "-")
		if strings.Contains(why, "parse error") {
			why = kind.wanted
		}
		return fmt.Errorf("%s%s %s: %s", hyphens(name), name, value, why)
	}
	return err
}
