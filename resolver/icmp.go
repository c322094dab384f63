package resolver

import (
	"fmt"
	"net/netip"
)

// ICMPError is the ICMP error that a query drew. It unwraps to the error number that the kernel makes of it, so that
// errors.Is(err, syscall.EHOSTUNREACH) works.
type ICMPError struct {
	From       netip.Addr // who sent it: the server, a router, or this host itself
	Own        bool       // it was this host
	Type, Code uint8      // of ICMP (RFC 792), or of ICMPv6 (RFC 4443) if From is an IPv6 address
	Err        error
}

// Unwrap returns the error number.
func (e *ICMPError) Unwrap() error { return e.Err }

// Error returns what it means, and who says so, for instance "host unreachable (ICMP 3/1), says 192.0.2.1".
func (e *ICMPError) Error() string {
	from := e.From.String()
	if e.Own {
		from = "this host itself"
	}
	if e.From.Is6() {
		return fmt.Sprintf("%s (ICMPv6 %d/%d), says %s", icmpv6Meaning(e.Type, e.Code), e.Type, e.Code, from)
	}
	return fmt.Sprintf("%s (ICMP %d/%d), says %s", icmpMeaning(e.Type, e.Code), e.Type, e.Code, from)
}

// icmpMeaning returns what the type and code of an ICMP error mean (RFC 792, RFC 1812 5.2.7.1).
func icmpMeaning(icmpType, code uint8) string {
	switch {
	case icmpType == 11:
		return "TTL exceeded"
	case icmpType != 3:
		return "ICMP error"
	}
	switch code {
	case 0, 6, 11:
		return "network unreachable"
	case 1, 7, 12:
		return "host unreachable"
	case 2:
		return "protocol unreachable"
	case 3:
		return "port unreachable"
	case 4:
		return "fragmentation needed"
	case 9, 10, 13:
		return "administratively prohibited"
	}
	return "destination unreachable"
}

// icmpv6Meaning returns what the type and code of an ICMPv6 error mean (RFC 4443 3).
func icmpv6Meaning(icmpType, code uint8) string {
	switch {
	case icmpType == 2:
		return "packet too big"
	case icmpType == 3:
		return "hop limit exceeded"
	case icmpType != 1:
		return "ICMPv6 error"
	}
	switch code {
	case 0:
		return "no route"
	case 1, 5, 6:
		return "administratively prohibited"
	case 3:
		return "address unreachable"
	case 4:
		return "port unreachable"
	}
	return "destination unreachable"
}
