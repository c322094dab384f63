package watch

import (
	"fmt"
	"strconv"
	"time"

	"tcpprobe/internal/text"
)

// number writes a number without zeros behind the point.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// milliseconds writes a time in milliseconds, in seven columns at the most.
func milliseconds(d time.Duration) string {
	decimals := 3
	for limit := 100 * time.Millisecond; d >= limit && decimals > 0; limit *= 10 {
		decimals--
	}
	return text.Decimals(d, decimals)
}

// percent writes a share, in five columns at the most.
func percent(share float64) string {
	switch {
	case share == 0:
		return "0 %"
	case share >= 0.995:
		return "100 %"
	case share < 0.1:
		return fmt.Sprintf("%.1f %%", max(100*share, 0.1))
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// span writes how long something has lasted, in six columns at the most: "0.4 s", "12 s", "3m05s", "2h14m", "5d03h".
func span(d time.Duration) string {
	s := int(d / time.Second)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// clock writes a duration as a clock that runs: "00:04:12".
func clock(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// timeOfDay writes a time of day to the second, and the day before it if it is another than that of now.
func (c *Canvas) timeOfDay(t, now time.Time) string {
	zone := c.Style.Zone
	if zone == nil {
		zone = time.UTC
	}
	t, now = t.In(zone), now.In(zone)
	if t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("Jan 2 15:04")
	}
	return t.Format(time.TimeOnly)
}
