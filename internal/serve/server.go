package serve

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tcpprobe/internal/continuous"
	"tcpprobe/internal/discovery"
	"tcpprobe/internal/monitor"
	"tcpprobe/internal/page"
	"tcpprobe/internal/prober"
)

// Options are what a Server is told at its beginning.
type Options struct {
	Version       string         // of the program
	Prober        *prober.Prober // that makes all handshakes; who opened it runs and closes it
	History       int            // how many results of probes are kept, whatever became of them
	Listener      net.Listener   // of HTTP
	WebConfig     string         // the name of a file of the exporter toolkit; empty for plain HTTP, for everybody
	Connections   int            // at once
	Bounds        Bounds
	Load          func() (Settings, error) // reads the settings
	AllowTrace    bool                     // the paths to targets that are watched may be traced from their pages
	Discovery     *discovery.Discovery     // of targets to watch, beside those of the settings; nil for none
	Interval      time.Duration            // between two handshakes with a target that is watched, if its group does not say
	TimeoutOffset time.Duration            // that a probe ends before who asked for it stops waiting
}

// Settings are what may become different while a Server runs.
type Settings struct {
	Modules map[string]Module
	Policy  Policy
	Watch   []Group
}

// Limits of HTTP: what a request may take before it is looked at.
const (
	longestHeader = 16 << 10 // octets: Go adds 4096 of its own
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	writeTimeout  = longestTimeout + 30*time.Second // of the answer, the probe included
)

// Server answers HTTP. Its methods may be called from any goroutine.
type Server struct {
	options     Options
	settings    atomic.Pointer[Settings]
	reloading   sync.Mutex // is held while settings are read, and become those that hold
	configured  Settings   // as they were read last
	discovered  []Group
	runner      *continuous.Runner
	bounds      *bounds
	counters    counters
	store       *monitor.Store // what is known of targets, and kept of handshakes
	renderer    *page.Renderer
	traces      traces
	began       time.Time
	crossOrigin *http.CrossOriginProtection
	mux         *http.ServeMux
}

// New returns a Server, which answers nothing before Run. The error is one of the settings.
func New(o Options) (*Server, error) {
	store := monitor.New(monitor.Options{Latest: o.History}, time.Now())
	s := &Server{options: o, store: store, began: time.Now(), bounds: newBounds(o.Bounds), crossOrigin: http.NewCrossOriginProtection(), mux: http.NewServeMux()}
	s.runner = continuous.New(o.Prober, store)
	if o.Discovery != nil {
		s.discovered = s.groupsOf(o.Discovery.Groups())
	}
	s.counters.reload.Store(&reload{})
	if err := s.Reload(); err != nil {
		return nil, err
	}
	for pattern, answer := range map[string]http.HandlerFunc{
		"GET /probe":          s.serveProbe,
		"GET /metrics":        s.serveMetrics,
		"GET /api/v1/probes":  s.serveProbes,
		"GET /api/v1/targets": s.serveTargets,
		"GET /config": func(w http.ResponseWriter, _ *http.Request) {
			writeText(w, http.StatusOK, s.settings.Load().describe())
		},
		"GET /-/healthy": func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "Healthy\n") },
		"GET /-/ready":   s.serveReady,
		"POST /-/reload": s.serveReload,
	} {
		s.mux.HandleFunc(pattern, answer)
	}
	return s, s.handlePages()
}

// Store returns what is known of targets, and kept of handshakes.
func (s *Server) Store() *monitor.Store { return s.store }

// Settings returns what holds now.
func (s *Server) Settings() *Settings { return s.settings.Load() }

// Handle has a handler answer a path, in the syntax of http.ServeMux. It is for the time before Run.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Run answers requests until the context ends. Then connections are closed at once: who waits for a probe hears nothing of it.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: http.HandlerFunc(s.handle), MaxHeaderBytes: longestHeader, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(io.Discard, "", 0), // it would tell of everything that strangers send
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := s.serveHTTP(server); !errors.Is(err, http.ErrServerClosed) || ctx.Err() == nil {
		return err
	}
	return nil
}

// handle answers a request. Nobody wants a body: one that is slow in coming has no more time than a header.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(headerTimeout)) // which a connection has
	}
	s.mux.ServeHTTP(w, r)
}

// serveReady says whether probes can be made.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-s.options.Prober.Ended():
		writeText(w, http.StatusServiceUnavailable, "Not ready\n")
	default:
		writeText(w, http.StatusOK, "Ready\n")
	}
}

// writeText answers with text. Whatever is in it, nobody takes it for HTML.
func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who has gone hears nothing
}
