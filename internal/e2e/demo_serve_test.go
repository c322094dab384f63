//go:build linux

package e2e_test

import (
	"bufio"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestDemoServe: without root, an exporter on the client of the demo's network is reached from this host, whose loopback has no way into
// that network, and probes what there is in it.
func TestDemoServe(t *testing.T) {
	t.Parallel()
	d := demoCmd(t, "--serve", "--listen", "127.0.0.1:0")
	stderr, err := d.StderrPipe()
	must(t, err)
	must(t, d.Start())
	line, err := bufio.NewReader(stderr).ReadString('\n')
	_, url, ok := strings.Cut(line, "serving on ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	e := &exporter{client: &http.Client{Transport: &http.Transport{}}, url: strings.TrimSuffix(url, "/\n")}
	t.Cleanup(e.client.CloseIdleConnections)
	for path, want := range map[string]string{
		"/":                                     "<!doctype html>",
		"/probe?target=www.demo.test:80":        "\nprobe_success 1\n",
		"/probe?target=prohibited.demo.test:80": "\nprobe_icmp_error_info{type=\"3\",code=\"13\"} 1\n",
		"/probe?target=nobody.demo.test:80":     "\nprobe_tcp_outcome{outcome=\"dns_error\"} 1\n",
	} {
		if status, body := e.get(t, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	must(t, d.Process.Signal(syscall.SIGTERM))
	if err := d.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}
