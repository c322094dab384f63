//go:build linux

package browser_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"tcpprobe/internal/netlab"
)

// An exporter is the program as it serves, on a host.
type exporter struct {
	cmd    *netlab.Cmd
	client *http.Client // on the host
	url    string       // of its root, without the slash
}

// serve starts the program as an exporter, and waits until it serves.
func serve(t *testing.T, h *netlab.Host, args ...string) *exporter {
	t.Helper()
	e := &exporter{cmd: h.Command(t.Context(), program(t), append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)}
	stderr, err := e.cmd.StderrPipe()
	must(t, err)
	must(t, e.cmd.Start())
	e.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return h.Dial(ctx, network, address)
	}}}
	t.Cleanup(e.client.CloseIdleConnections)
	lines := bufio.NewReader(stderr)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("it does not serve: %q, %v", line, err)
		}
		if _, url, ok := strings.Cut(line, "serving on "); ok {
			e.url = strings.TrimSuffix(url, "/\n")
			go io.Copy(os.Stderr, lines)
			return e
		}
	}
}

// get asks for a path, and returns the body.
func (e *exporter) get(t *testing.T, path string) string {
	t.Helper()
	response, err := e.client.Get(e.url + path)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", path, response.Status, body)
	}
	return string(body)
}
