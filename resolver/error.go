package resolver

import (
	"fmt"
	"net/netip"
	"strings"
)

// ErrorKind says why a host did not resolve.
type ErrorKind uint8

const (
	NoSuchName  ErrorKind = iota + 1 // NXDOMAIN (RFC 2308 2.1)
	NoAddress                        // the name exists, without an address of that family (RFC 2308 2.2)
	ServerFault                      // SERVFAIL
	NotAllowed                       // REFUSED
	OtherRCode                       // any other response code that is an error
	Lame                             // the server does not resolve for others, it only knows whom else to ask
	BadAnswer                        // the server's answer was of no use, or its chain of names has no end
	Timeout                          // no answer in time
	Unreachable                      // the query could not be delivered: Err says more if it was this host's doing
	BadName                          // not a name that can be looked up; nothing was sent
	IPv6                             // an IPv6 address, which is not supported yet; nothing was sent
	BadConfig                        // resolv.conf cannot be read; nothing was sent
	Interrupted                      // the context ended
	LocalFault                       // this system failed: no randomness
)

// String returns a short name for the kind, for instance "no such name".
func (k ErrorKind) String() string {
	switch k {
	case NoSuchName:
		return "no such name"
	case NoAddress:
		return "no address"
	case ServerFault:
		return "server failure"
	case NotAllowed:
		return "refused"
	case OtherRCode:
		return "other response code"
	case Lame:
		return "lame server"
	case BadAnswer:
		return "bad answer"
	case Timeout:
		return "timeout"
	case Unreachable:
		return "server unreachable"
	case BadName:
		return "bad name"
	case IPv6:
		return "IPv6"
	case BadConfig:
		return "configuration"
	case Interrupted:
		return "interrupted"
	default:
		return "local fault"
	}
}

// Error is why a host did not resolve. Its texts are safe to print.
type Error struct {
	Kind     ErrorKind
	Name     string         // the name it is about
	Type     Type           // of the addresses that were asked for; 0 if both were in vain
	Alias    string         // the name that was asked for, if CNAME records led from it to Name; "" otherwise
	Host     string         // the host as it was given, if the search list completed it to Name or Alias; "" otherwise
	Searched []string       // names of the search list that did not resolve either
	Server   netip.AddrPort // that was asked last, not valid if none was
	Cut      bool           // the answer by UDP was truncated, and the error is that of TCP
	Fallback string         // why that is this host, if it is for want of another in resolv.conf; "" otherwise
	Reason   string         // what was wrong in particular, "" if Kind says it all
	Err      error          // the cause, or nil
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error returns one sentence for a person.
func (e *Error) Error() string {
	s := e.sentence()
	if len(e.Searched) > 0 {
		s += "; not found with the search list either: " + strings.Join(e.Searched[:min(len(e.Searched), maxSearched)], ", ")
		if more := len(e.Searched) - maxSearched; more > 0 {
			s += fmt.Sprintf(" and %d more", more)
		}
	}
	if e.Fallback != "" && e.Server.IsValid() {
		s += fmt.Sprintf("; %s was asked since %s", e.server(), e.Fallback)
	}
	return s
}

// maxSearched is how many names of the search list an error tells.
const maxSearched = 3

func (e *Error) sentence() string {
	if e.Cut {
		reason := e.Reason
		if reason == "" {
			reason = "no answer in time"
		}
		return fmt.Sprintf("the answer of %s for %s is truncated (TC), and by TCP there is none: %s", e.server(), e.name(), reason)
	}
	switch e.Kind {
	case NoSuchName:
		if !e.Server.IsValid() {
			return fmt.Sprintf("%s does not exist: %s", e.Name, e.Reason)
		}
		return fmt.Sprintf("%s does not exist, says %s (NXDOMAIN)", e.name(), e.server())
	case NoAddress:
		if !e.Server.IsValid() {
			return fmt.Sprintf("%s has no %s address: %s", e.Name, e.Type.family(), e.Reason)
		}
		if e.Reason != "" {
			return fmt.Sprintf("%s exists but has no %s address, says %s; %s", e.name(), e.Type.family(), e.server(), e.Reason)
		}
		return fmt.Sprintf("%s exists but has no %s address, says %s", e.name(), e.Type.family(), e.server())
	case ServerFault:
		return fmt.Sprintf("%s could not resolve %s (SERVFAIL)", e.server(), e.name())
	case NotAllowed:
		return fmt.Sprintf("%s refuses to resolve %s (REFUSED)", e.server(), e.name())
	case OtherRCode:
		return fmt.Sprintf("%s answered %s when asked for %s", e.server(), e.Reason, e.name())
	case Lame:
		return fmt.Sprintf("%s does not resolve names for others: asked for %s it only named other servers", e.server(), e.name())
	case BadAnswer:
		return fmt.Sprintf("no use could be made of what %s answered for %s: %s", e.server(), e.name(), e.Reason)
	case Timeout:
		if e.Reason != "" {
			return fmt.Sprintf("no answer from %s for %s: %s", e.server(), e.name(), e.Reason)
		}
		return fmt.Sprintf("no answer from %s for %s", e.server(), e.name())
	case Unreachable:
		return fmt.Sprintf("%s could not be asked for %s: %s", e.server(), e.name(), e.Reason)
	case BadName:
		return fmt.Sprintf("%s is not a host name: %s", e.Name, e.Reason)
	case IPv6:
		return fmt.Sprintf("%s: %s", e.Name, e.Reason)
	case Interrupted:
		if e.Reason != "" {
			return fmt.Sprintf("interrupted while resolving %s: %s", e.Name, e.Reason)
		}
		return fmt.Sprintf("interrupted while resolving %s", e.Name)
	default:
		return fmt.Sprintf("cannot resolve %s: %s", e.Name, e.Reason)
	}
}

// name returns the name, with the one that led to it.
func (e *Error) name() string {
	switch {
	case e.Alias != "" && e.Host != "":
		return fmt.Sprintf("%s (which %s stands for, found for %s in the search list)", e.Name, e.Alias, e.Host)
	case e.Alias != "":
		return fmt.Sprintf("%s (which %s stands for)", e.Name, e.Alias)
	case e.Host != "":
		return fmt.Sprintf("%s (%s in the search list)", e.Name, e.Host)
	}
	return e.Name
}

// server returns the server's address, with the port unless it is the usual one.
func (e *Error) server() string {
	if e.Server.Port() == dnsPort {
		return e.Server.Addr().String()
	}
	return e.Server.String()
}
