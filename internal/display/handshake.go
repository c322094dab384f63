package display

import (
	"io"

	"tcpprobe/internal/diagram"
	"tcpprobe/internal/report"
	"tcpprobe/probe"
)

// Handshake writes the packets of a handshake that has ended into the capture, if one is wanted.
func (f *Files) Handshake(r *probe.Result) {
	if f.capture == nil {
		return
	}
	for i := range r.Events {
		f.capture.Event(r, &r.Events[i])
	}
	f.capture.Result(r)
}

// Draw draws a handshake that has ended, if a diagram is wanted.
func (f *Files) Draw(r *probe.Result) { f.draw(diagram.Handshake(r)) }

// Explain explains a handshake that has ended, packet by packet.
func Explain(w io.Writer, s report.Style, checksums bool, r *probe.Result) {
	(&lessonView{w: w, style: s, checksums: checksums}).whole(r)
}
