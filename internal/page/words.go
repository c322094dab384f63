package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tcpprobe/probe"
)

// ms writes a duration in milliseconds, with as many decimals as tell something: "0", "0.034", "11.57", "1003".
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v == 0:
		return "0"
	case v < 1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 1000:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// span writes how long something lasted, for a person: "340 ms", "12 s", "3 min 5 s", "2 h 4 min", "5 d 3 h".
func span(d time.Duration) string {
	d = max(d, 0)
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	d = d.Round(time.Second)
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	for i, unit := range units {
		if d < unit.size {
			continue
		}
		s := fmt.Sprintf("%d %s", d/unit.size, unit.name)
		if i+1 < len(units) {
			if rest := d % unit.size / units[i+1].size; rest > 0 {
				s += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return s
	}
	return "0 s"
}

// percent writes a share: "0 %", "0.3 %", "12 %".
func percent(share float64) string {
	p := share * 100
	switch {
	case p == 0:
		return "0 %"
	case p < 0.1:
		return "< 0.1 %"
	case p < 10:
		return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + " %"
	case p < 100:
		return strconv.FormatFloat(min(p, 99), 'f', 0, 64) + " %"
	}
	return "100 %"
}

// share is a part of a whole, 0 if that is empty.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// clock writes the time of day, and the day too if it is another than that of now.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return t.Format("2 Jan 15:04:05")
	}
	return t.Format("15:04:05")
}

// iso writes a time for programs.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// segment makes text a segment of the path of a URL (RFC 3986 3.3): all that is not unreserved is encoded.
func segment(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// symbol is an outcome at a glance; the word always stands beside it.
func symbol(o probe.Outcome) string {
	switch o {
	case probe.OutcomeEstablished:
		return "✓"
	case probe.OutcomePending, probe.OutcomeInterrupted:
		return "…"
	}
	return "✗"
}

// tone is the class of an outcome, which colours it.
func tone(o probe.Outcome) string {
	switch o {
	case probe.OutcomeEstablished:
		return "good"
	case probe.OutcomePending, probe.OutcomeInterrupted:
		return "idle"
	}
	return "bad"
}

// counted writes a number of things: "1 target", "2 targets".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// grouped writes a number with its thousands apart: "12 345".
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
