package display

import (
	"fmt"
	"io"
	"sync/atomic"

	"tcpprobe/internal/diagram"
	"tcpprobe/internal/explain"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Traces shows the search for a path: its packets as they fly, to those who want to see them, and in the end what was found.
// It observes the handshakes of a tracer.
type Traces struct {
	out    io.Writer
	style  report.Style
	json   *report.JSON    // nil for text
	lesson *explain.Lesson // nil unless packets are explained
	files  *Files
	found  func(*diagram.Scene)
	held   *held // what is not shown before it is known that the trace has failed; nil to show it at once
	shown  io.Writer
	target string
	path   *report.Path // of one flow, as it becomes known
	hops   int          // of it that JSON has
	ended  atomic.Int64 // handshakes
}

// NewTraces returns Traces of a target, as the user wrote it, on an output.
func NewTraces(target string, o Options, out io.Writer, files *Files) *Traces {
	t := &Traces{out: out, shown: out, style: o.Style, files: files, found: files.draw, target: target}
	if o.Silent {
		t.held = new(held)
		out = t.held
		t.out = out
	}
	switch {
	case o.JSON:
		t.json = report.NewJSON(out)
	case o.Explain:
		t.lesson = explain.New(out, o.Style, o.Checksums)
	}
	if o.Mermaid {
		t.found = func(s *diagram.Scene) {
			diagram.Mermaid(o.words(out), s)
			files.draw(s)
		}
		t.out = io.Discard
	}
	t.out = o.Stamp(t.out)
	t.path = report.NewPath(t.out, o.Style)
	return t
}

// Event shows a packet that has just been seen.
func (t *Traces) Event(r *probe.Result, e *probe.Event) {
	if t.files.capture != nil {
		t.files.capture.Event(r, e)
	}
	if t.lesson != nil && (e.DNS != nil || e.Route != nil || e.Neighbor != nil) {
		t.lesson.Event(r, e) // segments are explained by what they differ in, when it is known what came back
	}
}

// Result shows how one of the handshakes has ended.
func (t *Traces) Result(r *probe.Result) {
	t.ended.Add(1)
	if t.lesson != nil && r.TCP != nil {
		t.lesson.Alike(r)
	}
}

// Interim returns a line about how far the trace has come. It may be called by any goroutine.
func (t *Traces) Interim() string {
	return fmt.Sprintf("%s: %s ended so far", text.Printable(t.target), text.Count(int(t.ended.Load()), "SYN"))
}

// End shows what was held back, if there is an exit code that says that the trace has failed.
func (t *Traces) End(failed error) {
	if t.held != nil && failed != nil {
		t.held.show(t.shown)
	}
}

// Over does nothing: what was found is shown by those who know it.
func (t *Traces) Over() {}

// Settled shows the hops of a path that are final: so many, from the first on. Where packets are explained, the path comes
// after them.
func (t *Traces) Settled(found *trace.Trace, hops int) {
	switch {
	case t.lesson != nil:
	case t.json == nil:
		t.path.Settled(found, hops)
	case hops > t.hops:
		t.json.Hops(found, found.Hops[t.hops:hops])
		t.hops = hops
	}
}

// Trace shows a path, as far as it is not shown yet.
func (t *Traces) Trace(found *trace.Trace) {
	if t.lesson != nil {
		t.lesson.Trace(found)
	}
	t.show(func(j *report.JSON) {
		j.Hops(found, found.Path()[t.hops:])
		j.Path(found)
	}, func() { t.path.End(found) })
	t.end(diagram.Trace(found), report.TraceVerdict(found), report.TraceNotes(found))
}

// Flows shows the paths of several flows.
func (t *Traces) Flows(found *trace.FlowSet) {
	if t.lesson != nil {
		t.lesson.Flows(found)
	}
	t.show(func(j *report.JSON) { j.Flows(found) }, func() { report.Flows(t.out, t.style, found) })
	t.end(diagram.Flows(found), report.FlowsVerdict(found), report.FlowsNotes(found))
}

// PathMTU shows the search for the path MTU.
func (t *Traces) PathMTU(found *trace.PathMTU) {
	if t.lesson != nil {
		t.lesson.PathMTU(found)
	}
	t.show(func(j *report.JSON) { j.PathMTU(found) }, func() { report.PathMTU(t.out, t.style, found) })
	t.end(diagram.PathMTU(found), report.MTUVerdict(found), report.MTUNotes(found))
}

// SYNs shows what becomes of SYNs of every kind.
func (t *Traces) SYNs(found *trace.SYNComparison) {
	if t.lesson != nil {
		t.lesson.SYNs(found)
	}
	t.show(func(j *report.JSON) { j.SYNs(found) }, func() { report.SYNs(t.out, t.style, found) })
	t.end(diagram.SYNs(found), report.SYNsVerdict(found), report.SYNsNotes(found))
}

// show shows what was found as JSON or as text.
func (t *Traces) show(json func(*report.JSON), text func()) {
	if t.json != nil {
		json(t.json)
	} else {
		text()
	}
}

// end completes the diagram and the capture.
func (t *Traces) end(s *diagram.Scene, verdict string, notes []string) {
	t.found(s)
	if t.files.capture != nil {
		t.files.capture.Path(verdict, notes)
	}
}
