//go:build linux

package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/text"
)

// helpText returns the text of --help: examples first, at most 80 columns wide. The library's own has the flags in the
// order of the alphabet, and lines of any length.
func helpText(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s - %s

Examples:
  tcpprobe example.com:80                one handshake, packet by packet
  tcpprobe -c 5 -i 200ms 192.0.2.80:443  five handshakes, with statistics
  tcpprobe --json db:5432 | jq .         for programs
  tcpprobe --close half example.com:80   the server's application sees nothing

Take it instead of
  nc -z, curl   when "refused" or "timed out" is not enough: who, where, and why
  traceroute    when this port fails: the same SYN, and what is done to it
  ping          when ICMP passes and TCP does not, or times have to be right

Usage:
  tcpprobe [flags] HOST:PORT [HOST:PORT ...]
  tcpprobe COMMAND
  Flags may stand before or after targets. PORT is a number or a service, as
  https, or a list as 80,https,8000-8010; HOST may be a prefix, 192.0.2.0/24.
  A duration D is 300ms, 2s, or 2 for seconds.

Commands:
`, app.Name, app.Usage)
	for _, c := range app.Commands {
		helpLine(&b, c.Name, c.Usage)
	}
	helpFlags(&b, app.Flags)
	b.WriteString("\nOther:\n")
	helpLine(&b, "-h, --help", "print this help")
	helpLine(&b, "-V, --version", "print the version")
	b.WriteString(`
Exit status:
  0 every handshake was established   1 refused       2 timeout
  3 unreachable (ICMP error)          4 no such name  5 no route or no next hop
  6 handshakes ended differently, an assertion failed, a finding was --fail-on
  64 usage               70 a fault of tcpprobe
  71 the system refused  74 output not written  77 CAP_NET_RAW is missing
  78 configuration       130 interrupted before any result
`)
	return b.String()
}

// traceHelpText returns the text of trace --help.
func traceHelpText(c *cli.Command) string {
	var b strings.Builder
	helpHead(&b, c)
	b.WriteString(`
Examples:
  tcpprobe trace example.com:443         where the SYN stops
  tcpprobe trace -c 5 example.com:443    five rounds, with times and losses
  tcpprobe trace --flows 16 db:5432      do all paths work?
  tcpprobe trace --names example.com:443 with the names of the routers

Usage:
  tcpprobe trace [flags] HOST:PORT
`)
	helpFlags(&b, c.Flags)
	b.WriteString("\nThe exit status is that of a probe.\n")
	return b.String()
}

// watchHelpText returns the text of watch --help.
func watchHelpText(c *cli.Command) string {
	var b strings.Builder
	helpHead(&b, c)
	b.WriteString(`
Examples:
  tcpprobe watch example.com:443 192.0.2.80:80  two targets
  tcpprobe watch -i 200ms --targets FILE        many, five times a second
  tcpprobe watch --record FILE db:5432          and keep what there was
  tcpprobe watch --replay FILE                  see it again

Usage:
  tcpprobe watch [flags] HOST:PORT [HOST:PORT ...]
  The key ? shows what the keys do. On leaving, the statistics are printed.
`)
	helpFlags(&b, c.Flags)
	b.WriteString("\nThe exit status is that of a probe.\n")
	return b.String()
}

// readHelpText returns the text of read --help.
func readHelpText(c *cli.Command) string {
	var b strings.Builder
	helpHead(&b, c)
	b.WriteString(`
Examples:
  tcpprobe read dump.pcapng                       handshakes, and the servers
  tcpprobe read dump.pcap 192.0.2.80:443          with this server, or client
  tcpprobe read dump.pcap --outcome timeout -v    with their packets
  tcpprobe read dump.pcap --stream 7 --explain    one of them, octet by octet
  tcpprobe read before.pcap behind.pcap           what a firewall did to them
  tcpdump -U --immediate-mode -w - tcp | tcpprobe read -

Usage:
  tcpprobe read [flags] FILE [HOST[:PORT] ...]
  tcpprobe read [flags] FILE FILE [HOST[:PORT] ...]
  FILE is pcap or pcapng, gzipped or not; - is stdin. HOST is an address or a
  prefix, of the client or the server, or a name of the hosts file.
`)
	helpFlags(&b, c.Flags)
	b.WriteString(`
Exit status:
  0-6 as of a probe: 0 if every handshake chosen was established, 6 if one is
  half open or cannot be judged
  65 this is no capture   66 it cannot be read
`)
	return b.String()
}

// smallHelpText returns the text of the help of a command that has few flags, or none: what it is, and how it is called.
func smallHelpText(c *cli.Command, usage string) string {
	var b strings.Builder
	helpHead(&b, c)
	fmt.Fprintf(&b, "\n%s\nFlags:\n", usage)
	helpFlags(&b, c.Flags)
	helpLine(&b, "-h, --help", "print this help")
	return b.String()
}

// helpHead writes what a command is.
func helpHead(b *strings.Builder, c *cli.Command) {
	for _, line := range text.Fill("tcpprobe "+c.Name+" - ", 2, 1, strings.Fields(c.Usage)) {
		fmt.Fprintln(b, line)
	}
}

// helpFlags writes what flags do, category by category.
func helpFlags(b *strings.Builder, flags []cli.Flag) {
	category := ""
	for _, f := range flags {
		if c := f.(cli.CategorizableFlag).GetCategory(); c != category {
			category = c
			fmt.Fprintf(b, "\n%s:\n", category)
		}
		helpFlag(b, f.(cli.DocGenerationFlag))
	}
}

// helpFlag writes what a flag does, with the value that it has by default.
func helpFlag(b *strings.Builder, f cli.DocGenerationFlag) {
	// The value's name stands in backquotes: within the text, or in front of it if it says all there is to choose from.
	before, rest, _ := strings.Cut(f.GetUsage(), "`")
	value, after, ok := strings.Cut(rest, "`")
	usage := before + value + after
	if ok && before == "" {
		usage = strings.TrimLeft(after, ":; ")
	}
	var names []string
	for _, name := range f.Names() {
		if len(name) == 1 {
			names = append([]string{"-" + name}, names...)
		} else {
			names = append(names, "--"+name)
		}
	}
	if byDefault := strings.Trim(f.GetDefaultText(), `" `); f.TakesValue() && byDefault != "" {
		usage += " (default " + byDefault + ")"
	}
	words := strings.Join(names, ", ")
	if !strings.HasPrefix(value, "[=") { // or else it has to stick to the flag
		words += " "
	}
	helpLine(b, strings.TrimRight(words+value, " "), usage)
}

// helpLine writes a word or a few, and beside it what they mean.
func helpLine(b *strings.Builder, words, meaning string) {
	const column, width = 24, 80
	if len(words) > column-4 {
		fmt.Fprintf(b, "  %s\n%*s", words, column, "")
	} else {
		fmt.Fprintf(b, "  %-*s", column-2, words)
	}
	at := column
	for i, word := range strings.Fields(meaning) {
		if i > 0 && at+1+len(word) > width {
			fmt.Fprintf(b, "\n%*s", column, "")
			at = column
		} else if i > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	b.WriteByte('\n')
}
