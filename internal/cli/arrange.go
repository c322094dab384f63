//go:build linux

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/text"
)

// arrange brings the arguments into the form that the command-line library understands: flags may stand after targets,
// values may stick to flags of one letter (-c3), and those without values to each other (-vq). A word that is a command
// is left in front, with all that belongs to it behind it.
func arrange(args []string, app *cli.App) ([]string, error) {
	return arrangeFor(args, append(slices.Clone(app.Flags), cli.VersionFlag), app.Command)
}

// arrangeFor is arrange for what has those flags and those commands.
func arrangeFor(args []string, known []cli.Flag, command func(name string) *cli.Command) ([]string, error) {
	flags := byName(append(slices.Clone(known), cli.HelpFlag))
	var options, words []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			words = append(words, args...)
			args = nil
		case len(arg) < 2 || arg[0] != '-':
			if c := command(arg); len(words) == 0 && c != nil {
				if !strings.Contains(c.ArgsUsage, "HOST:PORT") {
					return slices.Concat(options, []string{arg}, args), nil
				}
				// Flags mean the same before it.
				rest, err := arrangeFor(slices.Concat(options, args), c.Flags, noCommand)
				return append([]string{arg}, rest...), err
			}
			words = append(words, arg)
		default:
			split, err := splitFlag(arg, flags)
			if err != nil {
				return nil, err
			}
			last := split[len(split)-1]
			options = append(options, split...)
			if f := flags[strings.TrimLeft(last, "-")]; f != nil && f.TakesValue() {
				if len(args) == 0 {
					return nil, exit.UsageError("flag %s needs a value; try --help", last)
				}
				options = append(options, args[0])
				args = args[1:]
			}
		}
	}
	if slices.ContainsFunc(cli.HelpFlag.Names(), func(name string) bool { return slices.Contains(options, hyphens(name)+name) }) {
		words = nil // the library takes them for the topic that help is wanted about
	}
	return slices.Concat(options, []string{"--"}, words), nil
}

// noCommand is the commands of a command.
func noCommand(string) *cli.Command { return nil }

// hyphens returns what stands before the name of a flag.
func hyphens(name string) string {
	if len(name) == 1 {
		return "-"
	}
	return "--"
}

// splitFlag takes an argument that begins with a hyphen apart: "-c3" into "-c=3", "-vq" into "-v" and "-q". A flag that is not
// known is an error, with a proposal if one is close.
func splitFlag(arg string, flags map[string]cli.DocGenerationFlag) ([]string, error) {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if flags[name] != nil {
		return []string{arg}, nil
	}
	unknown := exit.UsageError("there is no flag %s%s; try --help", text.Printable(flagPart(arg)), proposal(name, flags))
	if strings.HasPrefix(arg, "--") {
		return nil, unknown
	}
	var split []string
	for rest := arg[1:]; rest != ""; rest = rest[1:] {
		f := flags[rest[:1]]
		if f == nil {
			return nil, unknown
		}
		if f.TakesValue() && len(rest) > 1 {
			return append(split, "-"+rest[:1]+"="+strings.TrimPrefix(rest[1:], "=")), nil
		}
		split = append(split, "-"+rest[:1])
	}
	return split, nil
}

// flagPart returns a flag without the value behind it.
func flagPart(arg string) string {
	part, _, _ := strings.Cut(arg, "=")
	return part
}

// proposal returns the flag that was perhaps meant: one that begins alike, or that is one letter away.
func proposal(name string, flags map[string]cli.DocGenerationFlag) string {
	var best string
	for known := range flags {
		if len(known) > 1 && len(name) > 1 && near(name, known) && (best == "" || known < best) {
			best = known
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", but --%s", best)
}

// near reports whether one word begins with the other, or becomes it by leaving out, adding or changing one letter.
func near(a, b string) bool {
	if strings.HasPrefix(a, b) || strings.HasPrefix(b, a) {
		return true
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		return a[min(i+1, len(a)):] == b[min(i+1, len(b)):]
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}

// byName returns the flags by each of their names.
func byName(flags []cli.Flag) map[string]cli.DocGenerationFlag {
	names := make(map[string]cli.DocGenerationFlag)
	for _, f := range flags {
		for _, name := range f.Names() {
			names[name] = f.(cli.DocGenerationFlag)
		}
	}
	return names
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
