//go:build linux

package e2e_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"tcpprobe/internal/netlab"
)

// An exporter is the program as it serves, on a host.
type exporter struct {
	*running
	client *http.Client // on the host
	url    string       // of its root, without the slash
}

// startServe starts the program as an exporter, and waits until it serves. Its address is in the flags, if it is not to be chosen.
func startServe(t *testing.T, h *netlab.Host, args ...string) *exporter {
	t.Helper()
	e := &exporter{running: start(t, h, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)}
	e.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return h.Dial(ctx, network, address)
	}}}
	t.Cleanup(e.client.CloseIdleConnections)
	for {
		line, err := e.stderr.ReadString('\n')
		if err != nil {
			t.Fatalf("it does not serve: %q, %v", line, err)
		}
		if _, url, ok := strings.Cut(line, "serving on "); ok {
			e.url = strings.TrimSuffix(url, "/\n")
			return e
		}
	}
}

// get asks for a path, and returns the status and the body.
func (e *exporter) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+path, nil)
	must(t, err)
	return e.do(t, request)
}

// do makes a request, and returns the status and the body. Nothing is ever HTML but what is a page.
func (e *exporter) do(t *testing.T, request *http.Request) (status int, body string) {
	t.Helper()
	response, err := e.client.Do(request)
	must(t, err)
	defer response.Body.Close()
	octets, err := io.ReadAll(response.Body)
	must(t, err)
	if kind := response.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") && response.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("%.100s is %s", request.URL, kind)
	}
	return response.StatusCode, string(octets)
}
