package trace

import (
	"net/netip"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/probe"
)

// PathMTU is the largest datagram that a path takes, and where it gets narrow.
type PathMTU struct {
	Target        string // as the user wrote it
	Local, Remote netip.AddrPort
	Route         *probe.Route
	Plain         *probe.Result // the handshake without padding; what ended it before a SYN left, if something did
	Search        *MTUSearch    // nil if there was no point in it
	Vanishing     *Trace        // the path of SYNs that vanish without a word; nil if none do
}

// Outcome returns the outcome of the handshake: with padding, where that is what it fails for.
func (p *PathMTU) Outcome() probe.Outcome {
	if p.Search != nil && !p.Search.Usable() {
		return probe.OutcomeTimeout
	}
	return p.Plain.Outcome
}

// LastHeard returns the last hop that SYNs which vanish are heard from; 0 if there is none.
func (p *PathMTU) LastHeard() (hop int, router netip.Addr) {
	path := p.Vanishing.Path()
	if len(path) == 0 {
		return 0, netip.Addr{}
	}
	last := path[len(path)-1]
	return last.TTL, last.Replies[0].From
}

// MTUSearch finds the largest datagram that a path takes, with SYNs padded to a size and Don't Fragment set. It is pure: it
// says which size to try next. What an ICMP error names as the next hop's MTU is tried, not believed (RFC 1191 5, RFC 5927
// 7.2); where there is none, the size is found by halving.
type MTUSearch struct {
	Tries []MTUTry
	MTU   int // the largest size that passed; 0 if none did

	Largest int // size that leaves this host

	small   int // size that every path takes
	least   int // MTU that a link may have
	failing int // smallest size that does not pass
	silent  bool
	named   int // next-hop MTU that an ICMP error named, to be tried
	misses  int // tries of the same size that nothing came back for
}

// MTUTry is one SYN of a size.
type MTUTry struct {
	Size int
	Fate MTUFate
	RTT  time.Duration // unless it was lost
	From netip.Addr    // whom it was too large for
	Next int           // the MTU that it named; 0 if it did not
	ICMP *probe.ICMP   // by which it said so; nil if nobody did
}

// MTUFate is what became of a SYN of a size.
type MTUFate uint8

const (
	MTUPassed MTUFate = iota // the target answered
	MTUTooBig                // a router said that it does not fit
	MTULost                  // nothing came back
)

var mtuFateNames = [...]string{"passed", "too_big", "lost"}

// String returns "passed", "too_big" or "lost".
func (f MTUFate) String() string { return mtuFateNames[f] }

const (
	minimumMTU  = 68   // octets: RFC 791 3.2
	minimumMTU6 = 1280 // octets: RFC 8200 5
	mtuTries    = 2    // SYNs of a size until silence is believed
)

// NewMTUSearch returns a search for SYNs of so many octets without padding, up to a largest size.
func NewMTUSearch(bare, largest int) *MTUSearch {
	return &MTUSearch{small: max(bare+1, minimumMTU), least: minimumMTU, Largest: largest, failing: largest + 1}
}

// NewMTUSearch6 is NewMTUSearch for a path of IPv6, all of whose links take 1280 octets.
func NewMTUSearch6(bare, largest int) *MTUSearch {
	return &MTUSearch{small: max(bare+1, minimumMTU6), least: minimumMTU6, Largest: largest, failing: largest + 1}
}

// Usable reports whether the target answers a SYN with data at all.
func (s *MTUSearch) Usable() bool { return s.MTU > 0 }

// Next returns the size to try next. It is not ok if there is nothing more to find out.
func (s *MTUSearch) Next() (size int, ok bool) {
	switch {
	case s.MTU == 0:
		return s.small, s.misses < mtuTries && s.failing > s.small
	case s.named > s.MTU && s.named < s.failing:
		return s.named, true
	case s.failing > s.Largest:
		return s.Largest, s.MTU < s.Largest
	case s.named == s.MTU || s.MTU+1 == s.failing:
		return 0, false
	}
	return s.MTU + (s.failing-s.MTU)/2, true
}

// Doubtful reports whether the size that Next returns was tried, and whether silence is still news: a router that limits its
// ICMP errors may speak if it is given time.
func (s *MTUSearch) Doubtful() bool { return s.misses > 0 && s.MTU > 0 && !s.silent }

// Take takes what became of a SYN of the size that Next returned.
func (s *MTUSearch) Take(size int, r *probe.Result) {
	try := MTUTry{Size: size, Fate: MTULost}
	switch {
	case r.Outcome == probe.OutcomeEstablished || r.Outcome == probe.OutcomeRefused:
		try.Fate, try.RTT = MTUPassed, r.TCP.RTT
	case len(r.ICMP) > 0:
		m := r.ICMP[len(r.ICMP)-1]
		if m.Meaning() == icmp.MeansTooBig {
			try.Fate, try.From, try.ICMP = MTUTooBig, m.From, m
			if m.MTU >= s.least && m.MTU < size {
				try.Next = m.MTU
			}
		}
	}
	s.Tries = append(s.Tries, try)
	switch try.Fate {
	case MTUPassed:
		s.MTU, s.misses = size, 0
	case MTUTooBig:
		s.failing, s.misses, s.silent = size, 0, false
		s.named = try.Next
	case MTULost:
		if s.misses++; s.misses == mtuTries {
			s.failing, s.silent = size, true
			s.misses = 0
			if s.MTU == 0 {
				s.misses = mtuTries
			}
		}
	}
}

// BlackHole returns the smallest size that vanishes without a word. It is not ok if a router says where the path ends to
// be wide enough.
func (s *MTUSearch) BlackHole() (size int, ok bool) {
	return s.failing, s.MTU > 0 && s.silent && s.MTU < s.Largest
}
