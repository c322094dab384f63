package resolver

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// CheckHost returns an *Error if a host can be neither a literal IPv4 address nor a name to look up, without looking
// it up.
func CheckHost(host string) error {
	_, err := checkHost(host)
	return err
}

// checkHost returns a host as it is looked up: in ASCII, international names in their A-label form (RFC 5890 2.3.2.1),
// a last dot kept. What can be no name of an IPv4 host is refused here, before any packet leaves.
func checkHost(host string) (string, error) {
	bad := func(kind ErrorKind, format string, args ...any) (string, error) {
		return "", &Error{Kind: kind, Name: Escape(host), Reason: fmt.Sprintf(format, args...)}
	}
	name := host
	if !isASCII(host) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil || !utf8.ValidString(host) {
			return "", &Error{Kind: BadName, Name: Escape(host), Reason: "it is not a valid international name", Err: err}
		}
		name = ascii
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && strings.Contains(name, ":") {
		return bad(IPv6, "IPv6 is not supported yet")
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c < ' ' || c == 0x7f:
			return bad(BadName, "it contains a control character")
		case !isHostOctet(c):
			return bad(BadName, "it contains %q", c)
		}
	}
	rooted := strings.TrimSuffix(name, ".")
	if rooted == "" {
		return bad(BadName, "it is empty")
	}
	if len(rooted) > maxName {
		return bad(BadName, "it has %d octets, at most %d are allowed", len(rooted), maxName)
	}
	labels := strings.Split(rooted, ".")
	for _, label := range labels {
		switch {
		case label == "":
			return bad(BadName, "it has an empty label")
		case len(label) > maxLabel:
			return bad(BadName, "it has a label of %d octets, at most %d are allowed", len(label), maxLabel)
		}
	}
	if _, ok := ParseAddress(name); !ok && isDotted(labels) {
		return bad(BadName, "no name has four numbers (RFC 1123 2.1), and no IPv4 address has these: each is from 0 to 255")
	}
	if isBelow(rooted, "onion") {
		return bad(BadName, "onion names are not for the DNS (RFC 7686)")
	}
	return name, nil
}

// isHostOctet reports whether an octet may stand in a name that a user asks for: letters, digits, the hyphen, the
// underscore of service names, and the dot.
func isHostOctet(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// isDotted reports whether labels are four decimal numbers, as only an address has them. Names like web.1 and db.2024
// are fine: hosts files and search lists have them.
func isDotted(labels []string) bool {
	return len(labels) == 4 && strings.Trim(strings.Join(labels, ""), "0123456789") == ""
}

// isBelow reports whether a name is the domain or ends in it.
func isBelow(name, domain string) bool {
	name = lower(strings.TrimSuffix(name, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// isSpecial reports whether the DNS is never asked for a name: localhost and invalid (RFC 6761 6.3, 6.4), and onion
// (RFC 7686 2).
func isSpecial(name string) bool {
	return isBelow(name, "localhost") || isBelow(name, "invalid") || isBelow(name, "onion")
}

// Candidates returns the names to ask for, in their order, without last dots: the name itself and the name within
// each domain of the search list, the name itself first if it has at least Ndots dots. A name with a last dot stands
// for itself alone. Names too long, or not for the DNS to answer, are left out.
func (c Config) Candidates(name string) []string {
	var names []string
	add := func(n string) {
		if len(n) <= maxName && !isSpecial(n) {
			names = append(names, n)
		}
	}
	if rooted, absolute := strings.CutSuffix(name, "."); absolute {
		add(rooted)
		return names
	}
	itselfFirst := strings.Count(name, ".") >= c.Ndots
	if itselfFirst {
		add(name)
	}
	for _, domain := range c.Search {
		add(name + "." + domain)
	}
	if !itselfFirst {
		add(name)
	}
	return names
}

// Escape returns a name with every octet that is not a printable ASCII character, and the backslash, written as \DDD
// in decimal (RFC 1035 5.1). The result is safe to print.
func Escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// equalNames compares two names without regard to the case of ASCII letters, and of no others (RFC 4343 3).
func equalNames(a, b string) bool { return lower(a) == lower(b) }

// lower returns a name with the ASCII capitals replaced; strings.ToLower would touch other octets too.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
