//go:build linux

package e2e_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// TestServePages follows every link of the pages from the root on: each leads to a document of the right kind, and a browser is told
// to take it for no more than it is.
func TestServePages(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	e := startServe(t, a)
	for _, target := range []string{"10.0.0.2:80", "10.0.0.2:81"} {
		if status, body := e.get(t, "/probe?target="+target); status != http.StatusOK {
			t.Fatalf("%s: %d\n%s", target, status, body)
		}
	}
	bodies := e.crawl(t, "/", map[string]string{
		"/": "text/html; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json", ".pcapng": "application/octet-stream",
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", "/metrics": "",
	})
	kinds := map[string]int{}
	for path, body := range bodies {
		switch {
		case strings.HasSuffix(path, ".pcapng"):
			kinds["pcapng"]++
			if !strings.HasPrefix(body, "\x0a\x0d\x0d\x0a") {
				t.Errorf("%s is no pcapng", path)
			}
		case strings.HasSuffix(path, ".json"):
			kinds["json"]++
			if !strings.HasPrefix(body, `{"schema":"tcpprobe/1","type":"probe","id":"`) || !strings.Contains(body, `"target":"10.0.0.2:8`) {
				t.Errorf("%s: %s", path, body)
			}
		case strings.HasSuffix(path, ".svg") && strings.HasPrefix(path, "/probes/"):
			kinds["svg"]++
		case strings.HasPrefix(path, "/probes/"):
			kinds["probes"]++
			if !strings.Contains(body, "SYN") || !strings.Contains(body, "RFC 9293") {
				t.Errorf("%s has no ladder, or no lesson", path)
			}
		case strings.HasPrefix(path, "/targets/"):
			kinds["targets"]++
		}
	}
	for kind, want := range map[string]int{"pcapng": 2, "json": 2, "svg": 2, "probes": 2, "targets": 2} {
		if kinds[kind] != want {
			t.Errorf("%d documents of %s, want %d", kinds[kind], kind, want)
		}
	}
	if root := bodies["/"]; !strings.Contains(root, "refused") || !strings.Contains(root, "established") {
		t.Errorf("the outcomes are not on the page:\n%s", root)
	}
	for _, path := range []string{"/targets/10.0.0.2:82", "/probes/x", "/probes/zzzzzzzz.svg", "/assets/page.css", "/..%2f..%2fetc/passwd"} {
		if status, _ := e.get(t, path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	response, err := e.client.Post(e.url+"/targets/10.0.0.2:80/trace", "", nil)
	must(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a trace that is not allowed: %s", response.Status)
	}
	for _, path := range []string{"/?page=0", "/?page=x", "/?rows=3", "/?rows=5-2", "/?state=odd"} {
		if status, _ := e.get(t, path); status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// links are what a page refers to.
var links = regexp.MustCompile(`(?:href|src)="([^"]*)"`)

// crawl follows every link from a path on, and returns what is there. Types are by the end of a path, and "/" is that
// of all others; nothing is asked of a path whose type is empty.
func (e *exporter) crawl(t *testing.T, from string, types map[string]string) map[string]string {
	t.Helper()
	bodies := map[string]string{}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		if _, known := bodies[path]; known {
			continue
		}
		want := types["/"]
		for part, media := range types {
			if strings.HasSuffix(path, part) && part != "/" {
				want = media
			}
		}
		if want == "" {
			continue
		}
		response, err := e.client.Get(e.url + path)
		must(t, err)
		octets, err := io.ReadAll(response.Body)
		must(t, err)
		response.Body.Close()
		body := string(octets)
		bodies[path] = body
		h := response.Header
		if response.StatusCode != http.StatusOK || h.Get("Content-Type") != want {
			t.Errorf("%s: %s, %s, want %s", path, response.Status, h.Get("Content-Type"), want)
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
		if !strings.HasPrefix(want, "text/html") {
			continue
		}
		base, err := url.Parse(path)
		must(t, err)
		for _, match := range links.FindAllStringSubmatch(body, -1) {
			link, err := base.Parse(match[1])
			must(t, err)
			if link.Host != "" || link.Scheme != "" {
				t.Errorf("%s refers to %s", path, link)
				continue
			}
			link.Fragment = ""
			queue = append(queue, link.String())
		}
	}
	return bodies
}
