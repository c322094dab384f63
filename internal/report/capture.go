package report

import (
	"fmt"
	"strings"
	"time"

	"tcpprobe/internal/spectator"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
)

// Capture is what there is to say of a capture as a whole.
type Capture struct {
	File      string
	LinkTypes []string
	Packets   int // frames
	Unread    int // of them that carry no IP datagram that could be read
	Counts    spectator.Counts
	Inner     []string // tunnels in which there is TCP that was not looked at
	Drops     uint64   // packets that were lost at the capture, as the file says
	Truncated string   // where and how the file ends before its end; empty if it does not

	Total   *stats.Summary  // of the handshakes that were chosen
	Servers []ServerSummary // of them, the worst first; as many as are wanted
	Omitted int             // other servers
}

// ServerSummary is what the handshakes with one server amount to.
type ServerSummary struct {
	*stats.Summary
	Slowest time.Duration // round trip of an established handshake
	Stream  int           // which that was; 0 if there was none
}

// Capture prints what there is to say of a capture as a whole.
func (p *Handshakes) Capture(c Capture) error {
	for _, s := range c.Servers {
		p.server(s)
	}
	if c.Omitted > 0 {
		p.page.Line(fmt.Sprintf("and %s more: --top 0 shows all", text.Count(c.Omitted, "server")))
	}
	p.page.Paragraph("--- ", 4, append(strings.Fields(p.page.Printable(c.File)), "---"))
	p.page.Paragraph("", 2, []string{
		text.Count(c.Packets, "packet") + ",", fmt.Sprintf("%d TCP,", c.Counts.TCP), "in " + took(time.Duration(c.Counts.Last-c.Counts.First)),
	})
	if len(c.Servers) != 1 || c.Omitted > 0 { // or that was said
		p.page.Paragraph("", 2, handshakeCounts(c.Total))
		p.roundTrips(c.Total)
	}
	for _, note := range c.notes() {
		p.page.Paragraph("note: ", 6, strings.Fields(p.page.Printable(note)))
	}
	return p.page.Flush()
}

// server adds what the handshakes with one server amount to.
func (p *Handshakes) server(s ServerSummary) {
	p.page.Paragraph("--- ", 4, []string{p.page.Printable(s.Target), "---"})
	p.page.Paragraph("", 2, handshakeCounts(s.Summary))
	p.roundTrips(s.Summary)
	if s.Stream > 0 && s.Sent > 1 {
		p.page.Line(fmt.Sprintf("slowest: %s ms, --stream %d", text.Milliseconds(s.Slowest), s.Stream))
	}
	for _, c := range s.Checks {
		if !c.Held {
			p.page.Paragraph("", 2, strings.Fields(p.page.Printable(Failure(c))))
		}
	}
}

// roundTrips adds the distribution of the round-trip times to servers, if there were any.
func (p *Handshakes) roundTrips(sum *stats.Summary) {
	if line := roundTripLine(sum); line != "" {
		p.page.Line(line)
	}
}

// handshakeCounts says how handshakes ended, and what became of their SYNs, in parts that stay in one line.
func handshakeCounts(sum *stats.Summary) []string {
	parts := counts(sum)
	parts = parts[:len(parts)-1] // without how long it took
	parts[len(parts)-1] = strings.TrimSuffix(parts[len(parts)-1], ";")
	return parts
}

// notes says what is to be known of a capture before it is believed.
func (c Capture) notes() (notes []string) {
	if c.Truncated != "" {
		notes = append(notes, c.Truncated)
	}
	if c.Drops > 0 {
		notes = append(notes, fmt.Sprintf("%d packets were dropped where it was captured: some of what seems lost was not", c.Drops))
	}
	if c.Counts.Middle > 0 {
		notes = append(notes, fmt.Sprintf("%s of connections that began before the capture: not judged", text.Count(c.Counts.Middle, "packet")))
	}
	if c.Counts.Early > 0 {
		notes = append(notes, fmt.Sprintf("%d handshakes were judged early: more than %d were under way", c.Counts.Early, spectator.MostAttempts))
	}
	if c.Unread > 0 {
		notes = append(notes, fmt.Sprintf("%s without IP that could be read", text.Count(c.Unread, "frame")))
	}
	if len(c.Inner) > 0 {
		notes = append(notes, "there is TCP inside of "+strings.Join(c.Inner, ", ")+": --decap looks at it")
	}
	return notes
}
