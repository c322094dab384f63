package serve

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/diagram"
	"tcpprobe/internal/monitor"
	"tcpprobe/internal/page"
	"tcpprobe/internal/report"
)

// serveDocument answers with what is kept of one handshake: its page, or by an extension its packets, diagram or result.
func (s *Server) serveDocument(w http.ResponseWriter, r *http.Request) {
	name, extension, _ := strings.Cut(r.PathValue("document"), ".")
	id, err := monitor.ParseID(name)
	e, ok := s.store.Evidence(id)
	if err != nil || !ok {
		writeText(w, http.StatusNotFound, "Nothing is kept of this handshake, or not any more\n")
		return
	}
	h := w.Header()
	var b bytes.Buffer
	switch extension {
	case "":
		s.serveHandshake(w, e)
		return
	case "svg":
		h.Set("Content-Type", "image/svg+xml")
		protect(h, page.DiagramPolicy(diagram.Style))
		err = diagram.SVG(&b, diagram.Handshake(e.Result), diagram.Options{})
	case "json":
		h.Set("Content-Type", "application/json")
		protect(h, page.Policy)
		err = report.NewJSON(&b).Kept(e.Result, e.ID.String(), e.Module)
	case "pcapng":
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", `attachment; filename="`+name+`.pcapng"`)
		protect(h, page.Policy)
		err = s.writeCapture(&b, e)
	default:
		writeText(w, http.StatusNotFound, "A handshake is kept as .pcapng, .svg and .json\n")
		return
	}
	if err != nil {
		writeText(w, http.StatusInternalServerError, "The document cannot be made\n")
		return
	}
	h.Set("Cache-Control", "private, max-age=3600") // what is kept never changes
	w.Write(b.Bytes())
}

// writeCapture writes the packets of a handshake.
func (s *Server) writeCapture(b *bytes.Buffer, e monitor.Evidence) error {
	c, err := capture.NewWriter(b, capture.PCAPNG, capture.Info{Application: "tcpprobe " + s.options.Version})
	if err != nil {
		return err
	}
	for i := range e.Result.Events {
		err = errors.Join(err, c.Event(e.Result, &e.Result.Events[i]))
	}
	return errors.Join(err, c.Result(e.Result))
}
