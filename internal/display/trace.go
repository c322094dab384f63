package display

import (
	"io"

	"tcpprobe/probe"

	"tcpprobe/internal/report"
	"tcpprobe/internal/trace"
)

// Traces shows what traces have found, as text or as JSON. Its errors are those of the output, which remembers them.
type Traces interface {
	Trace(*trace.Trace) error
	Flows(*trace.FlowSet) error
	PathMTU(*trace.PathMTU) error
	SYNs(*trace.SYNComparison) error
}

// NewTraces returns Traces of an output.
func NewTraces(json bool, w io.Writer, style report.Style) Traces {
	if json {
		return report.NewJSON(w)
	}
	return textTraces{w, style}
}

// textTraces shows traces as text.
type textTraces struct {
	w     io.Writer
	style report.Style
}

func (t textTraces) Trace(found *trace.Trace) error { return report.Trace(t.w, t.style, found) }

func (t textTraces) Flows(found *trace.FlowSet) error { return report.Flows(t.w, t.style, found) }

func (t textTraces) PathMTU(found *trace.PathMTU) error { return report.PathMTU(t.w, t.style, found) }

func (t textTraces) SYNs(found *trace.SYNComparison) error { return report.SYNs(t.w, t.style, found) }

// Nobody is an observer who does not want to know.
type Nobody struct{}

// Event does nothing.
func (Nobody) Event(*probe.Result, *probe.Event) {}

// Result does nothing.
func (Nobody) Result(*probe.Result) {}

// Over does nothing.
func (Nobody) Over() {}
