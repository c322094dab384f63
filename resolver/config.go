package resolver

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// Config is what resolv.conf(5) says.
type Config struct {
	Servers  []netip.AddrPort // 1 to 3, in the order to ask
	Fallback string           // why Servers is this host, for want of a name server in the file; "" if it has one
	Search   []string         // domains without last dots; nil if the file has no search list, empty if it is "."
	Ndots    int              // dots from which on a name is tried as it is before the search list, 0 to 15
	Timeout  time.Duration    // to wait for each answer, 1 to 30 s
	Attempts int              // rounds over the servers, 1 to 5
	Rotate   bool             // begin with a server at random
	UseTCP   bool             // ask by TCP at once
}

// The bounds of resolv.conf(5).
const (
	maxServers  = 3
	maxNdots    = 15
	maxTimeout  = 30
	maxAttempts = 5

	dnsPort = 53 // RFC 1035 4.2
)

// ParseConfig reads the contents of resolv.conf. Values out of bounds become the nearest bound, and what is not
// understood is skipped, as the C library does; there is no error. The options edns0, trust-ad and single-request
// change nothing: EDNS0 is always tried, the AD bit decides nothing here, and there is one request at a time.
func ParseConfig(resolvConf []byte) Config {
	unusable := ""
	c := Config{Ndots: 1, Timeout: 5 * time.Second, Attempts: 2}
	for line := range strings.Lines(string(resolvConf)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] { // comments begin with # or ;, and so with no keyword
		case "nameserver":
			a, err := netip.ParseAddr(fields[1])
			if err != nil {
				unusable = fields[1]
			} else if len(c.Servers) < maxServers {
				c.Servers = append(c.Servers, netip.AddrPortFrom(a.Unmap(), dnsPort))
			}
		case "domain":
			c.Search = searchList(fields[1:2])
		case "search":
			c.Search = searchList(fields[1:])
		case "options":
			for _, option := range fields[1:] {
				c.setOption(option)
			}
		}
	}
	if len(c.Servers) == 0 {
		c.Fallback = "names no name server"
		if len(bytes.TrimSpace(resolvConf)) == 0 {
			c.Fallback = "is empty"
		} else if unusable != "" {
			c.Fallback = "names no name server by its address alone, but " + shorten(unusable)
		}
		c.Servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)}
	}
	return c
}

// searchList returns the domains that can be part of a name, without last dots and without the root.
func searchList(domains []string) []string {
	list := []string{}
	for _, domain := range domains {
		if name, err := checkHost(domain); err == nil {
			list = append(list, strings.TrimSuffix(name, "."))
		}
	}
	return list
}

// shorten returns a word of a file as it is safe to print, without what no line has room for.
func shorten(word string) string {
	const most = 40
	if len(word) > most {
		return Escape(word[:most]) + "..."
	}
	return Escape(word)
}

func (c *Config) setOption(option string) {
	name, value, valued := strings.Cut(option, ":")
	switch {
	case name == "ndots" && valued:
		c.Ndots = number(value, 0, maxNdots)
	case name == "timeout" && valued:
		c.Timeout = time.Duration(number(value, 1, maxTimeout)) * time.Second
	case name == "attempts" && valued:
		c.Attempts = number(value, 1, maxAttempts)
	case option == "rotate":
		c.Rotate = true
	case option == "use-vc", option == "usevc", option == "tcp": // as Linux, FreeBSD and OpenBSD call it
		c.UseTCP = true
	}
}

// number reads the decimal digits that s begins with, as atoi(3) does, and keeps within the bounds.
func number(s string, low, high int) int {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			break
		}
		n = min(10*n+int(c-'0'), high)
	}
	return max(n, low)
}
