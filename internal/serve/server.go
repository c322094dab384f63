package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/page"
	"tcpprobe/internal/prober"
)

// Options are what a Server is told at its beginning.
type Options struct {
	Version  string         // of the program
	Prober   *prober.Prober // that makes all handshakes; who opened it runs and closes it
	Listener net.Listener   // of HTTP
	History  int            // how many results are kept, and apart from them how many failures
}

// Limits of HTTP: what a request may take before it is looked at.
const (
	longestHeader = 16 << 10 // octets: Go adds 4096 of its own
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Server answers HTTP. Its methods may be called from any goroutine.
type Server struct {
	options  Options
	modules  map[string]Module
	store    *monitor.Store // what is known of targets, and kept of handshakes
	renderer *page.Renderer
	mux      *http.ServeMux
}

// New returns a Server, which answers nothing before Run.
func New(o Options) (*Server, error) {
	store := monitor.New(monitor.Options{Latest: o.History}, time.Now())
	s := &Server{options: o, modules: builtIn(), store: store, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /probe", s.serveProbe)
	s.mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "Healthy\n") })
	return s, s.handlePages()
}

// Handle has a handler answer a path, in the syntax of http.ServeMux. It is for the time before Run.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Store returns what is known of targets, and kept of handshakes.
func (s *Server) Store() *monitor.Store { return s.store }

// Run answers requests until the context ends. Then connections are closed at once: who waits for a probe hears nothing of it.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: s.mux, MaxHeaderBytes: longestHeader, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(s.options.Listener); !errors.Is(err, http.ErrServerClosed) || ctx.Err() == nil {
		return err
	}
	return nil
}

// writeText answers with text. Whatever is in it, nobody takes it for HTML.
func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, text) // who has gone hears nothing
}
