package neighbor

import (
	"bytes"
	"net/netip"
	"time"

	"tcpprobe/internal/stamp"
)

// question is a query on its link, and who waits for its end.
type question struct {
	query   query
	link    Link
	source  netip.Addr // our own address that the question is for
	sender  netip.Addr // our own address in whose name it is asked
	target  netip.Addr
	observe func(Event)
	done    []func(Result, error)

	over    bool      // everybody has been told the result
	asked   time.Time // when the last request left
	events  []Event
	request int      // which event is the last request
	kernels *[6]byte // the MAC of the kernel's entry, where nobody answered
	told    int      // events that the observer was told of
	ignored int
}

func newQuestion(link Link, source, target netip.Addr, observe func(Event)) *question {
	return &question{
		query: newQuery(link, source, target),
		link:  link, source: source, sender: source, target: target,
		observe: observe,
	}
}

// askAs has the neighbour asked in the name of another of our own addresses.
func (q *question) askAs(sender netip.Addr) {
	if sender != q.sender {
		q.sender = sender
		q.query = newQuery(q.link, sender, q.target)
	}
}

func (q *question) hop() Hop { return Hop{q.link.Index, q.target} }

// sent takes note of a request that was handed to the kernel.
func (q *question) sent(r request, at stamp.Stamp) {
	q.query.Sent(at)
	q.asked = at.User
	q.request = len(q.events)
	q.events = append(q.events, Event{
		Link: q.link, Out: true, Attempt: q.query.Attempts(), Address: q.target, Peer: q.sender, Octets: r.octets,
		EtherSource: q.link.HardwareAddr, EtherDestination: r.to, At: at,
	})
}

// left takes note of when the kernel saw the last request leave. What was stamped well before its making is an earlier one;
// the two clocks agree to a millisecond (see stamp.Clock).
func (q *question) left(octets []byte, ifindex int, at stamp.Stamp) {
	if q.over || ifindex != q.link.Index || q.query.Attempts() == 0 {
		return
	}
	request := &q.events[q.request]
	if bytes.Equal(octets, request.Octets) && at.Kernel.After(request.At.User.Add(-askInterval/2)) {
		request.At.Kernel = at.Kernel
		q.query.Sent(request.At)
	}
}

// received takes note of a packet, while the question is under way, and returns it as an Event.
func (q *question) received(c claim, etherSource [6]byte, at stamp.Stamp) Event {
	event := Event{
		Link: q.link, Attempt: q.query.Attempts(), Address: c.address, Peer: c.peer, MAC: c.mac, Octets: bytes.Clone(c.octets),
		EtherSource: etherSource, EtherDestination: q.link.HardwareAddr, At: at, Verdict: c.verdict, Note: c.note,
		Router: c.router, Override: c.override,
	}
	if q.over {
		return event
	}
	if event.Attempt > 0 {
		event.Sent = q.events[q.request].At
	}
	if c.verdict == Ignored {
		q.ignored++
	}
	if len(q.events) < maxEvents || c.verdict == Accepted {
		q.events = append(q.events, event)
	}
	return event
}

// result is what was found so far.
func (q *question) result() Result {
	r := Result{Attempts: q.query.Attempts(), Answers: q.query.answers(), Ignored: q.ignored}
	r.Duration, r.Clock = q.query.Duration()
	r.Source = sourceOf(q.target)
	r.Router, r.Override = q.query.told()
	if mac, ok := q.query.mac(); ok {
		r.MAC = mac
	} else if q.kernels != nil {
		r.Entry = Entry{MAC: *q.kernels, Source: "kernel"}
	}
	return r
}
