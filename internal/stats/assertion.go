package stats

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Assertion is what somebody expects of a Summary: that one of its figures is within a limit.
type Assertion struct {
	Text     string // as the user wrote it
	figure   figure
	operator string
	limit    float64 // in the unit of the figure
}

// Check is what became of an assertion.
type Check struct {
	Text   string
	Held   bool
	Figure string  // its name
	Kind   Kind    // what it is
	Exists bool    // there is a Value; an assertion over a figure that does not exist does not hold
	Value  float64 // a number, a share from 0 to 1, or nanoseconds
	Why    string  // why it does not exist
}

// Kind is what a figure is.
type Kind uint8

const (
	KindCount    Kind = iota // a whole number
	KindShare                // 0 to 1
	KindDuration             // nanoseconds
)

// figure is one number of a Summary.
type figure struct {
	name    string
	kind    Kind
	value   func(*Summary) (value float64, ok bool)
	missing string // why it may not exist
}

// figures are all that can be asserted, in the order in which a message names them.
var figures = []figure{
	number("sent", func(s *Summary) int { return s.Sent }),
	number("established", func(s *Summary) int { return s.Established }),
	number("refused", func(s *Summary) int { return s.Refused }),
	number("unreachable", func(s *Summary) int { return s.Unreachable }),
	number("timeout", func(s *Summary) int { return s.Timeout }),
	number("failed", func(s *Summary) int { return s.Failed }),
	{"loss", KindShare, func(s *Summary) (float64, bool) { return s.Loss(), s.Sent > 0 }, "there was no handshake"},
	number("syns", func(s *Summary) int { return s.SYNs }),
	number("syns_lost", func(s *Summary) int { return s.SYNsLost }),
	number("flaps", func(s *Summary) int { return s.Stability().Flaps }),
	roundTrip("min", func(r RTT) time.Duration { return r.Min }),
	roundTrip("avg", func(r RTT) time.Duration { return r.Avg }),
	roundTrip("max", func(r RTT) time.Duration { return r.Max }),
	roundTrip("mdev", func(r RTT) time.Duration { return r.MDev }),
	roundTrip("p50", func(r RTT) time.Duration { return r.P50 }),
	roundTrip("p90", func(r RTT) time.Duration { return r.P90 }),
	roundTrip("p99", func(r RTT) time.Duration { return r.P99 }),
	{"jitter", KindDuration, func(s *Summary) (float64, bool) {
		c := s.Stability()
		return float64(c.Jitter), c.HasJitter
	}, "there are fewer than two round-trip times"},
	phase("dns", func(p phases) duration { return p.dns }, "no name server was asked and answered"),
	phase("arp", func(p phases) duration { return p.nextHop }, "no next hop was asked for and answered"),
	phase("connect", func(p phases) duration { return p.connect }, "no handshake was completed"),
	{"outage", KindDuration, func(s *Summary) (float64, bool) { return float64(s.Stability().Outage), s.Sent > 0 }, "there was no handshake"},
	{"duration", KindDuration, func(s *Summary) (float64, bool) { return float64(s.Duration), s.Sent > 0 }, "there was no handshake"},
}

// phase returns a figure of the phases of handshakes: the longest time that one took.
func phase(name string, of func(phases) duration, missing string) figure {
	return figure{name, KindDuration, func(s *Summary) (float64, bool) {
		d := of(s.phases)
		return float64(d.Duration), d.exists
	}, missing}
}

// number returns a figure that counts something.
func number(name string, value func(*Summary) int) figure {
	return figure{name, KindCount, func(s *Summary) (float64, bool) { return float64(value(s)), true }, ""}
}

// roundTrip returns a figure of the distribution of the round-trip times.
func roundTrip(name string, value func(RTT) time.Duration) figure {
	return figure{name, KindDuration, func(s *Summary) (float64, bool) {
		r, ok := s.RTT()
		return float64(value(r)), ok
	}, "there is no round-trip time"}
}

// operators are all that compare a figure with its limit. Those of two characters come before what they begin with.
var operators = []string{"<=", ">=", "==", "!=", "<", ">"}

// ParseAssertion reads "loss<1%", "p99<=50ms" or "established>=3", with or without blanks around the operator. The error
// says what is wrong and what would be right.
func ParseAssertion(text string) (Assertion, error) {
	name, operator, value, ok := cutOperator(text)
	if !ok {
		return Assertion{}, fmt.Errorf("%q: a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms", text)
	}
	for _, f := range figures {
		if f.name != name {
			continue
		}
		limit, err := f.kind.parse(value)
		if err != nil {
			return Assertion{}, fmt.Errorf("%q: %w", text, err)
		}
		return Assertion{text, f, operator, limit}, nil
	}
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
	}
	return Assertion{}, fmt.Errorf("%q: there is no figure %q, but %s", text, name, strings.Join(names, ", "))
}

// cutOperator cuts a text at its operator, the first that there is.
func cutOperator(text string) (name, operator, value string, ok bool) {
	i := strings.IndexAny(text, "<>=!")
	if i < 0 {
		return "", "", "", false
	}
	for _, operator := range operators {
		if rest, ok := strings.CutPrefix(text[i:], operator); ok {
			return strings.TrimSpace(text[:i]), operator, strings.TrimSpace(rest), true
		}
	}
	return "", "", "", false // a single = or !
}

// parse reads a value of the kind, which is not negative.
func (k Kind) parse(text string) (float64, error) {
	switch k {
	case KindCount:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%q is no whole number, as in established>=3", text)
		}
		return float64(n), nil
	case KindShare:
		var share float64
		var err error
		if percent, ok := strings.CutSuffix(text, "%"); ok {
			share, err = ParsePercent(percent)
		} else {
			share, err = strconv.ParseFloat(text, 64)
		}
		if err != nil || !(share >= 0 && share <= 1) {
			return 0, fmt.Errorf("%q is neither a percentage up to 100%%, as in loss<1%%, nor a number from 0 to 1", text)
		}
		return share, nil
	}
	unit := ""
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		unit = "s"
	}
	d, err := time.ParseDuration(text + unit)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration, as in p99<50ms, or a number of seconds", text)
	}
	return float64(d), nil
}

// ParsePercent reads a decimal number of percent, without the sign, and returns it as a share. That is the number nearest to
// the exact share, so that it equals a quotient of the same value: 99.9 is what 999.0/1000 is, which 99.9/100 is not.
func ParsePercent(text string) (float64, error) { return strconv.ParseFloat(text+"e-2", 64) }

// Check evaluates assertions over the handshakes so far, and keeps what became of them.
func (s *Summary) Check(assertions []Assertion) {
	s.Checks = nil
	for _, a := range assertions {
		s.Checks = append(s.Checks, a.check(s))
	}
}

// check evaluates the assertion over a summary.
func (a Assertion) check(s *Summary) Check {
	c := Check{Text: a.Text, Figure: a.figure.name, Kind: a.figure.kind}
	c.Value, c.Exists = a.figure.value(s)
	if !c.Exists {
		c.Value, c.Why = 0, a.figure.missing
		return c
	}
	c.Held = compare(c.Value, a.operator, a.limit)
	return c
}

// compare applies one of the operators.
func compare(value float64, operator string, limit float64) bool {
	switch operator {
	case "<":
		return value < limit
	case "<=":
		return value <= limit
	case ">":
		return value > limit
	case ">=":
		return value >= limit
	case "==":
		return value == limit
	}
	return value != limit
}
