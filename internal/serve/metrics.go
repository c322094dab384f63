package serve

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

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

// serveMetrics answers with the metrics of the exporter itself, of its process and of the targets that are watched, in the format that
// is asked for: as text, or as messages, which alone have room for native histograms.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.FmtText, expfmt.FmtProtoDelim)
	own, err := s.ownFamilies()
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, format)
	for _, family := range own {
		if failed := encoder.Encode(family); failed != nil {
			err = failed
		}
	}
	if err != nil && b.Len() == 0 {
		writeText(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", string(format))
	_, _ = w.Write(b.Bytes()) // who has gone hears nothing
	write := exposition.WriteText
	if format.FormatType() == expfmt.TypeProtoDelim {
		write = exposition.WriteProtobuf
	}
	_ = write(w, s.store.Targets(), time.Now())
}

// ownFamilies returns the metrics of the exporter itself and of its process. Some may be there in spite of an error.
func (s *Server) ownFamilies() ([]*dto.MetricFamily, error) {
	var b bytes.Buffer
	s.writeOwn(&b)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(&b)
	families := slices.SortedFunc(maps.Values(parsed), func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	gathered, failed := s.registry.Gather()
	return append(families, gathered...), errors.Join(err, failed)
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
