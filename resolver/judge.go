package resolver

import (
	"errors"
	"net/netip"
	"slices"

	"tcpprobe/internal/stamp"
)

// sameEnd reports whether two chains lead to the same addresses, in whatever order.
func sameEnd(a, b chain) bool {
	x, y := slices.Clone(a.addresses), slices.Clone(b.addresses)
	slices.SortFunc(x, netip.Addr.Compare)
	slices.SortFunc(y, netip.Addr.Compare)
	return equalNames(a.last(), b.last()) && slices.Equal(x, y)
}

// ignore counts a message that does not answer the query, and tells of the first one of its kind.
func (q *Query) ignore(err error, message []byte, at stamp.Stamp) {
	reason := "malformed"
	if mismatch := Mismatch(0); errors.As(err, &mismatch) {
		reason = mismatch.Error()
	}
	q.result.Ignored[reason]++
	if q.current.ignored[reason] {
		return
	}
	q.current.ignored[reason] = true
	e := q.event(AnswerIgnored, at)
	e.Octets, e.Reason = slices.Clone(message), reason
	q.tell(e)
}

// judge decides how to go on after an answer, which led along the path, or to the error at its end.
func (q *Query) judge(a Answer, path chain, err error, at stamp.Stamp) {
	c := &q.current
	longer := len(path.names) > len(c.path.names)
	switch {
	case a.Truncated && c.Transport == TCP:
		q.nextServer(q.fail(path, BadAnswer, "it is cut short, by TCP too", nil), at)
	case a.Truncated:
		q.tcp = true // RFC 7766 5
	case c.edns && mayDislikeEDNS(a, path):
		q.plain[c.server] = true
	case a.RCode == NXDomain:
		q.nextName(q.fail(path, NoSuchName, "", nil), at)
	case a.RCode == ServFail:
		q.nextServer(q.fail(path, ServerFault, "", nil), at)
	case a.RCode == Refused:
		q.nextServer(q.fail(path, NotAllowed, "", nil), at)
	case a.RCode != NoError:
		q.nextServer(q.fail(path, OtherRCode, a.RCode.String(), nil), at)
	case err != nil:
		q.nextName(q.fail(path, BadAnswer, err.Error(), err), at)
	case path.found():
		q.succeed(path, at)
	case longer && !a.SOA:
		q.begin(c.server, path) // the chain leaves the message
	case !longer && a.NS && !a.SOA && !a.Authoritative:
		q.nextServer(q.fail(path, Lame, "", nil), at) // a referral (RFC 2308 2.2) is of no use to a stub
	default:
		q.nextName(q.fail(path, NoAddress, "", nil), at)
	}
}

// mayDislikeEDNS reports whether the same question without an OPT record may have a better answer: the server does not
// know EDNS (RFC 6891 7), or not its version, garbles the record, or fails for no other reason (old servers and some load
// balancers do).
func mayDislikeEDNS(a Answer, path chain) bool {
	switch a.RCode {
	case FormErr, ServFail, NotImp, Refused, BadVers:
		return true
	case NoError:
		return a.Misplaced && !path.found()
	}
	return false
}

// nextServer asks the next server in turn for the same name, or gives the name up.
func (q *Query) nextServer(f failure, at stamp.Stamp) {
	q.turn++
	q.tcp = q.config.UseTCP
	if q.turn == q.config.Attempts*len(q.config.Servers) {
		q.nextName(f, at)
	}
}

// nextName goes on with the next candidate. Where no server answers at all, another name would do no better. What
// became of the name as it was given tells a person most, and otherwise what happened last.
func (q *Query) nextName(f failure, at stamp.Stamp) {
	if q.failure.err == nil || !equalNames(q.failure.path.names[0], q.given) {
		q.failure = f
	}
	if q.searched(f.path) {
		q.failed = append(q.failed, Escape(f.path.names[0]))
	}
	q.names = q.names[1:]
	if len(q.names) == 0 || f.err.Kind == Timeout || f.err.Kind == Unreachable {
		q.finish(q.failure, at)
		return
	}
	q.begin(q.current.server, newChain(q.names[0]))
}

// searched reports whether a path begins with a name that the search list made.
func (q *Query) searched(path chain) bool { return !equalNames(path.names[0], q.given) }

// fail returns the failure of the current candidate, at the end of a path.
func (q *Query) fail(path chain, kind ErrorKind, reason string, err error) failure {
	f := failure{
		err: &Error{
			Kind: kind, Name: Escape(path.last()), Type: q.qtype, Server: q.current.Server, Fallback: q.config.Fallback, Reason: reason, Err: err,
		},
		path: path,
	}
	if len(path.names) > 1 {
		f.err.Alias = Escape(path.names[0])
	}
	if q.searched(path) {
		f.err.Host = Escape(q.given)
	}
	if q.current.answered && kind <= BadAnswer {
		f.rcode = q.current.rcode.String()
	}
	return f
}

// succeed ends the resolution with the addresses at the end of a path.
func (q *Query) succeed(path chain, at stamp.Stamp) {
	q.result.Name = Escape(path.names[0])
	q.result.Server = q.current.Server
	q.result.RCode = NoError.String()
	q.result.Addresses = path.addresses
	for _, name := range path.pointers {
		q.result.Pointers = append(q.result.Pointers, Escape(name))
	}
	q.result.CNAME = path.aliases()
	q.result.TTL = path.ttl
	q.result.Omitted = path.omitted
	q.result.Searched = q.searched(path)
	q.result.Damage = q.current.damage
	q.done, q.ended = true, at
}

// finish ends the resolution with a failure.
func (q *Query) finish(f failure, at stamp.Stamp) {
	q.result.Name = Escape(f.path.names[0])
	q.result.Server = f.err.Server
	q.result.RCode = f.rcode
	q.result.NoData = f.err.Kind == NoAddress
	q.result.CNAME = f.path.aliases()
	if q.result.Searched = q.searched(f.path); !q.result.Searched && f.err.Kind <= NoAddress {
		f.err.Searched = q.failed
	}
	q.err = f.err
	q.done, q.ended = true, at
}
