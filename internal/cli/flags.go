//go:build linux

package cli

import (
	"github.com/urfave/cli/v2"
)

const (
	categoryRun     = "How often and how long"
	categoryPath    = "Which way"
	categorySegment = "What is sent"
	categoryDNS     = "Names"
	categoryOutput  = "Output"
	categoryVerdict = "What is expected"
	categoryRights  = "Rights"
)

// probeFlags returns the flags of a probe.
func probeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "count", Aliases: []string{"c"}, Value: 1, Category: categoryRun, Usage: "make `N` handshakes per target; 0: until interrupted"},
		durationFlag("interval", "i", "1s", categoryRun, "start a handshake with a target every `D`"),
		durationFlag("timeout", "W", "3s", categoryRun, "give up on a handshake after `D`"),
		durationFlag("wait", "", "", categoryRun, "make handshakes one after the other until the first is established, for up to `D`"),
		durationFlag("deadline", "", "", categoryRun, "end everything after `D`, names and next hops included"),
		&cli.StringFlag{Name: "targets", Category: categoryRun, Usage: "probe the targets in `FILE` too, one a line, # begins a comment; - is stdin"},
		&cli.IntFlag{Name: "rate", Value: defaultRate, Category: categoryRun, Usage: "begin up to `N` handshakes a second, over all targets; 0: as fast as the path takes"},
		&cli.IntFlag{Name: "max-targets", Value: defaultMaxTargets, Category: categoryRun, Usage: "refuse more than `N` targets; 0: take any number"},
		&cli.StringFlag{Name: "exclude", Category: categoryRun, Usage: "leave out the prefixes and addresses in `FILE`, one a line, # begins a comment"},
		&cli.StringFlag{Name: "shard", Category: categoryRun, Usage: "take the `I/N`-th part of the targets alone, as 3/8, so that N hosts share them", DefaultText: "all"},
		&cli.Uint64Flag{Name: "seed", Category: categoryRun, Usage: "take the targets of a prefix of more than 256 in the order of seed `N`", DefaultText: "a random one"},
		&cli.StringFlag{Name: "resume", Category: categoryRun, Usage: "go on where the run was broken off that left `FILE`, or leave it if this one is", DefaultText: " "},
		&cli.IntFlag{Name: "retries", Value: 2, Category: categoryRun, Usage: "send the SYN again up to `N` times within the timeout, after 1 s, then doubling"},

		&cli.BoolFlag{Name: "ipv4", Aliases: []string{"4"}, Category: categoryPath, Usage: "by IPv4 alone"},
		&cli.BoolFlag{Name: "ipv6", Aliases: []string{"6"}, Category: categoryPath, Usage: "by IPv6 alone"},
		&cli.StringFlag{Name: "interface", Aliases: []string{"I"}, Category: categoryPath, Usage: "leave by interface `IF`"},
		&cli.StringFlag{Name: "source", Aliases: []string{"S"}, Category: categoryPath, Usage: "from `ADDR`, an address of this host"},
		&cli.IntFlag{Name: "source-port", Category: categoryPath, Usage: "from port `P`", DefaultText: "a random free one"},
		&cli.UintFlag{Name: "mark", Category: categoryPath, Usage: "with firewall mark `N`, for policy routing", DefaultText: "none"},
		&cli.StringFlag{Name: "send", Value: "auto", Category: categoryPath, Usage: "`auto|link|ip|connect`: in frames of our own, as raw IP through the kernel's routing and firewall, or let the kernel make the handshake, which auto does without CAP_NET_RAW"},
		&cli.BoolFlag{Name: "compare-send", Category: categoryPath, Usage: "send by link, by ip and by connect, one after the other: where on this host do they part?"},

		&cli.StringFlag{Name: "close", Value: "fin", Category: categorySegment, Usage: "`fin|rst|half|none`: how the connection ends"},
		&cli.IntFlag{Name: "ttl", Value: 64, Category: categorySegment, Usage: "Time to Live, of IPv6 hop limit, `N`"},
		&cli.IntFlag{Name: "dscp", Value: 0, Category: categorySegment, Usage: "differentiated services codepoint `N`"},
		&cli.IntFlag{Name: "mss", Category: categorySegment, Usage: "announce a maximum segment size of `N` octets", DefaultText: "interface MTU - 40, IPv6 - 60"},
		&cli.IntFlag{Name: "flow-label", Category: categorySegment, Usage: "IPv6 flow label `N` of every SYN", DefaultText: "a random one for each"},
		&cli.IntFlag{Name: "window", Value: 64240, Category: categorySegment, Usage: "the SYN's window, `N` octets"},
		&cli.StringFlag{Name: "syn", Value: "linux", Category: categorySegment, Usage: "`linux|bare|ecn|accecn|nots|bigmss|tfo`: the SYN's options and control bits"},
		&cli.StringFlag{Name: "icmp", Value: "abort", Category: categorySegment, Usage: "`abort|report`: an ICMP error that quotes our SYN ends the probe, as it ends connect(2), or is noted while the wait goes on"},

		&cli.StringFlag{Name: "dns", Category: categoryDNS, Usage: "ask `SERVER[:PORT]`, not the servers of resolv.conf"},
		durationFlag("dns-timeout", "", "", categoryDNS, "wait `D` for each answer, not as resolv.conf says"),
		&cli.IntFlag{Name: "dns-tries", Category: categoryDNS, Usage: "ask each server `N` times, not as resolv.conf says", DefaultText: " "},
		durationFlag("resolve-every", "", "", categoryDNS, "look names up again after `D`, at the latest when their TTL is over, in runs of several handshakes"),
		&cli.BoolFlag{Name: "all", Category: categoryDNS, Usage: "probe every address of the name, of both families, not only the first"},

		standAlone{&cli.GenericFlag{Name: "race", Value: new(stagger), Category: categoryDNS, DefaultText: " ",
			Usage: "`[=D]` every address of the name as Happy Eyeballs begins them, 250ms or D apart, none cancelled: which family wins?"}},

		optionalFlag("json", categoryOutput, "`[=brief]` one JSON object a line; brief: without the segments", "brief"),
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Category: categoryOutput, Usage: "`text|mermaid`: mermaid is a sequence diagram in words, for tickets"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: categoryOutput, Usage: "header fields, options decoded, checks passed"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: categoryOutput, Usage: "the verdict lines alone, with -c the statistics alone; -qq: nothing but what failed"},
		&cli.BoolFlag{Name: "timestamps", Category: categoryOutput, Usage: "the time of day in front of each line, as 14:03:22.120 in the time zone of this host"},
		&cli.StringFlag{Name: "only", Category: categoryOutput, Usage: "show those handshakes alone that are `open|failed`; all of them count", DefaultText: " "},
		optionalFlag("explain", categoryOutput, "`[=checksum]` every packet octet by octet, with the meaning of each field and its RFC section; and how the checksums come about", "checksum"),
		&cli.BoolFlag{Name: "dry-run", Category: categoryOutput, Usage: "build and explain the packets, and send none; needs no privilege"},
		&cli.StringFlag{Name: "pcap", Category: categoryOutput, Usage: "write every packet to `FILE`, as pcapng with comments, or as pcap if its name ends in .pcap; - is stdout"},
		&cli.StringFlag{Name: "diagram", Category: categoryOutput, Usage: "draw the handshake as an SVG into `FILE`; - is stdout"},
		&cli.BoolFlag{Name: "to-scale", Category: categoryOutput, Usage: "with time to scale in the diagram, not evenly spaced"},
		&cli.StringFlag{Name: "color", Value: "auto", Category: categoryOutput, Usage: "`auto|always|never`; NO_COLOR and a pipe switch it off"},

		&cli.StringSliceFlag{Name: "assert", Category: categoryVerdict, Usage: "exit with 6 unless `FIGURE<VALUE` holds for each target, as in loss<1%, p99<=50ms or established>=3; may be repeated"},
		&cli.StringSliceFlag{Name: "fail-on", Category: categoryVerdict, Usage: "exit with 6 if `FINDING` occurs in any handshake, by its code in the JSON results; may be repeated"},
		&cli.StringFlag{Name: "require", Value: "all", Category: categoryVerdict, Usage: "exit with 0 if so many of the handshakes are established, `SHARE` being any, all or a percentage as 90%"},

		&cli.StringFlag{Name: "user", Category: categoryRights, Usage: "as root: be `USER`, a name or UID:GID, once everything is open"},
		&cli.BoolFlag{Name: "no-sandbox", Category: categoryRights, Usage: "keep all rights, files and system calls while packets are read"},
	}
}
