//go:build linux

package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// post posts to a path, and returns the status and the body.
func (e *exporter) post(t *testing.T, path string, header ...string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+path, nil)
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return e.do(t, request)
}

// TestServeReload: the configuration is read again, also one that was put in the place of another, and a bad one changes nothing, in
// whatever storm.
func TestServeReload(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	file := filepath.Join(t.TempDir(), "tcpprobe.yml")
	write := func(content string) { // as editors and those who manage configurations do
		must(t, os.WriteFile(file+".new", []byte(content), 0o644))
		must(t, os.Rename(file+".new", file))
	}
	write("modules: {one: {timeout: 1s}}\n")
	e := startServe(t, a, "--config", file)
	probes := func(module string, want int) {
		t.Helper()
		if status, body := e.get(t, "/probe?target=10.0.0.2:80&module="+module); status != want {
			t.Errorf("module %s: %d, want %d\n%s", module, status, want, body)
		}
	}
	probes("one", http.StatusOK)
	probes("two", http.StatusBadRequest)
	write("modules: {two: {timeout: 1s}}\n")
	if status, body := e.post(t, "/-/reload", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("by a page of elsewhere: %d, %s", status, body)
	}
	probes("one", http.StatusOK)
	if status, body := e.post(t, "/-/reload"); status != http.StatusOK {
		t.Errorf("%d, %s", status, body)
	}
	probes("two", http.StatusOK)
	probes("one", http.StatusBadRequest)
	write("modules:\n  three:\n    timeout: soon\n")
	if status, body := e.post(t, "/-/reload"); status != http.StatusInternalServerError || !strings.Contains(body, "nothing was changed") || !strings.Contains(body, "line 3: module three: timeout") {
		t.Errorf("%d, %s", status, body)
	}
	probes("two", http.StatusOK)
	if _, metrics := e.get(t, "/metrics"); !strings.Contains(metrics, "\ntcpprobe_config_last_reload_successful 0\n") {
		t.Error("the metrics do not tell of the failure")
	}
	must(t, e.cmd.Process.Signal(syscall.SIGHUP))
	if line, err := e.stderr.ReadString('\n'); err != nil || !strings.HasPrefix(line, "tcpprobe: nothing was changed: "+file+": line 3: ") {
		t.Errorf("%q, %v", line, err)
	}
	write("modules: {four: {}}\n")
	must(t, e.cmd.Process.Signal(syscall.SIGHUP))
	if line, err := e.stderr.ReadString('\n'); err != nil || line != "tcpprobe: the configuration was read again\n" {
		t.Errorf("%q, %v", line, err)
	}
	probes("four", http.StatusOK)

	var storm sync.WaitGroup
	for range 8 {
		storm.Go(func() {
			for range 20 {
				if status, body := e.post(t, "/-/reload"); status != http.StatusOK {
					t.Errorf("%d, %s", status, body)
				}
				if status, body := e.get(t, "/probe?target=10.0.0.2:80&module=four"); status != http.StatusOK && status != http.StatusServiceUnavailable {
					t.Errorf("%d, %s", status, body)
				}
			}
		})
	}
	storm.Wait()
	must(t, e.cmd.Process.Signal(syscall.SIGTERM))
	if r := e.end(t); r.code != 0 || strings.Contains(r.stderr, "sandbox") {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}

// TestServeAllow: what is allowed is probed, and what is watched in any case.
func TestServeAllow(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	serve(t, b, "10.0.0.2:82")
	targets := filepath.Join(t.TempDir(), "targets")
	must(t, os.WriteFile(targets, []byte("10.0.0.2:82 # the other one\n"), 0o600))
	e := startServe(t, a, "--allow", "10.0.0.0/24:80", "--allow", "127.0.0.1", "--targets", targets)
	for target, want := range map[string]int{
		"10.0.0.2:80": http.StatusOK, "10.0.0.2:81": http.StatusForbidden, "10.0.0.2:82": http.StatusOK, "127.0.0.1:81": http.StatusOK, "127.0.0.2:80": http.StatusForbidden,
		"10.0.0.1:80": http.StatusOK,
	} {
		if status, body := e.get(t, "/probe?target="+target); status != want {
			t.Errorf("%s: %d, want %d\n%s", target, status, want, body)
		}
	}
}
