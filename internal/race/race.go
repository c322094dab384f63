package race

import (
	"cmp"
	"slices"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// ConnectTimeout is how long connect(2) of Linux waits for an answer to its SYNs: seven of them, after 1 s, 2 s, 4 s and so on
// (tcp_syn_retries 6).
const ConnectTimeout = 127 * time.Second

// neighborTimeout is how long it waits for a next hop: three requests, a second apart.
const neighborTimeout = 3 * time.Second

// Race is the handshakes with the addresses of one name.
type Race struct {
	Target  string
	Results []*probe.Result // in the order of RFC 6724; one at the least
}

// Run is how one address did.
type Run struct {
	*probe.Result
	Begun     bool          // a SYN left
	Started   time.Duration // when it left, from the first one of all
	Connected time.Duration // when the handshake was completed, from then on; 0 if it was not
}

// Family returns "ipv4" or "ipv6".
func (r Run) Family() string {
	if r.Address.Is6() {
		return "ipv6"
	}
	return "ipv4"
}

// Established reports whether the handshake was completed.
func (r Run) Established() bool { return r.Outcome == probe.OutcomeEstablished }

// rejected reports whether an answer said that there will be no connection: its RTT is when that was known.
func (r Run) rejected() bool {
	return r.Outcome == probe.OutcomeRefused || r.Outcome == probe.OutcomeUnreachable
}

// Alone returns how long its handshake takes without any other.
func (r Run) Alone() time.Duration { return r.Connected - r.Started }

// Runs returns how each address did.
func (r *Race) Runs() []Run {
	runs := make([]Run, len(r.Results))
	var zero stamp.Stamp
	for i, result := range r.Results {
		runs[i].Result = result
		if t := result.TCP; t != nil && len(t.States) > 0 {
			runs[i].Begun = true
			if at := t.States[0].At; zero.IsZero() || at.Time().Before(zero.Time()) {
				zero = at
			}
		}
	}
	for i := range runs {
		run := &runs[i]
		if !run.Begun {
			continue
		}
		run.Started, _ = stamp.Between(zero, run.TCP.States[0].At)
		if run.Established() {
			run.Connected = run.Started + max(run.TCP.Connect, run.TCP.RTT)
		}
	}
	return runs
}

// Winner returns the one that was established first. It is not ok if none was.
func (r *Race) Winner() (winner Run, ok bool) {
	for _, run := range r.Runs() {
		if run.Established() && (!ok || run.Connected < winner.Connected) {
			winner, ok = run, true
		}
	}
	return winner, ok
}

// Fastest returns how long the fastest handshake takes alone. It is not ok if none was established.
func (r *Race) Fastest() (fastest time.Duration, ok bool) {
	for _, run := range r.Runs() {
		if run.Established() && (!ok || run.Alone() < fastest) {
			fastest, ok = run.Alone(), true
		}
	}
	return fastest, ok
}

// BrowserDelay returns what a browser (Happy Eyeballs) loses against the fastest address alone. It tries the next address when
// the one before has failed, and after the delay at the latest (RFC 8305 5); here each begins after the delay, since none waits for
// another. It is not ok if none was established.
func (r *Race) BrowserDelay() (time.Duration, bool) {
	runs := slices.DeleteFunc(r.Runs(), func(run Run) bool { return !run.Begun })
	slices.SortStableFunc(runs, func(a, b Run) int { return cmp.Compare(a.Started, b.Started) })
	fastest, ok := r.Fastest()
	var begun, connected time.Duration // when the address begins, and when there is a connection
	for i, run := range runs {
		if i > 0 {
			before := runs[i-1]
			delay := run.Started - before.Started
			if before.rejected() {
				delay = min(delay, before.TCP.RTT)
			}
			begun += delay
		}
		if run.Established() && (connected == 0 || begun+run.Alone() < connected) {
			connected = begun + run.Alone()
		}
	}
	return connected - fastest, ok
}

// PlainDelay returns what a client loses against the fastest address alone that takes the addresses in their order, and waits
// for each until connect(2) gives up. It is not ok if none was established.
func (r *Race) PlainDelay() (time.Duration, bool) {
	fastest, ok := r.Fastest()
	var waited time.Duration
	for _, run := range r.Runs() {
		switch {
		case run.Established():
			return waited + run.Alone() - fastest, ok
		case run.Outcome == probe.OutcomeTimeout:
			waited += ConnectTimeout
		case run.Outcome == probe.OutcomeARPTimeout, run.Outcome == probe.OutcomeNDPTimeout:
			waited += neighborTimeout
		case run.rejected():
			waited += run.TCP.RTT
		}
	}
	return 0, false
}

// Families returns, for each family that has addresses, the run that was established first, or else the first one.
func (r *Race) Families() []Run {
	var best []Run
	for _, run := range r.Runs() {
		known := false
		for i := range best {
			if best[i].Family() != run.Family() {
				continue
			}
			known = true
			if run.Established() && (!best[i].Established() || run.Connected < best[i].Connected) {
				best[i] = run
			}
		}
		if !known {
			best = append(best, run)
		}
	}
	return best
}
