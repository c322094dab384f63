package nagios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/text"
)

// Range is a range of the Monitoring Plugins guidelines, "Threshold and Ranges": [@]start:end, in seconds. It alerts outside
// of itself, or with @ inside. Both ends belong to it. A nil *Range is none, and never alerts.
type Range struct {
	start, end float64 // may be infinite
	inside     bool
}

// ParseRange reads a range. Its ends are seconds or durations with a unit; an end that is left out is infinite, a start
// that is left out is 0, and ~ is a start of minus infinity.
func ParseRange(s string) (Range, error) {
	wrong := func() (Range, error) {
		return Range{}, fmt.Errorf("%s: a range is wanted, [@]START:END in seconds or with a unit, as in 0.1, 100ms, 0.01:0.5 or @10:20", text.Printable(s))
	}
	body, inside := strings.CutPrefix(s, "@")
	r := Range{end: math.Inf(1), inside: inside}
	start, end, colon := strings.Cut(body, ":")
	if !colon {
		start, end = "", body
	}
	if start == "" && end == "" {
		return wrong()
	}
	var err error
	switch start {
	case "":
	case "~":
		r.start = math.Inf(-1)
	default:
		if r.start, err = parseSeconds(start); err != nil {
			return wrong()
		}
	}
	if end != "" {
		if r.end, err = parseSeconds(end); err != nil {
			return wrong()
		}
	}
	if r.start > r.end {
		return Range{}, fmt.Errorf("%s: the start of a range is not behind its end, as in 0.01:0.5", text.Printable(s))
	}
	return r, nil
}

// parseSeconds reads a number of seconds, or a duration with a unit. It may be negative.
func parseSeconds(text string) (float64, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsInf(s, 0) || math.IsNaN(s) {
			return 0, fmt.Errorf("%s is no number of seconds", text)
		}
		return s, nil
	}
	d, err := time.ParseDuration(text)
	return d.Seconds(), err
}

// Alerts reports whether the range raises an alert for a value in seconds.
func (r *Range) Alerts(value float64) bool {
	if r == nil {
		return false
	}
	return (r.start <= value && value <= r.end) == r.inside
}

// side says where a value is for which the range alerts: "above", "below" or "within" it.
func (r *Range) side(value float64) string {
	switch {
	case r.inside:
		return "within"
	case value < r.start:
		return "below"
	}
	return "above"
}

// String returns the range as performance data have it, in seconds; it is empty if there is none.
func (r *Range) String() string {
	if r == nil {
		return ""
	}
	text := ""
	if r.inside {
		text = "@"
	}
	switch {
	case math.IsInf(r.start, -1):
		text += "~:"
	case r.start != 0 || math.IsInf(r.end, 1):
		text += plainNumber(r.start) + ":"
	}
	if !math.IsInf(r.end, 1) {
		text += plainNumber(r.end)
	}
	return text
}

// plainNumber writes a number in decimal, without an exponent.
func plainNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
