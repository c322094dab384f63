//go:build linux

package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
)

// arrange brings the arguments into the form that the command-line library understands: flags may stand after targets,
// values may stick to flags of one letter (-c3), and those without values to each other (-vq). A word that is a command
// is left in front, with all that belongs to it behind it.
func arrange(args []string, app *cli.App) ([]string, error) {
	return arrangeFor(args, app, nil)
}

// arrangeFor is arrange for the arguments of a command, or nil for those of the program.
func arrangeFor(args []string, app *cli.App, of *cli.Command) ([]string, error) {
	flags := flagsOf(app, of)
	var options, words []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			words = append(words, args...)
			args = nil
		case len(arg) < 2 || arg[0] != '-':
			if c := app.Command(arg); of == nil && len(words) == 0 && c != nil {
				if takesTargets(c) { // flags mean the same before it
					args, options = slices.Concat(options, args), nil
				}
				rest, err := arrangeFor(args, app, c)
				return slices.Concat(options, []string{arg}, rest), err
			}
			words = append(words, arg)
		default:
			split, ok := splitFlag(arg, flags)
			if !ok {
				return nil, unknownFlag(arg, app, of)
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

// takesTargets reports whether targets follow a command, as they follow the program's name.
func takesTargets(c *cli.Command) bool { return strings.Contains(c.ArgsUsage, "HOST") }

// hyphens returns what stands before the name of a flag.
func hyphens(name string) string {
	if len(name) == 1 {
		return "-"
	}
	return "--"
}

// splitFlag takes an argument that begins with a hyphen apart: "-c3" into "-c=3", "-vq" into "-v" and "-q". It returns false
// for a flag that is not known.
func splitFlag(arg string, flags map[string]cli.DocGenerationFlag) ([]string, bool) {
	if flags[flagName(arg)] != nil {
		return []string{arg}, true
	}
	if strings.HasPrefix(arg, "--") {
		return nil, false
	}
	var split []string
	for rest := arg[1:]; rest != ""; rest = rest[1:] {
		f := flags[rest[:1]]
		if f == nil {
			return nil, false
		}
		if f.TakesValue() && len(rest) > 1 {
			return append(split, "-"+rest[:1]+"="+strings.TrimPrefix(rest[1:], "=")), true
		}
		split = append(split, "-"+rest[:1])
	}
	return split, true
}

// flagName returns a flag without its hyphens and the value behind it.
func flagName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name
}

// flagsOf returns the flags of a command, or of the program, by each of their names.
func flagsOf(app *cli.App, of *cli.Command) map[string]cli.DocGenerationFlag {
	if of != nil {
		return byName(append(slices.Clone(of.Flags), cli.HelpFlag))
	}
	return byName(append(slices.Clone(app.Flags), cli.VersionFlag, cli.HelpFlag))
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
