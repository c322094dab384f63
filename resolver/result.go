package resolver

import (
	"net/netip"
	"time"

	"tcpprobe/internal/stamp"
)

// Source says where the addresses of a host came from. The zero Source means that it was not
// looked up, because it is no name.
type Source uint8

const (
	Literal   Source = iota + 1 // the host was an address
	HostsFile                   // the hosts file, or what RFC 6761 says of localhost and invalid
	DNS
)

// String returns "literal", "hosts", "dns", or "" for the zero Source.
func (s Source) String() string {
	switch s {
	case Literal:
		return "literal"
	case HostsFile:
		return "hosts"
	case DNS:
		return "dns"
	}
	return ""
}

// Transport is what carries a query.
type Transport uint8

const (
	UDP Transport = iota // RFC 1035 4.2.1
	TCP                  // RFC 1035 4.2.2
)

// String returns "udp" or "tcp".
func (t Transport) String() string {
	if t == TCP {
		return "tcp"
	}
	return "udp"
}

// Result is what became of a host, also if it did not resolve. Names in it are safe to print.
type Result struct {
	Source    Source
	Name      string         // fully qualified, without last dot: the one that was found, or that the failure is about
	Server    netip.AddrPort // that answered for Name, or that was asked last; not valid unless Source is DNS
	RCode     string         // "NOERROR", "NXDOMAIN", …; "" if there was no answer
	NoData    bool           // Name exists, but has no IPv4 address (RFC 2308 2.2)
	Addresses []netip.Addr   // each once, in the order of the file, or of the answers, IPv6 first. Order sorts them
	Pointers  []string       // the names of an address, of a reverse lookup
	Omitted   int            // how many addresses there are beyond these
	CNAME     []string       // the names that Name stands for, one after the other
	TTL       uint32         // seconds: the least of the records used; see Lifetime
	Searched  bool           // Name was completed from the search list, and is not the host as it was given
	Damage    error          // why a part of the answer could not be read, or nil; the addresses are those of the rest
	Attempts  int            // queries sent, over all names, servers and transports
	Duration  time.Duration  // from the first query leaving to the answer, or the failure, that decided
	Clock     stamp.Source   // of Duration
	Conflict  bool           // a second answer to the same query said something else; the first one counts
	Ignored   map[string]int // how many messages did not answer our query, by reason
	Queries   []QueryResult  // what became of each type of addresses, if several were asked for
	Events    []Event        // all that were told, the queries with the kernel's stamps that came afterwards
}

// QueryResult is what became of the addresses of one type.
type QueryResult struct {
	Type      Type
	Server    netip.AddrPort // that answered, or was asked last
	RCode     string         // "" if there was no answer
	Addresses []netip.Addr
	Duration  time.Duration // from the first query of this type leaving to what decided
	Clock     stamp.Source  // of Duration
	Err       error         // an *Error, or nil
}

// Lifetime returns how long the addresses may be used before the name has to be looked up again, from the end of the
// lookup on: 0 is for this use alone (RFC 1035 3.2.1). There is no limit, and ok is false, if they are not from the DNS,
// or there are none.
func (r Result) Lifetime() (d time.Duration, ok bool) {
	return time.Duration(r.TTL) * time.Second, r.Source == DNS && len(r.Addresses) > 0
}

// EventKind says what happened.
type EventKind uint8

const (
	QuerySent EventKind = iota
	AnswerReceived
	AnswerIgnored  // a message that did not answer our query; told once for each query and reason, counted in Result
	AnswerConflict // another answer to a query that has its answer
	NoAnswer       // the time for the query is over
	QueryFailed    // the query could not be sent, or the server refused it
)

// String returns the name of the kind: "query", "answer", "ignored", "conflict", "no answer" or "failed".
func (k EventKind) String() string {
	switch k {
	case QuerySent:
		return "query"
	case AnswerReceived:
		return "answer"
	case AnswerIgnored:
		return "ignored"
	case AnswerConflict:
		return "conflict"
	case NoAnswer:
		return "no answer"
	default:
		return "failed"
	}
}

// Event is one query, one answer, or the lack of one.
type Event struct {
	Kind      EventKind
	Stamp     stamp.Stamp    // when it happened
	Sent      stamp.Stamp    // when the query that this is about was sent; zero if it was not
	Attempt   int            // the number of that query among those of its type, from 1
	Server    netip.AddrPort // that was asked
	Local     netip.AddrPort // that the query was sent from, not valid if it was not
	Transport Transport
	Name      string       // QNAME, safe to print
	Type      Type         // QTYPE
	Searched  bool         // Name was completed from the search list, or a CNAME record of such a name led to it
	RCode     string       // of an answer
	Truncated bool         // the answer did not fit; it is asked for again by TCP
	Addresses []netip.Addr // of an answer: those of Name
	CNAME     []string     // of an answer: the names that Name stands for, safe to print
	TTL       uint32       // of an answer, in seconds: the least of the records used
	Omitted   int          // of an answer: how many addresses there are beyond Addresses
	Octets    []byte       // the message sent or received, without the length that TCP puts before it
	Damage    error        // of an answer: why not every record could be read, or nil
	Reason    string       // of all but queries and answers: what was wrong, in one phrase
	Err       error        // of QueryFailed
}
