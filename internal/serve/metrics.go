package serve

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"tcpprobe/internal/exposition"
)

// newRegistry returns the metrics of this process.
func newRegistry() (*prometheus.Registry, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return registry, nil
}

// serveMetrics answers with the metrics of the exporter itself and of its process.
func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	s.writeOwn(&b)
	families, err := s.registry.Gather()
	for _, family := range families {
		if _, failed := expfmt.MetricFamilyToText(&b, family); failed != nil {
			err = failed
		}
	}
	if err != nil && len(families) == 0 {
		writeText(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", metricsType)
	_, _ = w.Write(b.Bytes()) // who has gone hears nothing
	_ = exposition.WriteText(w, s.store.Targets(), time.Now())
}

// writeOwn writes the metrics of the exporter itself.
func (s *Server) writeOwn(b *bytes.Buffer) {
	c := &s.counters
	one := func(name, kind, help string, value any) {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %[1]s %[3]s\n%[1]s %[4]v\n", name, help, kind, value)
	}
	one("tcpprobe_probes_total", "counter", "Handshakes made for /probe.", c.probes.Load())
	one("tcpprobe_probe_failures_total", "counter", "Handshakes made for /probe that were not established.", c.failures.Load())
	const refused = "tcpprobe_probes_refused_total"
	fmt.Fprintf(b, "# HELP %s Requests for a probe that were refused, by reason.\n# TYPE %[1]s counter\n", refused)
	for i, reason := range refusals {
		fmt.Fprintf(b, "%s{reason=%q} %d\n", refused, reason, c.refused[i].Load())
	}
	one("tcpprobe_module_unknown_total", "counter", "Requests for a module that there is not.", c.refused[1].Load())
	one("tcpprobe_packet_socket_drops_total", "counter", "Frames and datagrams that found no room in a socket.", s.options.Prober.Drops())
	one("tcpprobe_discovery_failures_total", "counter", "Lists of targets that could not be read, or had a fault, and changed nothing.", c.undiscovered.Load())
	last := c.reload.Load()
	successful := 1
	if last.failed {
		successful = 0
	}
	one("tcpprobe_config_last_reload_successful", "gauge", "Whether the configuration was read without a fault the last time.", successful)
	one("tcpprobe_config_last_reload_success_timestamp_seconds", "gauge", "When it was last read without a fault.", last.success.Unix())
	const build = "tcpprobe_build_info"
	fmt.Fprintf(b, "# HELP %s The version, as a label.\n# TYPE %[1]s gauge\n%[1]s{version=%q,goversion=%q} 1\n", build, s.options.Version, runtime.Version())
}
