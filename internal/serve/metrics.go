package serve

import (
	"mime"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/exposition"
)

// protobufType is the media type of metrics as messages with their lengths in front.
const protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

// serveMetrics answers with the metrics of the exporter itself, of its process and of the targets that are watched, in the format that
// is asked for: as text, or as messages, which alone have room for native histograms.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	own := append(s.ownMetrics(), processMetrics(s.began)...)
	if wantsProtobuf(r.Header.Values("Accept")) {
		w.Header().Set("Content-Type", protobufType)
		if exposition.WriteOwnProtobuf(w, own) == nil { // who has gone hears nothing
			_ = exposition.WriteProtobuf(w, s.store.Targets(), time.Now())
		}
		return
	}
	w.Header().Set("Content-Type", metricsType)
	if exposition.WriteOwnText(w, own) == nil {
		_ = exposition.WriteText(w, s.store.Targets(), time.Now())
	}
}

// wantsProtobuf reports whether messages are wanted rather than text (RFC 9110 12.5.1).
func wantsProtobuf(accept []string) bool {
	messages, text := 0.0, 0.0
	for one := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, given := parameters["q"]; given {
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		switch {
		case kind == "application/vnd.google.protobuf" && parameters["proto"] == "io.prometheus.client.MetricFamily" && parameters["encoding"] == "delimited":
			messages = max(messages, quality)
		case kind == "text/plain", kind == "text/*":
			text = max(text, quality)
		}
	}
	return messages > text
}

// ownMetrics returns the metrics of the exporter itself.
func (s *Server) ownMetrics() []exposition.Metric {
	c := &s.counters
	one := func(name, help string, counter bool, value float64) exposition.Metric {
		return exposition.Metric{Name: name, Help: help, Counter: counter, Series: []exposition.Sample{{Value: value}}}
	}
	refused := exposition.Metric{Name: "tcpprobe_probes_refused_total", Help: "Requests for a probe that were refused, by reason", Counter: true}
	for i, reason := range refusals {
		refused.Series = append(refused.Series, exposition.Sample{Label: "reason", Is: reason, Value: float64(c.refused[i].Load())})
	}
	last := c.reload.Load()
	successful := 1.0
	if last.failed {
		successful = 0
	}
	return []exposition.Metric{
		one("tcpprobe_probes_total", "Handshakes made for /probe", true, float64(c.probes.Load())),
		one("tcpprobe_probe_failures_total", "Handshakes made for /probe that were not established", true, float64(c.failures.Load())),
		refused,
		one("tcpprobe_module_unknown_total", "Requests for a module that there is not", true, float64(c.refused[1].Load())),
		one("tcpprobe_packet_socket_drops_total", "Frames and datagrams that found no room in a socket", true, float64(s.options.Prober.Drops())),
		one("tcpprobe_discovery_failures_total", "Lists of targets that could not be read, or had a fault, and changed nothing", true, float64(c.undiscovered.Load())),
		one("tcpprobe_config_last_reload_successful", "Whether the configuration was read without a fault the last time", false, successful),
		one("tcpprobe_config_last_reload_success_timestamp_seconds", "When it was last read without a fault", false, float64(last.success.Unix())),
		{Name: "tcpprobe_build_info", Help: "The version, as a label", Series: []exposition.Sample{{Label: "version", Is: s.options.Version, Value: 1}}},
		{Name: "go_info", Help: "The version of Go, as a label", Series: []exposition.Sample{{Label: "version", Is: runtime.Version(), Value: 1}}},
	}
}
