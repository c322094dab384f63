package page_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/page"
	"tcpprobe/probe"
)

func newRenderer(t testing.TB) *page.Renderer {
	t.Helper()
	r, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pages renders every page that there is of a store: by its path.
func pages(t testing.TB, r *page.Renderer, store *monitor.Store, now time.Time) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	add := func(path string, b []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all[path] = b
	}
	b, err := r.Overview(page.Overview{Now: now, Targets: store.Targets(), Failures: store.Failures(), Probes: store.Latest()})
	add("/", b, err)
	for _, target := range store.Targets() {
		var failures []monitor.Evidence
		for _, e := range store.Failures() {
			if e.Result.Target == target.Name() {
				failures = append(failures, e)
			}
		}
		b, err := r.Target(page.Detail{Now: now, Target: target.Snapshot(now), Trend: target.Trend(now), Failures: failures, MayTrace: true})
		add("/targets/"+target.Name(), b, err)
	}
	for _, e := range append(store.Failures(), store.Latest()...) {
		b, err := r.Handshake(e, e.Watched)
		add("/probes/"+e.ID.String(), b, err)
	}
	return all
}

// TestPages holds every page against what is asked of all of them.
func TestPages(t *testing.T) {
	r := newRenderer(t)
	store, now := network(t, 6)
	store.Probed(handshake(t, "198.51.100.80:80", now, server{after: time.Millisecond}), "tcp_handshake")
	all := pages(t, r, store, now)
	if len(all) < 10 {
		t.Fatalf("only %d pages", len(all))
	}
	for path, b := range all {
		t.Run(strings.ReplaceAll(path, "/", "_"), func(t *testing.T) { wellMade(t, b) })
	}
}

// wellMade fails the test if a page has something in line that its policy forbids, refers to another host, or has a table, image or
// field that does not say what it is.
func wellMade(t *testing.T, b []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]int)
	var references []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := make(map[string]string)
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s> has %s in line", n.Data, a.Key)
			}
			if (a.Key == "href" || a.Key == "src" || a.Key == "action") && (strings.Contains(a.Val, "//") || strings.Contains(a.Val, ":")) {
				t.Errorf("<%s> refers to %s", n.Data, a.Val)
			}
		}
		if id := attr["id"]; id != "" {
			ids[id]++
		}
		references = append(references, strings.Fields(attr["aria-labelledby"])...)
		switch n.Data {
		case "style":
			t.Error("a style sheet in line")
		case "script":
			if n.FirstChild != nil || attr["src"] == "" {
				t.Error("a script in line")
			}
		case "img":
			if attr["alt"] == "" {
				t.Error("an image without words")
			}
		case "svg":
			if attr["aria-hidden"] != "true" && (attr["role"] != "img" || attr["aria-label"] == "") {
				t.Error("a drawing without words")
			}
		case "th":
			if attr["scope"] == "" && n.FirstChild != nil {
				t.Errorf("a header cell without scope: %s", textOf(n))
			}
		case "section":
			if attr["aria-labelledby"] == "" {
				t.Error("a section without a heading")
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%d elements have the ID %s", n, id)
		}
	}
	for _, id := range references {
		if ids[id] == 0 {
			t.Errorf("there is no element %s", id)
		}
	}
	if bytes.Contains(b, []byte("ZgotmplZ")) {
		t.Error("a template puts something where it is not safe")
	}
}

// textOf returns the text in a node.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// hostile is what strangers may send to be shown.
var hostile = []string{
	`<script>alert(1)</script>:80`,
	`"><img src=x onerror=alert(1)>:80`,
	`' onmouseover='alert(1):80`,
	`javascript:alert(1)//:80`,
	`</title></textarea></svg><script>alert(1)</script>:80`,
	`{{.Title}}:80`,
	"a\r\nSet-Cookie: x=1:80",
	"\u202emoc.elpmaxe:80",
	"nul\x00esc\x1b[31m:80",
	"not utf-8 \xff\xfe:80",
	`../../metrics?x=1#y:80`,
	`&lt;script&gt;:80`,
	"`${alert(1)}`:80",
}

// TestHostile has every name and reason be what an attacker would choose: there is never an element, an attribute or a link more than
// with harmless ones, and nothing that does not print.
func TestHostile(t *testing.T) {
	r := newRenderer(t)
	tame := shapes(t, r, "www.example.com:80")
	for _, name := range hostile {
		t.Run("", func(t *testing.T) {
			for path, got := range shapes(t, r, name) {
				if got != tame[path] {
					t.Errorf("%s of %q is made of\n%s\nand not of\n%s", path, name, got, tame[path])
				}
			}
		})
	}
}

// shapes returns what the pages of a target of a name are made of: elements and the names of their attributes.
func shapes(t *testing.T, r *page.Renderer, name string) map[string]string {
	t.Helper()
	store := monitor.New(monitor.Options{}, noon)
	failure := handshake(t, name, noon.Add(time.Second), server{refuses: true, after: time.Millisecond})
	failure.Host = name
	dns := &probe.Result{
		Target: name, Host: name, Port: 80, Time: noon.Add(2 * time.Second), Outcome: probe.OutcomeDNSError, Err: errText(name),
		DNS: &probe.DNS{Source: "dns", Name: name, RCode: name, CNAME: []string{name}, Attempts: 1},
		Events: []probe.Event{{Kind: probe.EventDNSAnswer, DNS: &probe.DNSMessage{
			Transport: "udp", Type: "A", Name: name, RCode: name, CNAME: []string{name}, Note: name, Attempt: 1,
		}}},
	}
	target := store.Watch(name)
	target.Result(failure)
	target.Result(dns)
	store.Probed(dns, name)
	now := noon.Add(3 * time.Second)
	all := make(map[string]string)
	for path, b := range pages(t, r, store, now) {
		if strings.HasPrefix(path, "/targets/") {
			path = "/targets/"
		}
		wellMade(t, b)
		doc, err := html.Parse(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		var shape strings.Builder
		for n := range doc.Descendants() {
			switch n.Type {
			case html.ElementNode:
				shape.WriteString("<" + n.Data)
				for _, a := range n.Attr {
					shape.WriteString(" " + a.Key)
					if a.Key == "href" && strings.Contains(a.Val, "targets/") && strings.Count(a.Val, "/") != 1+strings.Count(a.Val, "../") {
						t.Errorf("a name goes elsewhere: %s", a.Val)
					}
				}
				shape.WriteString(">")
			case html.TextNode:
				if i := strings.IndexFunc(n.Data, func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f || c == '\u202e' || c == '\ufffd' }); i >= 0 {
					t.Errorf("%q does not print", n.Data)
				}
			}
		}
		all[path] = shape.String()
	}
	return all
}

// errText is an error of the system, in whose text there is what was received.
type errText string

func (e errText) Error() string { return string(e) }
