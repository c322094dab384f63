//go:build linux

package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/link"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
)

// readCommand judges the handshakes in a capture.
func readCommand() *cli.Command {
	c := &cli.Command{
		Name:      "read",
		Usage:     "the handshakes in a capture, judged; - is stdin",
		ArgsUsage: "FILE [FILE] [HOST[:PORT] ...]",
		Flags:     readFlags(),
		Action:    read,
	}
	c.CustomHelpTemplate = readHelpText(c)
	return c
}

const categoryChoice = "Which handshakes"

// readFlags returns the flags of read: those of its own, and those of a probe that mean the same.
func readFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "outcome", Category: categoryChoice, Usage: "those that ended as in `OUTCOMES`, with commas between them, as refused,timeout", DefaultText: " "},
		&cli.StringSliceFlag{Name: "finding", Category: categoryChoice, Usage: "those with a finding `CODE`, as in the JSON results; may be repeated"},
		&cli.StringFlag{Name: "since", Category: categoryChoice, Usage: "those that began at `TIME` or later: 14:03:22, 2026-11-28T14:03:22Z, or 2s after the beginning of the capture", DefaultText: " "},
		durationFlag("slower", "", "", categoryChoice, "those that took longer than `D` to connect, or to fail"),
		&cli.IntFlag{Name: "stream", Category: categoryChoice, Usage: "handshake `N` alone, by its number in the JSON results", DefaultText: " "},
		&cli.StringFlag{Name: "interface", Aliases: []string{"I"}, Category: categoryRun, Usage: "no file, but what passes interface `IF` from now on"},
		standAlone{&cli.GenericFlag{Name: "decap", Value: new(tunnels), Category: categoryRun, DefaultText: " ",
			Usage: "`[=gre,vxlan,...]` look into tunnels: all, or some of gre, vxlan, geneve, ipip, srv6, gtp"}},
		&cli.IntFlag{Name: "top", Value: 10, Category: categoryOutput, Usage: "sum up `N` servers, those with the most failures first; 0: all"},
	}
	same := []string{"json", "verbose", "quiet", "explain", "pcap", "diagram", "to-scale", "color", "assert", "fail-on", "require", "user", "no-sandbox"}
	for _, f := range probeFlags() {
		if !slices.Contains(same, f.Names()[0]) {
			continue
		}
		switch f := f.(type) {
		case *cli.StringFlag:
			if f.Name == "pcap" {
				f.Usage = "write the packets of the handshakes chosen to `FILE`, as pcapng with comments, or as pcap if its name ends in .pcap; - is stdout"
			}
		case *cli.BoolFlag:
			if f.Name == "verbose" {
				f.Usage = "the packets of each handshake, and what was found in words"
			}
			if f.Name == "quiet" {
				f.Usage = "the lines of the handshakes alone; -qq: of those that were not established"
			}
		case *cli.StringSliceFlag:
			if f.Name == "assert" {
				f.Usage = "exit with 6 unless `FIGURE<VALUE` holds for each server, as in loss<1%, p99<=50ms or established>=3; may be repeated"
			}
		}
		flags = append(flags, f)
	}
	return flags
}

// tunnels is the value of --decap.
type tunnels struct{ link.Tunnels }

// Set takes what stands behind "=", or "true" if nothing does.
func (t *tunnels) Set(s string) error {
	switch s {
	case "true":
		s = "all"
	case "false":
		t.Tunnels = 0
		return nil
	}
	set, ok := link.ParseTunnels(s)
	if !ok {
		return fmt.Errorf("%s: all, or some of %s are wanted, with commas between them", text.Printable(s), strings.Join(link.TunnelNames(), ", "))
	}
	t.Tunnels = set
	return nil
}

// String returns nothing: by default, nothing is looked into.
func (t *tunnels) String() string { return "" }

// IsBoolFlag says that the flag may stand alone (package flag).
func (t *tunnels) IsBoolFlag() bool { return true }

// readingOptions is what the flags of read say.
type readingOptions struct {
	options
	files  []string
	choice choice
	decap  link.Tunnels
	top    int
}

// readReadingOptions takes the flags' values, and judges them.
func readReadingOptions(c *cli.Context) (o readingOptions, err error) {
	keep := func(name string, e error) {
		if err == nil && e != nil {
			err = exit.UsageError("--%s %v", name, e)
		}
	}
	o.options = options{
		pcap: c.String("pcap"), diagram: c.String("diagram"), toScale: c.Bool("to-scale"), verbose: c.Bool("verbose"), quiet: c.Count("quiet"),
		color: c.String("color"), noSandbox: c.Bool("no-sandbox"), output: "text", iface: c.String("interface"),
	}
	explain, json := c.Generic("explain").(*optional), c.Generic("json").(*optional)
	o.explain, o.checksums, o.json, o.brief = explain.given, explain.value != "", json.given, json.value != ""
	o.decap, o.top = c.Generic("decap").(*tunnels).Tunnels, c.Int("top")
	keep("color", oneOf(o.color, "auto", "always", "never"))
	for _, text := range c.StringSlice("assert") {
		a, e := stats.ParseAssertion(text)
		keep("assert", e)
		o.assertions = append(o.assertions, a)
	}
	for _, code := range c.StringSlice("fail-on") {
		f, e := spectator.ParseFinding(code)
		keep("fail-on", e)
		o.failOn = append(o.failOn, f)
	}
	var e error
	o.require, e = exit.ParseRequirement(c.String("require"))
	keep("require", e)
	if s := c.String("user"); s != "" {
		o.user, e = parseUser(s)
		keep("user", e)
	}
	o.choice, e = readChoice(c)
	if err == nil {
		err = e
	}
	for _, name := range []string{"interface", "pcap", "diagram", "user"} {
		if c.IsSet(name) && c.String(name) == "" {
			keep(name, errors.New("has no value; try --help"))
		}
	}
	if err == nil {
		o.files, o.choice.ends, err = filesAndEnds(c.Args().Slice(), o.iface != "")
	}
	if err == nil {
		err = o.agree(c)
	}
	return o, err
}

// agree returns an error if flags ask for what cannot go together.
func (o readingOptions) agree(c *cli.Context) error {
	switch {
	case o.top < 0:
		return exit.UsageError("--top %d is less than 0", o.top)
	case o.require.Both():
		return exit.UsageError("--require both is about a race of addresses: any, all or a percentage is wanted")
	case o.explain && o.json:
		return exit.UsageError("--explain is text: it does not go with --json")
	case o.pcap == "-" && o.diagram == "-":
		return exit.UsageError("--pcap - and --diagram - both want stdout: give one of them a file")
	case o.pcap != "" && o.pcap == o.diagram:
		return exit.UsageError("--pcap and --diagram both want %s: give each a file of its own", text.Printable(o.pcap))
	case o.toScale && o.diagram == "":
		return exit.UsageError("--to-scale is about a diagram: give --diagram FILE too")
	case len(o.files) == 2 && (o.explain || o.diagram != "" || o.pcap != "" || c.IsSet("stream")):
		return exit.UsageError("two files are compared: none of --explain, --diagram, --pcap and --stream goes with that")
	case len(o.files) == 2 && o.files[0] == "-" && o.files[1] == "-":
		return exit.UsageError("stdin is one file: give the other one a name")
	}
	for _, name := range []string{o.pcap, o.diagram} {
		if name != "" && name != "-" && slices.Contains(o.files, name) {
			return exit.UsageError("%s is read: the results need a file of their own", text.Printable(name))
		}
	}
	return nil
}

// wantsPackets reports whether the packets of handshakes are wanted with them.
func (o readingOptions) wantsPackets() bool {
	return o.verbose || o.explain || o.pcap != "" || o.diagram != ""
}

// read judges the handshakes in a capture, and shows them.
func read(c *cli.Context) error {
	o, err := readReadingOptions(c)
	if err != nil {
		return err
	}
	if len(o.files) == 2 {
		return compareCaptures(c, o)
	}
	source, err := o.open(c)
	if err != nil {
		return err
	}
	defer source.Close()
	stdout, shownOn := o.outputs(c)
	files, err := o.openFiles(c, stdout)
	if err != nil {
		return err
	}
	_, stderr := outputsOf(c)
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	if o.iface != "" && o.quiet == 0 {
		fmt.Fprintf(stderr, "tcpprobe: listening on %s: an interrupt ends it and sums up\n", text.Printable(o.iface))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(readGC)
	}
	r := newReading(c.Context, o, source, shownOn, files)
	ended := r.run(c.Context)
	if err = r.end(c.Context, ended); r.capture.Truncated != "" {
		fmt.Fprintf(stderr, "tcpprobe: %s\n", text.Printable(r.capture.Truncated))
	}
	unread, unwritten := stdout.Queue().Flush(c.Context), files.Close()
	if unread != nil || unwritten != nil {
		return exit.With(exit.Output, errors.Join(unread, unwritten))
	}
	return err
}

// readGC is how much garbage may come together before it is collected, in percent of what is in use: what is in use is mostly
// attempts, in which nothing points anywhere, so that looking for garbage is cheap, and memory is not.
const readGC = 20
