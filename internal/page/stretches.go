package page

import (
	"time"

	"tcpprobe/internal/monitor"
)

// stretches divides the time from the first check to now into so many stretches at the most. They begin at round times, so
// that a drawing does not tremble as time goes on.
func stretches(checks []monitor.Check, now time.Time, most int) (from time.Time, length time.Duration, n int) {
	now = now.Round(0)
	length = roundStretch(now.Sub(checks[0].Time) / time.Duration(most-1))
	from = checks[0].Time.Round(0).Truncate(length)
	return from, length, min(int(now.Sub(from)/length)+1, most)
}

// roundStretch returns the next of those lengths of time that clocks and people count by.
func roundStretch(d time.Duration) time.Duration {
	for _, length := range [...]time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if length >= d {
			return length
		}
	}
	return (d + 24*time.Hour - 1).Truncate(24 * time.Hour)
}

// within cuts an outage to what of it lies between two times. One that goes on ends with them.
func within(o monitor.Outage, from, to time.Time) (start, end time.Time) {
	start, end = o.Start, o.End
	if end.IsZero() || end.After(to) {
		end = to
	}
	if start.Before(from) {
		start = from
	}
	return start, end
}
