package page

import (
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/monitor"
)

// The strip of outages.
const timelineWidth = 720

// timeline returns the data of a path that fills the outages between two times, in a strip 10 units high. None is so short
// that it cannot be seen.
func timeline(outages []monitor.Outage, from, to time.Time) string {
	var b strings.Builder
	whole := to.Sub(from)
	if whole <= 0 {
		return ""
	}
	for _, o := range outages {
		start, end := within(o, from, to)
		if !end.After(start) {
			continue
		}
		x := int(start.Sub(from) * timelineWidth / whole)
		width := max(int(end.Sub(start)*timelineWidth/whole), 2)
		x = min(x, timelineWidth-width)
		b.WriteString("M" + strconv.Itoa(x) + " 0h" + strconv.Itoa(width) + "v10h-" + strconv.Itoa(width) + "z")
	}
	return b.String()
}
