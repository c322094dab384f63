//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// options is what the flags of a probe say.
type options struct {
	targets    string  // name of a file with more of them
	maxTargets int     // 0: any number
	exclude    string  // name of a file with addresses to leave out
	resume     string  // name of a file to go on from
	seed       *uint64 // of the order of targets; nil for another in each run
	rate       int     // handshakes a second; 0: as fast as the path takes
	spec       prober.Spec
	limit      time.Duration // for everything; 0 for none
	until      time.Time     // when that is over
	iface      string
	mark       uint32
	compare    bool          // the ways to send
	race       time.Duration // between the beginnings of handshakes with the addresses of a name; 0: no race
	fellBack   bool          // the kernel makes the handshake, since CAP_NET_RAW is missing
	resolver   resolver.Options
	rules      target.Rules  // for the addresses of targets
	resolveAge time.Duration // how long an answer for a name holds at the most; 0: its TTL
	json       bool
	brief      bool   // without segments
	output     string // "text" or "mermaid"
	explain    bool
	checksums  bool // explained too
	dryRun     bool
	pcap       string
	diagram    string
	toScale    bool // the diagram's time
	verbose    bool
	quiet      int    // 1: the verdicts or the statistics alone; 2: nothing but what failed
	only       string // "open", "failed" or "" for all
	color      string
	timestamps bool // in front of each line
	noSandbox  bool
	user       *account // whom to be one of; nil for whoever it is
	newFilesIn string   // a folder in which files are made in the sandbox, too; empty for none
	assertions []stats.Assertion
	failOn     []probe.Finding
	require    exit.Requirement
}

// readOptions takes the flags' values, and judges them.
func readOptions(c *cli.Context) (o options, err error) {
	within := func(name string, low, high int) int {
		n := c.Int(name)
		if err == nil && (n < low || n > high) {
			err = exit.UsageError("--%s %d is not within %d to %d", name, n, low, high)
		}
		return n
	}
	keep := func(name string, e error) {
		if err == nil && e != nil {
			err = exit.UsageError("--%s %v", name, e)
		}
	}
	const most = 1 << 30
	o = options{
		targets:    c.String("targets"),
		maxTargets: within("max-targets", 0, most),
		exclude:    c.String("exclude"),
		resume:     c.String("resume"),
		rate:       within("rate", 0, 10_000_000),
		spec: prober.Spec{
			Count:    within("count", 0, most),
			Interval: duration(c, "interval"),
			All:      c.Bool("all"),
			Send:     prober.Send(c.String("send")),
			TTL:      uint8(within("ttl", 1, 255)),
			TOS:      uint8(within("dscp", 0, 63) << 2),
			Handshake: probe.Config{
				Timeout: duration(c, "timeout"),
				Retries: within("retries", 0, 30),
				Window:  within("window", 0, 65535),
				Linger:  probe.Linger,
			},
		},
		iface:      c.String("interface"),
		mark:       uint32(c.Uint("mark")),
		resolver:   resolver.Options{Timeout: duration(c, "dns-timeout"), Family: resolver.FamilyAny},
		rules:      target.Rules{Interface: c.String("interface"), IPv4: c.Bool("ipv4"), IPv6: c.Bool("ipv6")},
		resolveAge: duration(c, "resolve-every"),
		output:     c.String("output"),
		dryRun:     c.Bool("dry-run"),
		compare:    c.Bool("compare-send"),
		pcap:       c.String("pcap"),
		diagram:    c.String("diagram"),
		toScale:    c.Bool("to-scale"),
		verbose:    c.Bool("verbose"),
		quiet:      c.Count("quiet"),
		only:       c.String("only"),
		color:      c.String("color"),
		timestamps: c.Bool("timestamps"),
		noSandbox:  c.Bool("no-sandbox"),
	}
	if c.IsSet("mss") {
		o.spec.Handshake.MSS = uint16(within("mss", 1, 65535))
	}
	if o.spec.PinFlowLabel = c.IsSet("flow-label"); o.spec.PinFlowLabel {
		o.spec.FlowLabel = uint32(within("flow-label", 0, 1<<20-1))
	}
	if c.IsSet("source-port") {
		o.spec.SourcePort = uint16(within("source-port", 1, 65535))
	}
	if c.IsSet("dns-tries") {
		o.resolver.Tries = within("dns-tries", 1, 100)
	}
	if err == nil && uint64(c.Uint("mark")) > 1<<32-1 {
		err = exit.UsageError("--mark %d is not within 0 to %d", c.Uint("mark"), uint32(1<<32-1))
	}
	if err == nil && o.spec.Interval <= 0 {
		err = exit.UsageError("--interval must be more than 0")
	}
	for _, name := range []string{"wait", "deadline"} {
		limit := duration(c, name)
		switch {
		case !c.IsSet(name):
		case limit <= 0:
			keep(name, errors.New("must be more than 0"))
		case o.limit == 0 || limit < o.limit:
			o.limit = limit
		}
	}
	if c.IsSet("wait") {
		if c.IsSet("count") {
			keep("wait", errors.New("makes as many handshakes as it takes: it does not go with --count"))
		}
		o.spec.Count, o.spec.UntilEstablished = 0, true
	}
	if err == nil && o.spec.Handshake.Timeout <= 0 {
		err = exit.UsageError("--timeout must be more than 0")
	}
	var e error
	o.spec.Handshake.Close, e = probe.ParseClose(c.String("close"))
	keep("close", e)
	o.spec.Handshake.SYN, e = probe.ParseSYN(c.String("syn"))
	keep("syn", e)
	o.spec.Handshake.ICMP, e = probe.ParseICMPPolicy(c.String("icmp"))
	keep("icmp", e)
	keep("send", oneOf(string(o.spec.Send), "auto", "link", "ip", "connect"))
	keep("color", oneOf(o.color, "auto", "always", "never"))
	keep("output", oneOf(o.output, "text", "mermaid"))
	for _, text := range c.StringSlice("assert") {
		a, e := stats.ParseAssertion(text)
		keep("assert", e)
		o.assertions = append(o.assertions, a)
	}
	for _, code := range c.StringSlice("fail-on") {
		f, e := probe.ParseFinding(code)
		keep("fail-on", e)
		o.failOn = append(o.failOn, f)
	}
	o.require, e = exit.ParseRequirement(c.String("require"))
	keep("require", e)
	explain := c.Generic("explain").(*optional)
	o.explain, o.checksums = explain.given, explain.value != ""
	json := c.Generic("json").(*optional)
	o.json, o.brief = json.given, json.value != ""
	if c.IsSet("only") {
		keep("only", oneOf(o.only, "open", "failed"))
	}
	for _, name := range []string{"interface", "source", "dns", "pcap", "diagram", "targets", "exclude", "shard", "resume", "user"} {
		if c.IsSet(name) && c.String(name) == "" {
			keep(name, fmt.Errorf("has no value; try --help"))
		}
	}
	if s := c.String("shard"); s != "" {
		o.rules.Selection.Shard, e = target.ParseShard(s)
		keep("shard", e)
	}
	if c.IsSet("seed") {
		seed := c.Uint64("seed")
		o.seed = &seed
	}
	if s := c.String("source"); s != "" {
		o.spec.Source, e = o.rules.ParseSource(s)
		keep("source", e)
		o.rules.Source = o.spec.Source
	}
	if s, ok := c.Generic("race").(*stagger); ok && s.seconds > 0 {
		o.race = time.Duration(s.seconds)
		o.spec.All, o.spec.Stagger = true, o.race
	}
	o.resolver.Family, e = o.family()
	if err == nil {
		err = e
	}
	if s := c.String("user"); s != "" {
		o.user, e = parseUser(s)
		keep("user", e)
	}
	if s := c.String("dns"); s != "" {
		o.resolver.Server, e = parseServer(s)
		keep("dns", e)
	}
	return o, err
}

// family returns which addresses names are asked for: those that can be reached from the source, if it is given.
func (o options) family() (resolver.Family, error) {
	source := o.spec.Source
	switch {
	case o.rules.IPv4 && o.rules.IPv6:
		return 0, exit.UsageError("--ipv4 and --ipv6 are both wanted: take one, or neither for both families")
	case o.rules.IPv4, source.Is4():
		return resolver.FamilyIPv4, nil
	case o.rules.IPv6, source.Is6():
		return resolver.FamilyIPv6, nil
	}
	return resolver.FamilyAny, nil
}

// agree returns an error if flags ask for what cannot go together.
func (o options) agree(targets int) error {
	switch {
	case o.race > 0 && (o.compare || o.dryRun || o.explain || o.output != "text" || o.pcap != "" || o.diagram != "" || len(o.assertions) > 0 || o.spec.Count != 1):
		return exit.UsageError("--race says how the addresses of a name did, once: it goes with none of --count, --compare-send, --dry-run, --explain, --output, --pcap, --diagram and --assert")
	case o.race > 0 && (o.rules.IPv4 || o.rules.IPv6):
		return exit.UsageError("--race is between the families: it goes with neither --ipv4 nor --ipv6")
	case o.require.Both() && o.race == 0:
		return exit.UsageError("--require both is about the families of a race: give --race too")
	case o.json && o.output != "text":
		return exit.UsageError("--json and --output %s are both wanted: take one", o.output)
	case o.explain && (o.json || o.output != "text"):
		return exit.UsageError("--explain is text: it goes with neither --json nor --output mermaid")
	case o.dryRun && (o.json || o.output != "text" || o.pcap != "" || o.diagram != ""):
		return exit.UsageError("--dry-run sends nothing: there are no results to write")
	case o.dryRun && len(o.assertions) > 0:
		return exit.UsageError("--dry-run sends nothing: there is nothing to --assert")
	case o.dryRun && len(o.failOn) > 0:
		return exit.UsageError("--dry-run sends nothing: there is nothing to --fail-on")
	case o.dryRun && o.spec.UntilEstablished:
		return exit.UsageError("--dry-run sends nothing: there is nothing to --wait for")
	case o.spec.UntilEstablished && o.spec.All:
		return exit.UsageError("--wait is over with the first handshake that is established: it does not go with --all")
	case o.spec.UntilEstablished && (o.output == "mermaid" || o.diagram != ""):
		return exit.UsageError("--wait makes several handshakes: it goes with neither --diagram nor --output mermaid")
	case o.timestamps && (o.explain || o.dryRun || o.output != "text"):
		return exit.UsageError("--timestamps is for lines of their own: it goes with none of --explain, --dry-run and --output mermaid")
	case o.dryRun && o.only != "":
		return exit.UsageError("--dry-run sends nothing: nothing is open, and nothing fails")
	case o.only == "open" && o.quiet > 1:
		return exit.UsageError("-qq shows nothing but what failed: it does not go with --only open")
	case o.resume != "" && (o.spec.Count != 1 || o.spec.UntilEstablished || o.race > 0 || o.compare || o.dryRun):
		return exit.UsageError("--resume is for one handshake with each of many targets: it goes with none of --count, --wait, --race, --compare-send and --dry-run")
	case o.output == "mermaid" && (o.spec.Count != 1 || targets > 1 || o.spec.All):
		return exit.UsageError("--output mermaid draws one handshake: it goes with one target, and with neither --count nor --all")
	case o.diagram != "" && (o.spec.Count != 1 || targets > 1 || o.spec.All):
		return exit.UsageError("--diagram draws one handshake: it goes with one target, and with neither --count nor --all")
	case o.pcap == "-" && o.diagram == "-":
		return exit.UsageError("--pcap - and --diagram - both want stdout: give one of them a file")
	case o.pcap != "" && o.pcap == o.diagram:
		return exit.UsageError("--pcap and --diagram both want %s: give each a file of its own", text.Printable(o.pcap))
	case o.toScale && o.diagram == "":
		return exit.UsageError("--to-scale is about a diagram: give --diagram FILE too")
	}
	return nil
}

// parseServer reads SERVER[:PORT].
func parseServer(s string) (netip.AddrPort, error) {
	if server, err := netip.ParseAddrPort(s); err == nil {
		if server.Port() == 0 {
			return netip.AddrPort{}, fmt.Errorf("%s: port 0 is not within 1 to 65535", s)
		}
		return server, nil
	}
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	address, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s: an address is wanted, as in 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353", text.Printable(s))
	}
	return netip.AddrPortFrom(address, 53), nil
}

func oneOf(s string, allowed ...string) error {
	for _, a := range allowed {
		if s == a {
			return nil
		}
	}
	return fmt.Errorf("%s: one of %s is wanted", text.Printable(s), strings.Join(allowed, ", "))
}

// display returns how the flags want results to be shown on an output.
func (o options) display(w *display.Output) display.Options {
	return display.Options{
		Resumable: o.resume != "", Permit: o.permit(),
		JSON: o.json, Brief: o.brief, Mermaid: o.output == "mermaid", Explain: o.explain, Checksums: o.checksums, Assertions: o.assertions, FailOn: o.failOn, Require: o.require, Wanted: o.wanted(), Timestamps: o.timestamps, Silent: o.quiet > 1, Deadline: o.until,
		Named: o.targets != "", Bars: terminal.MovesCursor(w),
		Style: o.style(w),
	}
}

// shows returns whether what is open is to be shown, and what has failed.
func (o options) shows() (open, failed bool) {
	return o.only != "failed" && o.quiet < 2, o.only != "open"
}

// wanted returns which handshakes are to be shown; nil for all.
func (o options) wanted() func(*probe.Result) bool {
	open, failed := o.shows()
	if open && failed {
		return nil
	}
	return func(r *probe.Result) bool {
		if r.Outcome == probe.OutcomeEstablished {
			return open
		}
		return failed && r.Outcome != probe.OutcomeInterrupted
	}
}

// style returns how text is to look on an output.
func (o options) style(w *display.Output) report.Style {
	return report.Style{Style: terminalStyle(w, o.color), Verbose: o.verbose, Quiet: o.quiet > 0}
}

// permit returns which addresses of names may be probed; nil for all.
func (o options) permit() func(a netip.Addr, own bool) error {
	excluded := o.rules.Selection.Exclude
	if len(excluded) == 0 {
		return nil
	}
	return func(a netip.Addr, _ bool) error {
		if excluded.Contains(a) {
			return errors.New("--exclude leaves it out")
		}
		return nil
	}
}

// files returns the files that the flags ask for.
func (o options) files(version string) display.FileOptions {
	return display.FileOptions{Capture: o.pcap, Diagram: o.diagram, ToScale: o.toScale, Program: "tcpprobe " + version}
}

// localZone returns the zone of this host, whose file is read now, while the process may still read files.
func localZone() *time.Location {
	_, _ = time.Now().Zone()
	return time.Local
}

// terminalStyle returns how text for an output may look.
func terminalStyle(w io.Writer, color string) text.Style {
	return text.Style{Color: terminal.Color(w, color), UTF8: terminal.UTF8(), Zone: localZone()}
}
