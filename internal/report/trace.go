package report

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Trace writes the path of a SYN, a line for every hop and for every reply of another kind from there, and then the verdict.
func Trace(w io.Writer, s Style, t *trace.Trace) error { return NewPath(w, s).End(t) }

// Path writes the path of a SYN as it becomes known.
type Path struct {
	w     io.Writer
	style Style
	begun bool // the header is written
	shown int  // hops
}

// NewPath returns a Path of which nothing is written yet.
func NewPath(w io.Writer, s Style) *Path { return &Path{w: w, style: s} }

// Settled writes the header, and the hops that are final: so many, from the first on.
func (w *Path) Settled(t *trace.Trace, hops int) error {
	if w.style.Quiet {
		return nil
	}
	p := newPage(w.w, w.style)
	w.add(&p, t, t.Hops[:hops])
	return p.Flush()
}

// End writes what is not written yet, and the verdict.
func (w *Path) End(t *trace.Trace) error {
	if t.Failed != nil && len(t.Path()) == 0 {
		return NewLadder(w.w, w.style).Verdict(t.Failed)
	}
	p := newPage(w.w, w.style)
	if !w.style.Quiet {
		w.add(&p, t, t.Path())
		p.silence(t)
	}
	p.traceVerdict(t)
	return p.Flush()
}

// add adds the hops that are not written yet.
func (w *Path) add(p *page, t *trace.Trace, path []trace.Hop) {
	if !w.begun {
		p.traceHeader(t)
		w.begun = true
	}
	for ; w.shown < len(path); w.shown++ {
		p.hop(t, path[w.shown])
	}
}

// traceHeader adds what is the same for all SYNs.
func (p *page) traceHeader(t *trace.Trace) {
	words := []string{"trace to", p.Printable(t.Target)}
	if t.Target != t.Remote.String() {
		words = append(words, fmt.Sprintf("(%v)", t.Remote.Addr()))
	}
	words = append(words, fmt.Sprintf("from %v", t.Local), "on "+p.Printable(t.Route.Interface)+",", text.Count(t.Last, "hop")+" at most")
	p.Paragraph("", 2, words)
}

// The columns of a hop, counted from 0.
const (
	hopColumn     = 4  // of the address
	hopTimeColumn = 20 // of the times
)

// hop adds what came back for the SYNs of one TTL.
func (p *page) hop(t *trace.Trace, h trace.Hop) {
	ttl := fmt.Sprintf("%2d  ", h.TTL)
	if len(h.Replies) == 0 {
		p.Line(ttl + "*")
		return
	}
	for i, alike := range repliesAlike(h.Replies) {
		if i > 0 {
			ttl = strings.Repeat(" ", hopColumn)
		}
		words := append(replyTimes(t, h, alike, i == 0), p.replyText(t, alike[0])...)
		head := ttl + alike[0].From.String()
		if text.Columns(head) >= hopTimeColumn {
			head += "  "
		}
		p.Line(text.Fill(text.PadRight(head, hopTimeColumn), hopTimeColumn, 2, words)...)
		if p.style.Verbose {
			p.replyDetails(alike[0])
		}
	}
}

// replyDetails adds what the headers of a reply say, and those that it quotes.
func (p *page) replyDetails(r trace.Reply) {
	if r.ICMP == nil {
		p.segmentDetails(r.Segment, nil)
		return
	}
	p.icmpDetails(r.ICMP)
	p.quoteDetails(r.ICMP.Quoted)
}

// HopReply is what the line of a hop says of replies that are alike, for renderers that set it in another way. It is
// printable.
type HopReply struct {
	From    netip.Addr
	Time    string   // "0.034 ms", or of several rounds "0.034/0.035/0.036 ms"
	Texts   []string // the first for itself, such as "SYN,ACK [010010]"; each of those after it adds something
	Segment bool     // it is a segment, and no ICMP error
}

// HopReplies puts into words what came back for the SYNs of one hop of a trace.
func HopReplies(t *trace.Trace, h trace.Hop) []HopReply {
	p := newPage(io.Discard, Style{Style: text.Style{UTF8: true}})
	var replies []HopReply
	for i, alike := range repliesAlike(h.Replies) {
		replies = append(replies, HopReply{
			From: alike[0].From, Time: strings.Join(replyTimes(t, h, alike, i == 0), ", "), Texts: p.replyText(t, alike[0]), Segment: alike[0].ICMP == nil,
		})
	}
	return replies
}

// repliesAlike puts together the replies from the same address that say the same.
func repliesAlike(replies []trace.Reply) (groups [][]trace.Reply) {
	for _, r := range replies {
		i := slices.IndexFunc(groups, func(g []trace.Reply) bool { return alike(g[0], r) })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

func alike(a, b trace.Reply) bool {
	if a.From != b.From || (a.ICMP == nil) != (b.ICMP == nil) {
		return false
	}
	if a.ICMP != nil {
		return a.ICMP.Type == b.ICMP.Type && a.ICMP.Code == b.ICMP.Code
	}
	return a.Segment.Header.Flags == b.Segment.Header.Flags
}

// replyTimes says how long the replies of a hop took that are alike: the only one, or the shortest, the average and the
// longest; and with the first of them, how many SYNs got none. Of a router that is no loss, and of a hop that was asked again
// until it spoke there is nothing to be said.
func replyTimes(t *trace.Trace, h trace.Hop, replies []trace.Reply, first bool) []string {
	shortest, longest, sum := replies[0].RTT, replies[0].RTT, time.Duration(0)
	for _, r := range replies {
		shortest, longest, sum = min(shortest, r.RTT), max(longest, r.RTT), sum+r.RTT
	}
	times := text.Milliseconds(shortest)
	if len(t.Rounds) > 1 {
		times += "/" + text.Milliseconds(sum/time.Duration(len(replies))) + "/" + text.Milliseconds(longest)
	}
	words := []string{times + " ms" + replyDoubts(replies)}
	switch n := h.Unanswered(); {
	case n == 0 || !first:
	case slices.ContainsFunc(h.Replies, trace.Reply.Reached):
		words = append(words, fmt.Sprintf("%d of %s lost", n, text.Count(h.Sent, "SYN")))
	case len(t.Rounds) > 1:
		words = append(words, fmt.Sprintf("%d of %d unanswered", n, h.Sent))
	}
	return words
}

// replyDoubts says what is to be known of the times before they are believed.
func replyDoubts(replies []trace.Reply) string {
	t := probe.TCP{Clock: stamp.Kernel}
	user := false
	for _, r := range replies {
		t.RTTAmbiguous = t.RTTAmbiguous || r.Ambiguous
		user = user || r.Clock == stamp.User
	}
	if user {
		t.Clock = stamp.User
	}
	return doubts(&t)
}

// replyText says what a reply is, and the name of who sent it, if that was looked up.
func (p *page) replyText(t *trace.Trace, r trace.Reply) []string {
	texts := p.replyWords(t, r)
	if name := t.Names[r.From]; name != "" {
		texts = append(texts, p.Printable(name))
	}
	return texts
}

// replyWords says what a reply is: the ICMP error in words, or the segment's control bits and what it offers.
func (p *page) replyWords(t *trace.Trace, r trace.Reply) []string {
	if r.ICMP != nil {
		texts := []string{fmt.Sprintf("ICMP %d/%d %s", r.ICMP.Type, r.ICMP.Code, p.Printable(r.ICMP.Name))}
		if r.ICMP.MTU > 0 {
			texts = append(texts, fmt.Sprintf("mtu %d", r.ICMP.MTU))
		}
		if len(r.ICMP.Labels) > 0 {
			var labels []string
			for _, l := range r.ICMP.Labels {
				labels = append(labels, fmt.Sprint(l.Label))
			}
			texts = append(texts, "mpls "+strings.Join(labels, ", "))
		}
		for _, i := range r.ICMP.Interfaces {
			texts = append(texts, p.Printable(InterfaceText(i)))
		}
		if at := hopOf(t, r); at != "" && at != fmt.Sprintf("hop %d", r.ICMP.SentTTL) {
			texts = append(texts, "at "+at)
		}
		if v4, ok := t.BehindNAT64(r); ok {
			texts = append(texts, fmt.Sprintf("%v behind NAT64", v4))
		}
		if r.Translated() {
			texts = append(texts, "a router, by NAT")
		}
		return texts
	}
	texts := []string{fmt.Sprintf("%s [%s]", r.Segment.Header.Flags, r.Segment.Header.Flags.Bits())}
	texts = append(texts, offered(r.Segment)...)
	return append(texts, ttl(r.Segment))
}

// silence says that nothing was heard from the hops behind the last that replied.
func (p *page) silence(t *trace.Trace) {
	path := t.Path()
	outcome, _ := t.Outcome()
	if _, ended := t.End(); ended || outcome == probe.OutcomeInterrupted {
		return // of hops that were not waited for, silence says nothing
	}
	switch first := t.First + len(path); {
	case first == t.Last:
		p.Line(fmt.Sprintf("%2d  *", first))
	case first+1 == t.Last:
		p.Line(fmt.Sprintf("%2d  *  and nothing from hop %d either", first, t.Last))
	case first < t.Last:
		p.Line(fmt.Sprintf("%2d  *  and nothing from hop %d to %d either", first, first+1, t.Last))
	}
}
