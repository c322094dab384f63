//go:build linux

package cli

import (
	"embed"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/probe"
)

// completionFiles are the scripts, one template for each shell.
//
//go:embed completion
var completionFiles embed.FS

// completionCommand prints a script that completes command lines.
func completionCommand() *cli.Command {
	c := &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script for bash, zsh or fish",
		ArgsUsage: "bash|zsh|fish",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return exit.UsageError("completion wants one shell: bash, zsh or fish")
			}
			shell := c.Args().First()
			if err := oneOf(shell, "bash", "zsh", "fish"); err != nil {
				return exit.UsageError("completion %v", err)
			}
			script, err := template.New(shell).Funcs(completionFuncs).ParseFS(completionFiles, "completion/"+shell)
			if err == nil {
				err = script.Execute(c.App.Writer, completionCommands(c.App))
			}
			if err != nil {
				return exit.With(exit.Software, err)
			}
			return nil
		},
	}
	c.CustomHelpTemplate = smallHelpText(c, `Examples:
  source <(tcpprobe completion bash)      in ~/.bashrc
  source <(tcpprobe completion zsh)       in ~/.zshrc, after compinit
  tcpprobe completion fish | source       in ~/.config/fish/config.fish

Usage:
  tcpprobe completion bash|zsh|fish
`)
	return c
}

// commandWords is what the scripts know of a command. That without a name is tcpprobe itself.
type commandWords struct {
	Name   string
	Usage  string
	Flags  []flagWords
	Values []string // the arguments it takes, if only certain ones
	Target bool     // it takes targets
}

// flagWords is what the scripts know of a flag.
type flagWords struct {
	Names      []string // with their hyphens
	Usage      string
	TakesValue bool
	Value      string   // what its value is called
	Values     []string // the values it takes, if only certain ones
}

// completionCommands returns what there is to complete: the commands, and tcpprobe itself before them.
func completionCommands(app *cli.App) []commandWords {
	commands := []commandWords{{Flags: completionFlags(app.Flags), Target: true}}
	for _, c := range app.VisibleCommands() {
		commands = append(commands, commandWords{
			Name:   c.Name,
			Usage:  c.Usage,
			Flags:  completionFlags(append(slices.Clone(c.Flags), cli.HelpFlag)),
			Values: alternatives(c.ArgsUsage),
			Target: strings.Contains(c.ArgsUsage, "HOST:PORT"),
		})
	}
	return commands
}

// completionFlags returns what the scripts know of the flags, each once.
func completionFlags(flags []cli.Flag) []flagWords {
	var known []flagWords
	seen := make(map[string]bool)
	for _, f := range flags {
		doc := f.(cli.DocGenerationFlag)
		visible, ok := f.(cli.VisibleFlag)
		if seen[f.Names()[0]] || ok && !visible.IsVisible() {
			continue
		}
		seen[f.Names()[0]] = true
		// What the help shows in place of a value stands between backquotes.
		k := flagWords{TakesValue: doc.TakesValue(), Usage: strings.ReplaceAll(doc.GetUsage(), "`", "")}
		if parts := strings.Split(doc.GetUsage(), "`"); len(parts) == 3 {
			k.Value, k.Values = parts[1], alternatives(parts[1])
		}
		if k.Value == "FINDING" {
			for _, finding := range probe.Findings() {
				k.Values = append(k.Values, string(finding))
			}
		}
		if k.Values != nil {
			k.Usage = strings.TrimPrefix(k.Usage, k.Value+": ") // the shell shows them anyway
		}
		for _, name := range f.Names() {
			k.Names = append(k.Names, strings.Repeat("-", min(len(name), 2))+name)
		}
		known = append(known, k)
	}
	return known
}

// alternatives returns the words of "fin|rst|half|none", and none of a text that offers no choice.
func alternatives(s string) []string {
	if !strings.Contains(s, "|") {
		return nil
	}
	return strings.Split(s, "|")
}

// completionFuncs are what the templates need beside the language they are written in.
var completionFuncs = template.FuncMap{
	"join": strings.Join,
	// Between single quotes POSIX shells know nothing special but the quote; fish knows the backslash too.
	"quote":       func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
	"quoteFish":   func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" },
	"specZsh":     specZsh,
	"isShort":     func(name string) bool { return !strings.HasPrefix(name, "--") },
	"trimHyphens": func(name string) string { return strings.TrimLeft(name, "-") },
}

// specZsh returns how _arguments of zsh wants a flag described, by one of its names.
func specZsh(f flagWords, name string) string {
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace
	spec := "(" + strings.Join(f.Names, " ") + ")" + name
	if !f.TakesValue {
		return spec + "[" + escape(f.Usage) + "]"
	}
	// The value may follow at once or in the next word.
	if strings.HasPrefix(name, "--") {
		spec += "="
	} else {
		spec += "+"
	}
	action := " " // there is nothing to propose
	switch {
	case f.Values != nil:
		action = "(" + strings.Join(f.Values, " ") + ")"
	case f.Value == "IF":
		action = "_tcpprobe_interfaces"
	case f.Value == "FILE":
		action = "_files"
	}
	return spec + "[" + escape(f.Usage) + "]:value:" + action
}
