package report

import (
	"net/netip"
	"time"

	"tcpprobe/internal/stats"
)

// Summary writes what the handshakes with one target amount to.
func (j *JSON) Summary(s *stats.Summary) error { return j.write(newSummary(s)) }

type summaryJSON struct {
	Schema      string          `json:"schema"`
	Type        string          `json:"type"`
	Target      string          `json:"target"`
	Address     netip.Addr      `json:"address,omitzero"`
	Sent        int             `json:"sent"`
	Established int             `json:"established"`
	Refused     int             `json:"refused"`
	Unreachable int             `json:"unreachable"`
	Timeout     int             `json:"timeout"`
	Failed      int             `json:"failed"`
	Loss        float64         `json:"loss"`
	SYNs        int             `json:"syns"`
	SYNsLost    int             `json:"syns_lost"`
	RTT         *rttJSON        `json:"rtt_ns,omitempty"`
	Jitter      *time.Duration  `json:"jitter_ns,omitempty"`
	Outage      *time.Duration  `json:"outage_ns,omitempty"`
	OutageStart string          `json:"outage_start,omitempty"`
	OutageOf    int             `json:"outage_handshakes,omitempty"`
	Flaps       int             `json:"flaps"`
	Duration    time.Duration   `json:"duration_ns"`
	Assertions  []assertionJSON `json:"assertions,omitempty"`
}

// newSummary returns what JSON writes of a summary.
func newSummary(s *stats.Summary) summaryJSON {
	j := summaryJSON{
		Schema: Schema, Type: "summary", Target: s.Target, Address: s.Address,
		Sent: s.Sent, Established: s.Established, Refused: s.Refused, Unreachable: s.Unreachable,
		Timeout: s.Timeout, Failed: s.Failed, Loss: s.Loss(), SYNs: s.SYNs, SYNsLost: s.SYNsLost, Duration: s.Duration,
	}
	if r, ok := s.RTT(); ok {
		j.RTT = &rttJSON{Min: r.Min, Avg: r.Avg, Max: r.Max, MDev: r.MDev, P50: r.P50, P90: r.P90, P99: r.P99}
	}
	c := s.Stability()
	j.Flaps = c.Flaps
	if c.HasJitter {
		j.Jitter = &c.Jitter
	}
	if c.OutageHandshakes > 0 {
		j.Outage, j.OutageOf, j.OutageStart = &c.Outage, c.OutageHandshakes, wallClock(c.OutageStart)
	}
	for _, check := range s.Checks {
		j.Assertions = append(j.Assertions, newAssertion(check))
	}
	return j
}

// Total writes what there is to say of all targets together.
func (j *JSON) Total(t Total) error {
	sum := newSummary(t.Summary)
	return j.write(totalJSON{
		Schema: Schema, Type: "total", Targets: t.Targets, NotBegun: t.NotBegun, Broken: t.Broken, Drops: t.Drops,
		Sent: sum.Sent, Established: sum.Established, Refused: sum.Refused, Unreachable: sum.Unreachable,
		Timeout: sum.Timeout, Failed: sum.Failed, Loss: sum.Loss, RTT: sum.RTT, Duration: sum.Duration,
	})
}

type totalJSON struct {
	Schema      string        `json:"schema"`
	Type        string        `json:"type"`
	Targets     int           `json:"targets"`
	NotBegun    int           `json:"not_begun"`
	Broken      int           `json:"broken_off"`
	Drops       int           `json:"receive_drops"`
	Sent        int           `json:"sent"`
	Established int           `json:"established"`
	Refused     int           `json:"refused"`
	Unreachable int           `json:"unreachable"`
	Timeout     int           `json:"timeout"`
	Failed      int           `json:"failed"`
	Loss        float64       `json:"loss"`
	RTT         *rttJSON      `json:"rtt_ns,omitempty"`
	Duration    time.Duration `json:"duration_ns"`
}

type rttJSON struct {
	Min  time.Duration `json:"min"`
	Avg  time.Duration `json:"avg"`
	Max  time.Duration `json:"max"`
	MDev time.Duration `json:"mdev"`
	P50  time.Duration `json:"p50"`
	P90  time.Duration `json:"p90"`
	P99  time.Duration `json:"p99"`
}

// assertionJSON has one of the values, or, if the figure does not exist, the reason.
type assertionJSON struct {
	Text    string         `json:"text"`
	Held    bool           `json:"held"`
	Value   *float64       `json:"value,omitempty"`
	ValueNS *time.Duration `json:"value_ns,omitempty"`
	Reason  string         `json:"reason,omitempty"`
}

// newAssertion returns what JSON writes of an assertion.
func newAssertion(c stats.Check) assertionJSON {
	j := assertionJSON{Text: c.Text, Held: c.Held, Reason: c.Why}
	switch {
	case !c.Exists:
	case c.Kind == stats.KindDuration:
		d := time.Duration(c.Value)
		j.ValueNS = &d
	default:
		j.Value = &c.Value
	}
	return j
}
