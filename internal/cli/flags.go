//go:build linux

package cli

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// options is what the flags of a probe say.
type options struct {
	targets    string // name of a file with more of them
	maxTargets int    // 0: any number
	rate       int    // handshakes a second; 0: as fast as the path takes
	count      int    // 0: until interrupted
	interval   time.Duration
	handshake  probe.Config // what the flags say of it
	iface      string
	source     netip.Addr
	sourcePort uint16
	mark       uint32
	send       string
	ttl, tos   uint8
	dns        netip.AddrPort
	dnsTimeout time.Duration
	dnsTries   int
	all        bool
	json       bool
	output     string // "text" or "mermaid"
	explain    bool
	checksums  bool // explained too
	dryRun     bool
	pcap       string
	diagram    string
	toScale    bool // the diagram's time
	verbose    bool
	quiet      bool
	color      string
	assertions []stats.Assertion
	require    exit.Requirement
}

const (
	categoryRun     = "How often and how long"
	categoryPath    = "Which way"
	categorySegment = "What is sent"
	categoryDNS     = "Names"
	categoryOutput  = "Output"
	categoryVerdict = "What is expected"
)

// probeFlags returns the flags of a probe.
func probeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "count", Aliases: []string{"c"}, Value: 1, Category: categoryRun, Usage: "make `N` handshakes per target; 0: until interrupted"},
		durationFlag("interval", "i", "1s", categoryRun, "start a handshake with a target every `D`"),
		durationFlag("timeout", "W", "3s", categoryRun, "give up on a handshake after `D`"),
		&cli.StringFlag{Name: "targets", Category: categoryRun, Usage: "probe the targets in `FILE` too, one a line, # begins a comment; - is stdin"},
		&cli.IntFlag{Name: "rate", Value: 1000, Category: categoryRun, Usage: "begin up to `N` handshakes a second, over all targets; 0: as fast as the path takes"},
		&cli.IntFlag{Name: "max-targets", Value: 65536, Category: categoryRun, Usage: "refuse more than `N` targets; 0: take any number"},
		&cli.IntFlag{Name: "retries", Value: 2, Category: categoryRun, Usage: "send the SYN again up to `N` times within the timeout, after 1 s, then doubling"},

		&cli.StringFlag{Name: "interface", Aliases: []string{"I"}, Category: categoryPath, Usage: "leave by interface `IF`"},
		&cli.StringFlag{Name: "source", Aliases: []string{"S"}, Category: categoryPath, Usage: "from `ADDR`, an address of this host"},
		&cli.IntFlag{Name: "source-port", Category: categoryPath, Usage: "from port `P`", DefaultText: "a random free one"},
		&cli.UintFlag{Name: "mark", Category: categoryPath, Usage: "with firewall mark `N`, for policy routing", DefaultText: "none"},
		&cli.StringFlag{Name: "send", Value: "auto", Category: categoryPath, Usage: "`auto|link|ip`: in frames of our own, or as raw IP through the kernel's routing and firewall"},

		&cli.StringFlag{Name: "close", Value: "fin", Category: categorySegment, Usage: "`fin|rst|half|none`: how the connection ends"},
		&cli.IntFlag{Name: "ttl", Value: 64, Category: categorySegment, Usage: "Time to Live `N`"},
		&cli.IntFlag{Name: "dscp", Value: 0, Category: categorySegment, Usage: "differentiated services codepoint `N`"},
		&cli.IntFlag{Name: "mss", Category: categorySegment, Usage: "announce a maximum segment size of `N` octets", DefaultText: "interface MTU - 40"},
		&cli.IntFlag{Name: "window", Value: 64240, Category: categorySegment, Usage: "the SYN's window, `N` octets"},
		&cli.StringFlag{Name: "syn", Value: "linux", Category: categorySegment, Usage: "`linux|bare|ecn|accecn|nots|bigmss|tfo`: the SYN's options and control bits"},
		&cli.StringFlag{Name: "icmp", Value: "abort", Category: categorySegment, Usage: "`abort|report`: an ICMP error that quotes our SYN ends the probe, as it ends connect(2), or is noted while the wait goes on"},

		&cli.StringFlag{Name: "dns", Category: categoryDNS, Usage: "ask `SERVER[:PORT]`, not the servers of resolv.conf"},
		durationFlag("dns-timeout", "", "", categoryDNS, "wait `D` for each answer, not as resolv.conf says"),
		&cli.IntFlag{Name: "dns-tries", Category: categoryDNS, Usage: "ask each server `N` times, not as resolv.conf says", DefaultText: " "},
		&cli.BoolFlag{Name: "all", Category: categoryDNS, Usage: "probe every address of the name, not only the first"},

		&cli.BoolFlag{Name: "json", Category: categoryOutput, Usage: "one JSON object a line"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Category: categoryOutput, Usage: "`text|mermaid`: mermaid is a sequence diagram in words, for tickets"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: categoryOutput, Usage: "header fields, options decoded, checks passed"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: categoryOutput, Usage: "the verdict lines alone"},
		optionalFlag("explain", categoryOutput, "`[=checksum]` every packet octet by octet, with the meaning of each field and its RFC section; and how the checksums come about", "checksum"),
		&cli.BoolFlag{Name: "dry-run", Category: categoryOutput, Usage: "build and explain the packets, and send none; needs no privilege"},
		&cli.StringFlag{Name: "pcap", Category: categoryOutput, Usage: "write every packet to `FILE`, as pcapng with comments, or as pcap if its name ends in .pcap; - is stdout"},
		&cli.StringFlag{Name: "diagram", Category: categoryOutput, Usage: "draw the handshake as an SVG into `FILE`; - is stdout"},
		&cli.BoolFlag{Name: "to-scale", Category: categoryOutput, Usage: "with time to scale in the diagram, not evenly spaced"},
		&cli.StringFlag{Name: "color", Value: "auto", Category: categoryOutput, Usage: "`auto|always|never`; NO_COLOR and a pipe switch it off"},

		&cli.StringSliceFlag{Name: "assert", Category: categoryVerdict, Usage: "exit with 6 unless `FIGURE<VALUE` holds for each target, as in loss<1%, p99<=50ms or established>=3; may be repeated"},
		&cli.StringFlag{Name: "require", Value: "all", Category: categoryVerdict, Usage: "exit with 0 if so many of the handshakes are established, `SHARE` being any, all or a percentage as 90%"},
	}
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
		rate:       within("rate", 0, 10_000_000),
		count:      within("count", 0, most),
		interval:   duration(c, "interval"),
		handshake: probe.Config{
			Timeout: duration(c, "timeout"),
			Retries: within("retries", 0, 30),
			Window:  within("window", 0, 65535),
			Linger:  probe.Linger,
		},
		iface:      c.String("interface"),
		mark:       uint32(c.Uint("mark")),
		send:       c.String("send"),
		ttl:        uint8(within("ttl", 1, 255)),
		tos:        uint8(within("dscp", 0, 63) << 2),
		dnsTimeout: duration(c, "dns-timeout"),
		all:        c.Bool("all"),
		json:       c.Bool("json"),
		output:     c.String("output"),
		dryRun:     c.Bool("dry-run"),
		pcap:       c.String("pcap"),
		diagram:    c.String("diagram"),
		toScale:    c.Bool("to-scale"),
		verbose:    c.Bool("verbose"),
		quiet:      c.Bool("quiet"),
		color:      c.String("color"),
	}
	if c.IsSet("mss") {
		o.handshake.MSS = uint16(within("mss", 1, 65535))
	}
	if c.IsSet("source-port") {
		o.sourcePort = uint16(within("source-port", 1, 65535))
	}
	if c.IsSet("dns-tries") {
		o.dnsTries = within("dns-tries", 1, 100)
	}
	if err == nil && uint64(c.Uint("mark")) > 1<<32-1 {
		err = exit.UsageError("--mark %d is not within 0 to %d", c.Uint("mark"), uint32(1<<32-1))
	}
	if err == nil && o.interval <= 0 {
		err = exit.UsageError("--interval must be more than 0")
	}
	if err == nil && o.handshake.Timeout <= 0 {
		err = exit.UsageError("--timeout must be more than 0")
	}
	var e error
	o.handshake.Close, e = probe.ParseClose(c.String("close"))
	keep("close", e)
	o.handshake.SYN, e = probe.ParseSYN(c.String("syn"))
	keep("syn", e)
	o.handshake.ICMP, e = probe.ParseICMPPolicy(c.String("icmp"))
	keep("icmp", e)
	keep("send", oneOf(o.send, "auto", "link", "ip"))
	keep("color", oneOf(o.color, "auto", "always", "never"))
	keep("output", oneOf(o.output, "text", "mermaid"))
	for _, text := range c.StringSlice("assert") {
		a, e := stats.ParseAssertion(text)
		keep("assert", e)
		o.assertions = append(o.assertions, a)
	}
	o.require, e = exit.ParseRequirement(c.String("require"))
	keep("require", e)
	explain := c.Generic("explain").(*optional)
	o.explain, o.checksums = explain.given, explain.value != ""
	for _, name := range []string{"interface", "source", "dns", "pcap", "diagram", "targets"} {
		if c.IsSet(name) && c.String(name) == "" {
			keep(name, fmt.Errorf("has no value; try --help"))
		}
	}
	if s := c.String("source"); s != "" {
		o.source, e = netip.ParseAddr(s)
		if e != nil || !o.source.Is4() {
			keep("source", fmt.Errorf("%s: an IPv4 address is wanted, as in 192.0.2.1", text.Printable(s)))
		} else {
			keep("source", target.CheckUnicast(o.source))
		}
	}
	if s := c.String("dns"); s != "" {
		o.dns, e = parseServer(s)
		keep("dns", e)
	}
	return o, err
}

// agree returns an error if flags ask for what cannot go together.
func (o options) agree(targets int) error {
	switch {
	case o.json && o.output != "text":
		return exit.UsageError("--json and --output %s are both wanted: take one", o.output)
	case o.explain && (o.json || o.output != "text"):
		return exit.UsageError("--explain is text: it goes with neither --json nor --output mermaid")
	case o.dryRun && (o.json || o.output != "text" || o.pcap != "" || o.diagram != ""):
		return exit.UsageError("--dry-run sends nothing: there are no results to write")
	case o.dryRun && len(o.assertions) > 0:
		return exit.UsageError("--dry-run sends nothing: there is nothing to --assert")
	case o.output == "mermaid" && (o.count != 1 || targets > 1 || o.all):
		return exit.UsageError("--output mermaid draws one handshake: it goes with one target, and with neither --count nor --all")
	case o.diagram != "" && (o.count != 1 || targets > 1 || o.all):
		return exit.UsageError("--diagram draws one handshake: it goes with one target, and with neither --count nor --all")
	case o.pcap == "-" && o.diagram == "-":
		return exit.UsageError("--pcap - and --diagram - both want stdout: give one of them a file")
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
	address, err := netip.ParseAddr(s)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s: an address is wanted, as in 192.0.2.53 or 192.0.2.53:5353", text.Printable(s))
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
