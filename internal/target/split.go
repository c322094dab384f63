package target

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/resolver"
)

// split parts the host from the ports. The error says what would be right instead of what is often typed: a URL, a port alone, a
// host alone, or both with a blank between them.
func split(s string) (host, port string, err error) {
	if strings.Contains(s, "://") {
		return "", "", insteadOfURL(s)
	}
	if strings.HasPrefix(s, "[") {
		return splitBracketed(s)
	}
	if err := withoutBrackets(s); err != nil {
		return "", "", err
	}
	i := strings.LastIndexByte(s, ':')
	if words := strings.Fields(s); len(words) == 2 && isHostAndPort(words[0], words[1]) {
		return "", "", fmt.Errorf("a colon stands between host and port: %s would do", text.Printable(words[0]+":"+words[1]))
	}
	switch {
	case i < 0 && looksLikePorts(s):
		return "", "", fmt.Errorf("the host is missing, as in localhost:%s", s)
	case i < 0 && isPath(s):
		return "", "", fmt.Errorf("HOST:PORT is wanted, without a path: %s would do", text.Printable(beforePath(s)+":80"))
	case i < 0 && resolver.CheckHost(s) != nil && !strings.Contains(s, "/"):
		return "", "", errors.New("HOST:PORT is wanted, as in example.com:80")
	case i < 0:
		return "", "", fmt.Errorf("the port is missing, as in %s:80", text.Printable(s))
	case i == 0:
		return "", "", fmt.Errorf("the host is missing, as in localhost%s", text.Printable(s))
	case strings.Contains(s[i:], "/"):
		return "", "", fmt.Errorf("HOST:PORT is wanted, without a path: %s would do", text.Printable(s[:i]+beforePath(s[i:])))
	}
	return s[:i], s[i+1:], nil
}

// insteadOfURL returns the error for a URL, which names the target that it leads to.
func insteadOfURL(s string) error {
	parsed, err := url.Parse(s)
	if err != nil || parsed.Hostname() == "" {
		return errors.New("HOST:PORT is wanted, no URL")
	}
	port := parsed.Port()
	if n, err := parsePort(parsed.Scheme); port == "" && err == nil {
		port = fmt.Sprint(n)
	}
	if meant := net.JoinHostPort(parsed.Hostname(), port); port != "" {
		return fmt.Errorf("HOST:PORT is wanted, no URL: %s would do", text.Printable(meant))
	}
	return fmt.Errorf("HOST:PORT is wanted, no URL: %s and its port would do", text.Printable(parsed.Hostname()))
}

// isHostAndPort reports whether two words are what a colon should stand between.
func isHostAndPort(host, port string) bool {
	_, err := parsePorts(port)
	return err == nil && !strings.Contains(host, ":") && !looksLikePorts(host)
}

// looksLikePorts reports whether there are nothing but numbers in s, of which one or several may be ports.
func looksLikePorts(s string) bool {
	_, err := parsePorts(s)
	return err == nil && strings.Trim(s, "0123456789,-") == ""
}

// isPath reports whether there is a slash in s that does not make a prefix of it.
func isPath(s string) bool {
	_, length, ok := strings.Cut(s, "/")
	return ok && !isNumber(length)
}

// beforePath returns what stands before the first slash.
func beforePath(s string) string {
	before, _, _ := strings.Cut(s, "/")
	return before
}
