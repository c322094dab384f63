package deploy

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// run runs a tool that scripts/test-deploy installs, and returns what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// read returns the content of a file.
func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// exported are the names of what the exporter exports, as far as anything here asks for it.
var exported = map[string]bool{
	"probe_success":               true,
	"probe_tcp_duration_seconds":  true,
	"probe_tcp_outcome":           true,
	"probe_tcp_finding":           true,
	"probe_tcp_syn_transmissions": true,
	"probe_tcp_reply_hop_limit":   true,
	"probe_icmp_error_info":       true,

	"tcpprobe_handshakes_total":               true,
	"tcpprobe_findings_total":                 true,
	"tcpprobe_syns_sent_total":                true,
	"tcpprobe_syns_lost_total":                true,
	"tcpprobe_rtt_seconds":                    true,
	"tcpprobe_rtt_seconds_bucket":             true,
	"tcpprobe_phase_duration_seconds":         true,
	"tcpprobe_target_up":                      true,
	"tcpprobe_outages_total":                  true,
	"tcpprobe_outage_seconds_total":           true,
	"tcpprobe_outage_start_timestamp_seconds": true,

	"tcpprobe_probes_total":                  true,
	"tcpprobe_probe_failures_total":          true,
	"tcpprobe_probes_refused_total":          true,
	"tcpprobe_packet_socket_drops_total":     true,
	"tcpprobe_config_last_reload_successful": true,
}

var ours = regexp.MustCompile(`[a-z_:]*\b(?:tcpprobe|probe)_[a-z0-9_:]+`)

// checkNames fails if a query asks for something of ours that there is not: Prometheus finds nothing then, and says nothing.
func checkNames(t *testing.T, query string, recorded map[string]bool) {
	t.Helper()
	for _, name := range ours.FindAllString(query, -1) {
		if !exported[name] && !recorded[name] {
			t.Errorf("nothing is named %s, in %s", name, query)
		}
	}
}
