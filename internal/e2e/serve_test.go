//go:build linux

package e2e_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// TestServeProbe: a handshake for each request, and its outcome as a metric.
func TestServeProbe(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	e := startServe(t, a)
	for path, want := range map[string]struct {
		status int
		line   string
	}{
		"/-/healthy":                                {http.StatusOK, "Healthy"},
		"/probe?target=10.0.0.2:80":                 {http.StatusOK, "probe_success 1"},
		"/probe?target=10.0.0.2:80&module=tcp_wire": {http.StatusOK, "probe_success 1"},
		"/probe?target=10.0.0.2:81":                 {http.StatusOK, "probe_success 0"},
		"/probe":                                    {http.StatusBadRequest, "Target parameter is missing"},
		"/probe?target=10.0.0.2":                    {http.StatusBadRequest, "the port is missing"},
		"/probe?target=10.0.0.2:80&module=http_2xx": {http.StatusBadRequest, `Unknown module "http_2xx"`},
	} {
		status, body := e.get(t, path)
		if status != want.status || !strings.Contains(body, want.line) {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	must(t, e.cmd.Process.Signal(syscall.SIGTERM))
	if r := e.end(t); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}
