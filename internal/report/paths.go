package report

import (
	"io"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// TraceVerdict returns the verdict of a trace in one line, FlowsVerdict that of flows, MTUVerdict that of a search for the
// path MTU, and SYNsVerdict that of a comparison of SYNs.
func TraceVerdict(t *trace.Trace) string {
	return quietly(func(w io.Writer, s Style) error { return Trace(w, s, t) })
}

func FlowsVerdict(set *trace.FlowSet) string {
	return quietly(func(w io.Writer, s Style) error { return Flows(w, s, set) })
}

func MTUVerdict(m *trace.PathMTU) string {
	return quietly(func(w io.Writer, s Style) error { return PathMTU(w, s, m) })
}

func SYNsVerdict(c *trace.SYNComparison) string {
	return quietly(func(w io.Writer, s Style) error { return SYNs(w, s, c) })
}

// TraceNotes says what was changed on the way, what the outcome means and what is not known, FlowsNotes which flows fail
// and where paths part, MTUNotes where the path gets narrow, and SYNsNotes which SYNs fare worse than others. All are
// printable.
func TraceNotes(t *trace.Trace) []string {
	return printables(append(alterationTexts(t), traceAdvice(t)...))
}

func FlowsNotes(set *trace.FlowSet) []string {
	if set.Failed != nil {
		return Advice(set.Failed)
	}
	return printables(flowsNotes(set, set.Groups()))
}

func MTUNotes(m *trace.PathMTU) []string {
	if m.Search == nil {
		return Advice(m.Plain)
	}
	return printables(mtuNotes(m))
}

func SYNsNotes(c *trace.SYNComparison) []string {
	if c.Failed != nil {
		return Advice(c.Failed)
	}
	return printables(variantNotes(c))
}

func printables(notes []string) []string {
	for i, note := range notes {
		notes[i] = text.Printable(note)
	}
	return notes
}
