//go:build linux

package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/netlab/labtest"
)

// TestServeBlackbox: the blackbox exporter and this one, by the same configuration and asked the same, tell the same.
func TestServeBlackbox(t *testing.T) {
	t.Parallel()
	const name = "prometheus-blackbox-exporter"
	labtest.NeedTool(t, name)
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	config := filepath.Join(t.TempDir(), "modules.yml")
	must(t, os.WriteFile(config, []byte("modules:\n  tcp:\n    prober: tcp\n    timeout: 2s\n    tcp: {preferred_ip_protocol: ip4}\n"), 0o644))
	const listen = "127.0.0.1:9115"
	cmd := a.Command(t.Context(), name, "--config.file="+config, "--web.listen-address="+listen)
	must(t, cmd.Start())
	until(t, func() bool {
		conn, err := a.Dial(t.Context(), "tcp", listen)
		if err == nil {
			conn.Close()
		} else {
			time.Sleep(20 * time.Millisecond)
		}
		return err == nil
	})
	ours := startServe(t, a, "--config", config)
	theirs := &exporter{client: ours.client, url: "http://" + listen}
	for _, target := range []string{"10.0.0.2:80", "10.0.0.2:81", "10.0.0.3:80", "nobody.lab.test:80"} {
		path := "/probe?module=tcp&target=" + target
		_, our := ours.get(t, path)
		status, their := theirs.get(t, path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d", target, status)
		}
		for _, metric := range []string{"probe_success", "probe_ip_protocol", "probe_ip_addr_hash"} {
			want, ok := metricOf(their, metric)
			if !ok || target == "nobody.lab.test:80" && metric != "probe_success" {
				continue // of an address that is not known theirs is 0, and ours is absent
			}
			if got, _ := metricOf(our, metric); got != want {
				t.Errorf("%s: %s is %q, and %q by the blackbox exporter", target, metric, got, want)
			}
		}
	}
	for _, path := range []string{"/probe?module=tcp", "/probe?module=none&target=10.0.0.2:80"} {
		our, _ := ours.get(t, path)
		if their, _ := theirs.get(t, path); our != their {
			t.Errorf("%s: %d, and %d by the blackbox exporter", path, our, their)
		}
	}
}

// metricOf returns the value of a metric without labels.
func metricOf(text, name string) (value string, ok bool) {
	_, rest, ok := strings.Cut("\n"+text, "\n"+name+" ")
	value, _, _ = strings.Cut(rest, "\n")
	return value, ok
}
