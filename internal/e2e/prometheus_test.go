//go:build linux

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// A prometheus is Debian's, on a host.
type prometheus struct {
	exporter *exporter // its host's client
	url      string
}

// The configurations and the rules are those of deploy, with what a test cannot wait for made shorter, and addresses of the lab.
var quick = strings.NewReplacer(
	"scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s",
	"[5m]", "[10s]", "[10m]", "[10s]", "[15m]", "[10s]", "offset 15m", "offset 10s", "offset 5m", "offset 10s",
	"for: 15m", "for: 1s", "for: 10m", "for: 1s", "for: 5m", "for: 1s", "for: 3m", "for: 1s", "> 60", "> 2",
)

// deployed returns a file of deploy, made quick.
func deployed(t *testing.T, name string, replaced ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "deploy", "prometheus", name))
	must(t, err)
	for i := 0; i < len(replaced); i += 2 {
		if !strings.Contains(string(content), replaced[i]) {
			t.Fatalf("%s has no %q", name, replaced[i])
		}
	}
	return strings.NewReplacer(replaced...).Replace(quick.Replace(string(content)))
}

// startPrometheus starts Prometheus on the host of an exporter, with a configuration and the rules of deploy.
func startPrometheus(t *testing.T, h *netlab.Host, e *exporter, config string) *prometheus {
	t.Helper()
	labtest.NeedTool(t, "prometheus")
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(deployed(t, "rules.yml")), 0o644))
	cmd := h.Command(t.Context(), "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+dir,
		"--web.listen-address=127.0.0.1:9090", "--enable-feature=native-histograms", "--log.level=error")
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Wait() }) // it is killed with the context, and is to be gone before its folder
	return &prometheus{e, "http://127.0.0.1:9090"}
}

// A series is what a query finds: labels and a value.
type promSeries struct {
	Metric map[string]string
	Value  [2]any
}

// query returns what a query finds at the moment; nothing as long as Prometheus does not answer.
func (p *prometheus) query(t *testing.T, query string) (found []promSeries) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/query?query="+url.QueryEscape(query), nil)
	must(t, err)
	response, err := p.exporter.client.Do(request)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []promSeries }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode == http.StatusServiceUnavailable {
		return nil
	}
	if answer.Status != "success" {
		t.Fatalf("%s: %s", query, answer.Error)
	}
	return answer.Data.Result
}

// await waits until a query finds something, and returns it.
func (p *prometheus) await(t *testing.T, query string) []promSeries {
	t.Helper()
	const patience = 2 * time.Minute
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if found := p.query(t, query); len(found) > 0 {
			return found
		}
	}
	t.Fatalf("%s finds nothing in %v; ALERTS: %v; of probes: %v", query, patience, p.query(t, "ALERTS"), p.query(t, `{__name__=~"up|probe_.*"}`))
	return nil
}

// firing is the query for an alert that fires.
func firing(alert, labels string) string {
	return fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing", %s}`, alert, labels)
}

// TestPrometheusProbes: with the configuration of the blackbox exporter, of which two lines are others, Prometheus has handshakes made. Its
// alerts say that a port is dropped, and that SYNs are lost where all handshakes come about.
func TestPrometheusProbes(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	serve(t, b, "10.0.0.2:81")
	labtest.Nft(t, b, `table ip lab { chain in { type filter hook input priority 0
		tcp dport 81 tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 drop
	}
	}`)
	e := startServe(t, a)
	// The SYN goes out again after a second: Prometheus has to wait for longer.
	config := deployed(t, "blackbox.yml", "db.example.com:5432", "10.0.0.2:80", "www.example.com:443", "10.0.0.2:81", "127.0.0.1:9980", strings.TrimPrefix(e.url, "http://"))
	p := startPrometheus(t, a, e, strings.Replace(config, "scrape_interval: 1s", "scrape_interval: 3s", 1))

	p.await(t, `probe_success{job="tcpprobe", instance="10.0.0.2:80"} == 1`)
	p.await(t, `tcpprobe_probes_total{job="tcpprobe-exporter"} > 0`)
	p.await(t, firing("TCPProbeSYNLoss", `instance="10.0.0.2:81"`))
	for _, alert := range []string{firing("TCPProbeSYNLoss", `instance="10.0.0.2:80"`), firing("TCPProbeFails", `job="tcpprobe"`)} {
		if found := p.query(t, alert); len(found) > 0 {
			t.Errorf("%s: %v", alert, found)
		}
	}
	labtest.Nft(t, b, "add rule ip lab in tcp dport 80 drop")
	p.await(t, firing("TCPProbeFails", `instance="10.0.0.2:80"`))
	p.await(t, `probe_tcp_outcome{instance="10.0.0.2:80", outcome="timeout"} == 1`)
	labtest.Nft(t, b, "flush chain ip lab in; add rule ip lab in tcp dport 80 reject with icmp type admin-prohibited")
	p.await(t, firing("TCPProbeProhibited", `instance="10.0.0.2:80", type="3", code="13"`))
}

// TestPrometheusContinuous: what is watched all the time is in the metrics, and the alerts say that SYNs are lost where all handshakes come
// about, and that a target is down.
func TestPrometheusContinuous(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	serve(t, b, "10.0.0.2:81")
	labtest.Nft(t, b, `table ip lab { chain in { type filter hook input priority 0
		tcp dport 81 tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 drop
	}
	}`)
	file := filepath.Join(t.TempDir(), "serve.yml")
	must(t, os.WriteFile(file, []byte("targets: [{targets: ['10.0.0.2:80', '10.0.0.2:81'], interval: 1s}]\n"), 0o644))
	e := startServe(t, a, "--config", file)
	p := startPrometheus(t, a, e, deployed(t, "continuous.yml", "127.0.0.1:9980", strings.TrimPrefix(e.url, "http://")))

	p.await(t, `tcpprobe_target_up{job="tcpprobe", target="10.0.0.2:80"} == 1`)
	p.await(t, `target:tcpprobe_rtt_seconds:p50_5m{target="10.0.0.2:80"} > 0`)
	p.await(t, `histogram_quantile(0.5, tcpprobe_rtt_seconds{target="10.0.0.2:80"}) > 0`) // from native buckets
	p.await(t, firing("TCPSYNLoss", `target="10.0.0.2:81"`))
	for _, alert := range []string{firing("TCPSYNLoss", `target="10.0.0.2:80"`), firing("TCPTargetDown", `job="tcpprobe"`)} {
		if found := p.query(t, alert); len(found) > 0 {
			t.Errorf("%s: %v", alert, found)
		}
	}
	labtest.Nft(t, b, "add rule ip lab in tcp dport 80 drop")
	p.await(t, firing("TCPTargetDown", `target="10.0.0.2:80"`))
}
