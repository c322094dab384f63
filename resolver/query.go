package resolver

import (
	"encoding/binary"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
)

// maxQueries bounds what one host may cost, whatever the servers answer.
const maxQueries = 64

// Query is the machine that resolves one name by the DNS, with the rules of resolv.conf(5). It says what to send next
// and is told what came back.
//
// For each Transmission that Next returns, call Sent, then HandleMessage for whatever arrives until it returns true
// or the deadline has passed, or HandleError if the transport fails; then call Next again. When Next has nothing
// more to send, Result says how it ended.
type Query struct {
	config  Config
	qtype   Type
	random  io.Reader
	observe func(Event)

	given string    // the name to resolve, without last dot
	names []string  // candidates of the search list that are left, the current one first
	path  chain     // from the current candidate to the name that is asked for
	first int       // the server that the rounds begin with
	turn  int       // how many servers, one after the other, were of no help with the name asked for
	tcp   bool      // the next query goes by TCP
	plain []bool    // by server: ask without EDNS0
	count int       // of transmissions
	limit time.Time // of the whole resolution

	current exchange
	failure failure  // the one to report, of those so far
	failed  []string // candidates of the search list that did not resolve, safe to print

	result Result
	err    error
	done   bool
	ended  stamp.Stamp
}

// Transmission is a query to send, from a new socket and a new port (RFC 5452 9.2).
type Transmission struct {
	Server    netip.AddrPort
	Transport Transport
	Message   []byte    // without the length that TCP puts before it
	Deadline  time.Time // when to stop waiting for the answer
}

// exchange is a query under way, or the last one.
type exchange struct {
	Transmission
	server  int // index
	id      uint16
	edns    bool
	path    chain           // to the name that is asked for
	open    bool            // neither answered nor given up
	event   Event           // what all its events have in common
	sent    int             // index of the QuerySent event in the result, -1 before
	ignored map[string]bool // reasons that were told

	// Of the answer:
	answered  bool
	rcode     RCode
	truncated bool
	damage    error // of the part that could not be read
	reached   chain // the path, and where the answer led from there
}

// failure is how the resolution of one candidate ended.
type failure struct {
	err   *Error
	rcode string // of the answer that says so, "" if there was none
	path  chain
}

// NewQuery returns the machine for the addresses of one type that a name has, which is fully qualified if it ends in a dot. IDs are read from random.
// Each event goes to observe, if it is not nil, as it happens.
func NewQuery(c Config, name string, qtype Type, random io.Reader, observe func(Event)) *Query {
	return newQuery(c, strings.TrimSuffix(name, "."), c.Candidates(name), qtype, random, observe)
}

// newQuery returns the machine for a name as it was given, without last dot, of which the names are the candidates.
func newQuery(c Config, given string, names []string, qtype Type, random io.Reader, observe func(Event)) *Query {
	path := newChain(given)
	q := &Query{
		config:  c,
		qtype:   qtype,
		random:  random,
		observe: observe,
		given:   given,
		names:   names,
		plain:   make([]bool, len(c.Servers)),
		current: exchange{path: path, sent: -1},
		result:  Result{Source: DNS, Ignored: map[string]int{}},
	}
	switch {
	case len(c.Servers) == 0:
		q.finish(q.fail(path, BadConfig, "there is no name server to ask", nil), stamp.Stamp{})
	case len(q.names) == 0:
		q.finish(q.fail(path, NoSuchName, "the DNS is not asked for such names", nil), stamp.Stamp{})
	default:
		q.begin(0, newChain(q.names[0]))
	}
	return q
}

// begin asks for the end of a path, of the given server first.
func (q *Query) begin(server int, path chain) {
	q.path, q.first, q.turn, q.tcp = path, server, 0, q.config.UseTCP
}

// Next returns the next query to send, or false if there is none. A query still without an answer is given up.
func (q *Query) Next(now time.Time) (Transmission, bool) {
	at := stamp.Stamp{User: now}
	if q.current.open {
		q.expire(at)
	}
	if q.limit.IsZero() {
		q.limit = now.Add(q.config.Timeout * time.Duration(q.config.Attempts*len(q.config.Servers)))
	}
	switch {
	case q.done:
	case !now.Before(q.limit):
		q.nextName(q.fail(q.path, Timeout, "", nil), at)
	case q.count == maxQueries:
		q.finish(q.fail(q.path, BadAnswer, "64 queries led nowhere", nil), at)
	default:
		q.prepare(at)
	}
	if q.done {
		return Transmission{}, false
	}
	return q.current.Transmission, true
}

// prepare makes the next transmission.
func (q *Query) prepare(at stamp.Stamp) {
	var random [4]byte // an ID, and for the first query the server to begin with
	if _, err := io.ReadFull(q.random, random[:]); err != nil {
		q.finish(q.fail(q.path, LocalFault, "no random numbers", err), at)
		return
	}
	id := binary.BigEndian.Uint16(random[:])
	if q.config.Rotate && q.count == 0 {
		q.first = int(binary.BigEndian.Uint16(random[2:]))
	}
	server := (q.first + q.turn) % len(q.config.Servers)
	edns := !q.plain[server]
	message, err := AppendQuery(nil, id, q.path.last(), q.qtype, edns)
	if err != nil {
		q.finish(q.fail(q.path, BadName, "it does not fit into a query", err), at)
		return
	}
	q.count++
	q.current = exchange{
		Transmission: Transmission{Server: q.config.Servers[server], Message: message, Deadline: at.User.Add(q.config.Timeout)},
		server:       server,
		id:           id,
		edns:         edns,
		path:         q.path,
		open:         true,
		sent:         -1,
		ignored:      map[string]bool{},
	}
	if q.tcp {
		q.current.Transport = TCP
	}
	if q.current.Deadline.After(q.limit) {
		q.current.Deadline = q.limit
	}
	q.current.event = Event{
		Attempt:   q.result.Attempts + 1,
		Server:    q.current.Server,
		Transport: q.current.Transport,
		Name:      Escape(q.path.last()),
		Type:      q.qtype,
		Searched:  q.searched(q.path),
	}
}

// Sent says that the transmission left at the time, from a local address and port.
func (q *Query) Sent(at stamp.Stamp, local netip.AddrPort) {
	q.result.Attempts++
	q.current.event.Sent, q.current.event.Local = at, local
	q.current.sent = len(q.result.Events)
	e := q.event(QuerySent, at)
	e.Octets = q.current.Message
	q.tell(e)
}

// Stamped adds the time that the kernel noted as the transmission left, which becomes known later.
func (q *Query) Stamped(kernel time.Time) {
	if q.current.sent < 0 {
		return
	}
	q.current.event.Sent.Kernel = kernel
	e := &q.result.Events[q.current.sent]
	e.Stamp, e.Sent = q.current.event.Sent, q.current.event.Sent
}

// HandleMessage judges a message that came from the server in answer to the transmission. It reports whether the
// transmission has its answer; a message that is none is ignored. Messages that are there already when the answer has
// been read may be given too: they show whether somebody answered twice.
func (q *Query) HandleMessage(message []byte, at stamp.Stamp) bool {
	c := &q.current
	answer, err := ParseAnswer(message, c.id, c.path.last(), q.qtype)
	if err != nil {
		q.ignore(err, message, at)
		return !c.open
	}
	path, err := c.path.follow(answer.Records)
	if answer.Damage != nil && answer.RCode == NoError && len(path.addresses) == 0 && len(path.names) == len(c.path.names) {
		// The addresses may have stood in what could not be read.
		q.ignore(answer.Damage, message, at)
		return !c.open
	}
	e := q.event(AnswerReceived, at)
	e.Octets = slices.Clone(message)
	e.RCode = answer.RCode.String()
	e.Truncated = answer.Truncated
	e.Addresses, e.Omitted, e.Damage = path.addresses, path.omitted, answer.Damage
	e.CNAME = path.aliases()[len(c.path.names)-1:]
	if len(e.Addresses)+len(e.CNAME) > 0 {
		e.TTL = path.ttl
	}
	if !c.open {
		if answer.RCode != c.rcode || answer.Truncated != c.truncated || !sameEnd(path, c.reached) {
			q.result.Conflict = true
			e.Kind, e.Reason = AnswerConflict, "a second answer says something else"
			q.tell(e)
		}
		return true
	}
	c.open, c.answered = false, true
	c.rcode, c.truncated, c.damage, c.reached = answer.RCode, answer.Truncated, answer.Damage, path
	q.tell(e)
	q.judge(answer, path, err, at)
	return true
}

// HandleError says that the transport failed, before the transmission was sent or afterwards: reason is for a person,
// err the cause.
func (q *Query) HandleError(reason string, err error, at time.Time) {
	if !q.current.open {
		return
	}
	q.current.open = false
	s := stamp.Stamp{User: at}
	e := q.event(QueryFailed, s)
	e.Reason, e.Err = reason, err
	q.tell(e)
	q.nextServer(q.cut(q.fail(q.path, Unreachable, reason, err)), s)
}

// expire gives up the transmission.
func (q *Query) expire(at stamp.Stamp) {
	c := &q.current
	c.open = false
	if c.Transport == UDP {
		// The server, or something on the way, may drop what it does not know (RFC 6891 7).
		q.plain[c.server] = true
	}
	e := q.event(NoAnswer, at)
	e.Reason = "no answer in time"
	reason := ""
	if len(c.ignored) > 0 {
		reason = "what came did not answer the query: " + strings.Join(slices.Sorted(maps.Keys(c.ignored)), ", ")
		e.Reason += "; " + reason
	}
	q.tell(e)
	q.nextServer(q.cut(q.fail(q.path, Timeout, reason, nil)), at)
}

// cut notes of the failure of a transmission that it went by TCP since the answer by UDP was truncated.
func (q *Query) cut(f failure) failure {
	f.err.Cut = q.current.Transport == TCP && !q.config.UseTCP
	return f
}

// Stop ends the resolution early, for the reason.
func (q *Query) Stop(err error, at time.Time) {
	q.current.open = false
	if !q.done {
		q.finish(q.fail(q.path, Interrupted, "", err), stamp.Stamp{User: at})
	}
}

// Result returns what became of the name, once Next has nothing more to send. The error is an *Error.
func (q *Query) Result() (Result, error) {
	r := q.result
	if i := slices.IndexFunc(r.Events, func(e Event) bool { return e.Kind == QuerySent }); i >= 0 {
		r.Duration, r.Clock = stamp.Between(r.Events[i].Stamp, q.ended)
	}
	return r, q.err
}

// event returns an event of the current transmission.
func (q *Query) event(kind EventKind, at stamp.Stamp) Event {
	e := q.current.event
	e.Kind, e.Stamp = kind, at
	return e
}

// tell records an event.
func (q *Query) tell(e Event) {
	q.result.Events = append(q.result.Events, e)
	if q.observe != nil {
		q.observe(e)
	}
}
