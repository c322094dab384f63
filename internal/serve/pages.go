package serve

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/page"
)

// handlePages has the pages, and the files that they refer to, answered.
func (s *Server) handlePages() error {
	renderer, err := page.New()
	if err != nil {
		return err
	}
	s.renderer = renderer
	s.mux.HandleFunc("GET /{$}", s.serveOverview)
	s.mux.HandleFunc("GET /targets/{name}", s.serveTarget)
	s.mux.HandleFunc("POST /targets/{name}/trace", s.serveTrace)
	s.mux.HandleFunc("GET /probes/{document}", s.serveDocument)
	for _, a := range renderer.Assets() {
		s.mux.HandleFunc("GET /assets/"+a.Name, func(w http.ResponseWriter, r *http.Request) { writeAsset(w, r, a) })
		if strings.HasSuffix(a.Name, ".svg") { // which browsers ask for beside documents that name none
			s.mux.Handle("GET /favicon.ico", http.RedirectHandler("/assets/"+a.Name, http.StatusFound))
		}
	}
	return nil
}

// serveOverview answers with the page of all targets.
func (s *Server) serveOverview(w http.ResponseWriter, r *http.Request) {
	selection, err := page.ParseSelection(r.URL.Query().Get)
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	body, err := s.renderer.Overview(page.Overview{
		Now: time.Now(), Targets: s.watched(), Failures: s.store.Failures(), Probes: s.store.Latest(), Selection: selection,
	})
	writePage(w, body, err)
}

// watched returns the targets that are probed continuously.
func (s *Server) watched() []*monitor.Target {
	return slices.DeleteFunc(s.store.Targets(), func(t *monitor.Target) bool { return !t.Watched() })
}

// serveTarget answers with the page of one target, which may be known by probes on demand alone.
func (s *Server) serveTarget(w http.ResponseWriter, r *http.Request) {
	target, ok := s.store.Target(r.PathValue("name"))
	if !ok {
		writeText(w, http.StatusNotFound, "Nothing is known of this target\n")
		return
	}
	now := time.Now()
	path := s.traces.of(target.Name())
	d := page.Detail{
		Now: now, Target: target.Snapshot(now), Trend: target.Trend(now),
		Trace: path.found, Traced: path.began, Tracing: path.going, MayTrace: s.options.AllowTrace && target.Watched(),
	}
	for _, id := range slices.Backward(d.Target.Evidence) {
		if e, ok := s.store.Evidence(id); ok {
			d.Failures = append(d.Failures, e)
		}
	}
	body, err := s.renderer.Target(d)
	writePage(w, body, err)
}

// serveHandshake answers with the page of one handshake.
func (s *Server) serveHandshake(w http.ResponseWriter, e monitor.Evidence) {
	_, known := s.store.Target(e.Result.Target)
	body, err := s.renderer.Handshake(e, known)
	writePage(w, body, err)
}

// writePage answers with a page. It is as of now, and nobody keeps it.
func writePage(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		writeText(w, http.StatusInternalServerError, "The page cannot be made\n")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	protect(h, page.Policy)
	w.Write(body)
}

// protect sets the headers that have a browser take a document for no more than it is.
func protect(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// writeAsset answers with a file of the pages. Its name changes with what is in it: who has it need not ask again.
func writeAsset(w http.ResponseWriter, r *http.Request, a page.Asset) {
	tag := `"` + a.Name + `"`
	h := w.Header()
	h.Set("Content-Type", a.Type)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", tag)
	protect(h, page.Policy)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(a.Octets)
}
