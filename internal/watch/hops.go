package watch

import (
	"fmt"
	"strings"
	"time"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// hopTimes is what the replies of a hop have in common: their times, and how many are missing.
type hopTimes struct {
	loss            float64
	last, best, avg time.Duration
	worst           time.Duration
	heard           int
}

// timesOfHop returns the times of a hop.
func timesOfHop(h trace.Hop) (t hopTimes) {
	t.heard = len(h.Replies)
	t.loss = share(max(h.Unanswered(), 0), h.Sent)
	if t.heard == 0 {
		return t
	}
	sum := time.Duration(0)
	t.best = h.Replies[0].RTT
	for _, r := range h.Replies {
		t.best, t.worst, t.last, sum = min(t.best, r.RTT), max(t.worst, r.RTT), r.RTT, sum+r.RTT
	}
	t.avg = sum / time.Duration(t.heard)
	return t
}

// lossBegins returns the first of the hops from which on the loss goes through to the end of the path, and how much of it there is
// at the end; ok is false if there is none there. Routers that limit their ICMP errors lose nothing of what passes.
func lossBegins(path []trace.Hop) (ttl int, loss float64, ok bool) {
	if len(path) == 0 {
		return 0, 0, false
	}
	end := timesOfHop(path[len(path)-1])
	if end.loss == 0 {
		return 0, 0, false
	}
	ttl = path[len(path)-1].TTL
	for i := len(path) - 2; i >= 0; i-- {
		t := timesOfHop(path[i])
		if t.heard > 0 && t.loss < end.loss/2 {
			break
		}
		ttl = path[i].TTL
	}
	return ttl, end.loss, true
}

// The columns of a hop's times.
var hopColumns = [...]struct {
	title string
	width int
	cell  func(h trace.Hop, t hopTimes) string
}{
	{"loss", 6, func(_ trace.Hop, t hopTimes) string { return percent(t.loss) }},
	{"last ms", 8, func(_ trace.Hop, t hopTimes) string { return milliseconds(t.last) }},
	{"avg ms", 8, func(_ trace.Hop, t hopTimes) string { return milliseconds(t.avg) }},
	{"best ms", 8, func(_ trace.Hop, t hopTimes) string { return milliseconds(t.best) }},
	{"worst ms", 9, func(_ trace.Hop, t hopTimes) string { return milliseconds(t.worst) }},
	{"SYNs", 6, func(h trace.Hop, _ hopTimes) string { return fmt.Sprint(h.Sent) }},
}

const (
	hopMargin    = 5  // in front of the addresses
	leastAddress = 15 // columns for them
)

// hopLayout returns how many columns addresses have, and how many of the columns of times have room.
func hopLayout(width int) (address, columns int) {
	address = width - hopMargin - 1
	for _, column := range hopColumns {
		if address-column.width < leastAddress {
			break
		}
		address -= column.width
		columns++
	}
	return min(address, 60), columns
}

// hopTitles returns the line above the hops.
func hopTitles(c *Canvas) drawn {
	address, columns := hopLayout(c.Width)
	return func(c *Canvas, y int) {
		c.put(1, y, c.Width, "hop  from", Look{Color: Dim})
		x := hopMargin + address
		for _, column := range hopColumns[:columns] {
			x += column.width
			c.PutRight(x, y, column.title, Look{Color: Dim})
		}
	}
}

// hopLines returns the lines of a hop: who replied, how fast, and what is odd about it.
func hopLines(c *Canvas, t *trace.Trace, h trace.Hop, begins bool) (lines []drawn) {
	times := timesOfHop(h)
	address, columns := hopLayout(c.Width)
	for i, from := range senders(t, h) {
		wrapped := text.Wrap(c.Style.Printable(from), max(c.Width-hopMargin-1, 2))
		if text.Columns(from) > address && i == 0 && times.heard > 0 {
			wrapped = append(wrapped, "") // the times stand below it
		}
		for k, part := range wrapped {
			lines = append(lines, func(c *Canvas, y int) {
				if i == 0 && k == 0 {
					c.Put(1, y, fmt.Sprintf("%3d", h.TTL), Look{Color: Dim})
				}
				c.put(hopMargin, y, c.Width, part, Look{Color: map[bool]Color{true: Plain, false: Dim}[times.heard > 0]})
				if i > 0 || k < len(wrapped)-1 || times.heard == 0 {
					return
				}
				x := hopMargin + address
				for n, column := range hopColumns[:columns] {
					x += column.width
					look := Look{}
					if n == 0 {
						look = doubt(times.loss > 0)
					}
					c.PutRight(x, y, column.cell(h, times), look)
				}
			})
		}
	}
	for _, note := range hopNotes(t, h) {
		lines = append(lines, wrappedLines(c, hopMargin+2, note, Look{Color: Warn})...)
	}
	if begins {
		lines = append(lines, wrappedLines(c, hopMargin, c.Style.Glyph("▲", "^")+" here, or on the way to here, the loss begins", Look{Color: Bad, Bold: true})...)
	}
	return lines
}

// wrappedLines returns a text in as many lines as it takes, from a column on.
func wrappedLines(c *Canvas, x int, s string, look Look) (lines []drawn) {
	for _, part := range text.Wrap(s, max(c.Width-x-1, 2)) {
		lines = append(lines, func(c *Canvas, y int) { c.Put(x, y, part, look) })
	}
	return lines
}

// senders returns who replied, each once, with their names as far as they are known; a star if nobody did.
func senders(t *trace.Trace, h trace.Hop) (all []string) {
	seen := make(map[string]bool)
	for _, r := range h.Replies {
		from := r.From.String()
		if name := t.Names[r.From]; name != "" {
			from = name + " (" + from + ")"
		}
		if !seen[from] {
			seen[from] = true
			all = append(all, from)
		}
	}
	if len(all) == 0 {
		return []string{"*"}
	}
	return all
}

// hopNotes says what is odd about the replies of a hop: an error of another kind, or what was changed of the SYN before it came there.
func hopNotes(t *trace.Trace, h trace.Hop) (notes []string) {
	seen := make(map[string]bool)
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			notes = append(notes, s)
		}
	}
	for _, r := range h.Replies {
		switch {
		case r.ICMP == nil:
			add(r.Segment.Header.Flags.String() + " of the target")
		case r.Ends():
			add(fmt.Sprintf("ICMP %d/%d %s", r.ICMP.Type, r.ICMP.Code, r.ICMP.Name))
		}
		if r.Translated() {
			add("a router, by NAT")
		}
	}
	for _, a := range t.Alterations() {
		if a.Hop == h.TTL {
			add(fmt.Sprintf("changed before: %s %s -> %s", strings.ReplaceAll(a.Field, "_", " "), a.Sent, a.Found))
		}
	}
	return notes
}
