//go:build linux

package cli

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// choice says which handshakes are wanted.
type choice struct {
	ends     []end           // with any of them as client or server; all if there are none
	outcomes []probe.Outcome // all if there are none
	findings []probe.Finding // with any of them; all if there are none
	since    func(begin time.Time) time.Time
	slower   time.Duration
	stream   int // 0 for all
}

// end is addresses, ports, or addresses and ports.
type end struct {
	addresses []netip.Prefix // nil for all
	ports     target.Ports
}

// has reports whether an address and port are of those.
func (e end) has(a netip.AddrPort) bool {
	known := e.addresses == nil || slices.ContainsFunc(e.addresses, func(p netip.Prefix) bool { return p.Contains(a.Addr()) })
	return known && e.ports.Contain(a.Port())
}

// wants reports whether a handshake is wanted, in a capture that begins at a time.
func (c choice) wants(h *spectator.Handshake, begin time.Time) bool {
	r := h.Result
	switch {
	case c.stream > 0 && h.Stream != c.stream:
	case len(c.ends) > 0 && !slices.ContainsFunc(c.ends, func(e end) bool { return e.has(h.Client) || e.has(h.Server) }):
	case len(c.outcomes) > 0 && !slices.Contains(c.outcomes, r.Outcome):
	case len(c.findings) > 0 && !slices.ContainsFunc(c.findings, func(f probe.Finding) bool { return slices.Contains(r.Findings, f) }):
	case c.since != nil && r.Time.Before(c.since(begin)):
	case c.slower > 0 && took(h) <= c.slower:
	default:
		return true
	}
	return false
}

// took returns how long a handshake took to be completed, or to fail.
func took(h *spectator.Handshake) time.Duration {
	switch t := h.Result.TCP; {
	case t.Connected:
		return t.Connect
	case t.Answered && h.Result.Outcome != probe.OutcomeHalfOpen:
		return t.RTT
	}
	return h.Waited
}

// readChoice takes the values of the flags that choose.
func readChoice(c *cli.Context) (choice, error) {
	chosen := choice{slower: duration(c, "slower"), stream: c.Int("stream")}
	if c.IsSet("stream") && chosen.stream < 1 {
		return chosen, exit.UsageError("--stream %d: they are counted from 1", chosen.stream)
	}
	if s := c.String("outcome"); s != "" {
		for name := range strings.SplitSeq(s, ",") {
			i := slices.IndexFunc(seenOutcomes, func(o probe.Outcome) bool { return o.String() == name })
			if i < 0 {
				var names []string
				for _, o := range seenOutcomes {
					names = append(names, o.String())
				}
				return chosen, exit.UsageError("--outcome %s: some of %s are wanted, with commas between them", text.Printable(name), strings.Join(names, ", "))
			}
			chosen.outcomes = append(chosen.outcomes, seenOutcomes[i])
		}
	} else if c.IsSet("outcome") {
		return chosen, exit.UsageError("--outcome has no value; try --help")
	}
	for _, code := range c.StringSlice("finding") {
		f, err := spectator.ParseFinding(code)
		if err != nil {
			return chosen, exit.UsageError("--finding %v", err)
		}
		chosen.findings = append(chosen.findings, f)
	}
	if c.IsSet("since") {
		since, err := parseSince(c.String("since"))
		if err != nil {
			return chosen, exit.UsageError("--since %v", err)
		}
		chosen.since = since
	}
	return chosen, nil
}

// seenOutcomes are the outcomes that handshakes between others have.
var seenOutcomes = []probe.Outcome{
	probe.OutcomeEstablished, probe.OutcomeRefused, probe.OutcomeUnreachable, probe.OutcomeTimeout, probe.OutcomeHalfOpen, probe.OutcomeUnknown,
}

// parseSince reads a time of day, of the day on which the capture begins, a date and time, or how long after the beginning.
func parseSince(s string) (func(begin time.Time) time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return func(time.Time) time.Time { return t }, nil
	}
	zone := localZone()
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return func(begin time.Time) time.Time {
				b := begin.In(zone)
				return time.Date(b.Year(), b.Month(), b.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
			}, nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return func(time.Time) time.Time { return t }, nil
		}
	}
	var d seconds
	if d.Set(s) == nil {
		return func(begin time.Time) time.Time { return begin.Add(time.Duration(d)) }, nil
	}
	return nil, fmt.Errorf("%s: a time is wanted, as 14:03:22, 2026-11-28T14:03:22Z, or 2s after the beginning", text.Printable(s))
}

// filesAndEnds tells the files from the ends among the arguments. The first is a file, unless there is an interface, and so is the
// second if it holds no colon and is no address.
func filesAndEnds(args []string, live bool) (files []string, ends []end, err error) {
	for i, arg := range args {
		if !live && i < 2 && (i == 0 || isFile(arg)) {
			files = append(files, arg)
			continue
		}
		e, ok := parseEnd(arg)
		if !ok {
			none := ""
			if !live && i == 1 {
				none = "no such file, and "
			}
			return nil, nil, exit.UsageError("%s: %sHOST[:PORT] is wanted, as 192.0.2.80:443, 192.0.2.0/24, [2001:db8::80]:443 or :443; names are not looked up, but in the hosts file", text.Printable(arg), none)
		}
		ends = append(ends, e)
	}
	if len(files) == 0 && !live {
		return nil, nil, exit.UsageError("a file is missing: tcpprobe read FILE, or tcpprobe read --help")
	}
	return files, ends, nil
}

// isFile reports whether the second argument is a file: there may be one of any name, but one that could be an end has to be there.
func isFile(arg string) bool {
	if arg == "-" {
		return true
	}
	if _, ok := parseEnd(arg); ok || strings.Contains(arg, ":") && !strings.Contains(arg, "/") {
		return false
	}
	_, err := os.Stat(arg)
	return err == nil || strings.ContainsAny(arg, "./")
}

// parseEnd reads HOST, HOST:PORT or :PORT, where HOST is an address, a prefix or a name of the hosts file, and PORT is what it is in a
// target.
func parseEnd(s string) (e end, ok bool) {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && (strings.Count(s, ":") == 1 || strings.HasSuffix(s[:i], "]")) {
		var err error
		if e.ports, err = target.ParsePorts(s[i+1:]); err != nil {
			return e, false
		}
		if host = s[:i]; host == "" {
			return e, true
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(host); err == nil {
		e.addresses = []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
		return e, true
	}
	if p, err := netip.ParsePrefix(host); err == nil {
		e.addresses = []netip.Prefix{p}
		return e, true
	}
	content, _ := os.ReadFile("/etc/hosts") // without one, no name is known
	for _, a := range resolver.ParseHosts(content).Lookup(host) {
		e.addresses = append(e.addresses, netip.PrefixFrom(a, a.BitLen()))
	}
	return e, e.addresses != nil
}
