package resolver

import (
	"net/netip"
	"slices"
)

// Family says which addresses of a host are looked for.
type Family uint8

const (
	FamilyIPv4 Family = iota // IPv4 alone is asked for
	FamilyIPv6               // IPv6; IPv4 is asked for too, to be able to say that a name has it alone
	FamilyAny                // both
)

// of returns those addresses that are of the family, those of IPv6 first, as getaddrinfo(3) has them before it sorts them.
func (f Family) of(addresses []netip.Addr) []netip.Addr {
	those := slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool {
		return f == FamilyIPv4 && !a.Is4() || f == FamilyIPv6 && a.Is4()
	})
	slices.SortStableFunc(those, func(a, b netip.Addr) int { return b.BitLen() - a.BitLen() })
	return those
}

// outcome is what became of the addresses of one type, or of both.
type outcome struct {
	result Result
	err    *Error
}

// combine returns what the outcomes for AAAA and A mean together for a family. Who has one of both has an answer.
func (f Family) combine(aaaa, a outcome) outcome {
	chosen := a
	if aaaa.err == nil || f == FamilyIPv6 && a.err == nil || a.err != nil && tellsMore(aaaa.err, a.err) {
		chosen = aaaa
	}
	c := outcome{result: chosen.result, err: chosen.err}
	r := &c.result
	r.Addresses, r.Omitted = bounded(f.of(slices.Concat(aaaa.result.Addresses, a.result.Addresses)))
	r.Omitted += aaaa.result.Omitted + a.result.Omitted
	r.Attempts = aaaa.result.Attempts + a.result.Attempts
	r.Conflict = aaaa.result.Conflict || a.result.Conflict
	if r.Damage == nil {
		r.Damage = aaaa.result.Damage
	}
	if r.Damage == nil {
		r.Damage = a.result.Damage
	}
	if aaaa.err == nil && a.err == nil {
		r.TTL = min(aaaa.result.TTL, a.result.TTL)
	}
	r.Duration, r.Clock = a.result.Duration, a.result.Clock
	if aaaa.result.Duration > a.result.Duration {
		r.Duration, r.Clock = aaaa.result.Duration, aaaa.result.Clock
	}
	r.Ignored = map[string]int{}
	for _, o := range []outcome{aaaa, a} {
		for reason, n := range o.result.Ignored {
			r.Ignored[reason] += n
		}
	}
	r.Events = slices.Concat(aaaa.result.Events, a.result.Events)
	slices.SortStableFunc(r.Events, func(x, y Event) int { return x.Stamp.Time().Compare(y.Stamp.Time()) })
	r.Queries = []QueryResult{aaaa.query(AAAA), a.query(A)}

	switch {
	case len(r.Addresses) > 0:
		c.err = nil
	case a.err == nil && aaaa.err.Kind <= NoAddress:
		// IPv6 is wanted, and there is IPv4. A server that denies the name when asked for AAAA is wrong about it.
		e := *aaaa.err
		e.Kind, e.Reason = NoAddress, "it has an IPv4 address, "+a.result.Addresses[0].String()
		c.result.NoData, c.err = true, &e
	case a.err != nil && aaaa.err.Kind == NoAddress && a.err.Kind == NoAddress:
		e := *a.err
		e.Type = 0
		c.err = &e
	}
	return c
}

// tellsMore reports whether the failure for AAAA is the one to report, and not that for A. That a name does not exist is
// true of all its types (RFC 8020), unless one of them is answered; that it has no address of one type says nothing of
// the other.
func tellsMore(aaaa, a *Error) bool {
	switch {
	case aaaa.Kind <= NoAddress && a.Kind <= NoAddress:
		return aaaa.Kind > a.Kind
	case a.Kind <= NoAddress:
		return a.Kind == NoAddress || aaaa.Kind > Unreachable
	case aaaa.Kind <= NoAddress:
		return aaaa.Kind == NoSuchName && a.Kind <= Unreachable
	}
	return false
}

// query returns the outcome of one type as a result says it.
func (o outcome) query(qtype Type) QueryResult {
	q := QueryResult{
		Type: qtype, Server: o.result.Server, RCode: o.result.RCode, Addresses: o.result.Addresses,
		Duration: o.result.Duration, Clock: o.result.Clock,
	}
	if o.err != nil {
		q.Err = o.err
	}
	return q
}
