//go:build linux

package browser_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// listen accepts connections with a port of a host until the test ends, or what is returned is called.
func listen(t *testing.T, h *netlab.Host, address string) (stop func()) {
	t.Helper()
	listener, err := h.Listen("tcp", address)
	must(t, err)
	go http.Serve(listener, http.NotFoundHandler())
	t.Cleanup(func() { listener.Close() })
	return func() { listener.Close() }
}

// targetsFile returns the name of a file with targets.
func targetsFile(t *testing.T, targets ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "targets")
	must(t, os.WriteFile(name, []byte(strings.Join(targets, "\n")+"\n"), 0o644))
	return name
}

// row is the row of a target in the table, as an expression.
func row(target string) string {
	return `document.querySelector('[data-key="` + encoded(target) + `"]')`
}

// encoded is a target as the page has it in URLs.
func encoded(target string) string { return strings.ReplaceAll(target, ":", "%3A") }

// TestWatched has a target that is watched go down and come back while somebody looks at it, on a phone.
func TestWatched(t *testing.T) {
	a, b := labtest.Pair(t)
	stop := listen(t, b, "10.0.0.2:80")
	listen(t, b, "10.0.0.2:443")
	e := serve(t, a, "--targets", targetsFile(t, "10.0.0.2:80", "10.0.0.2:443"))
	tab := open(t, e, "/")
	tab.look(t, 400, false)
	tab.await(t, `document.querySelector("h1").innerText === "All 2 targets are up"`)
	evaluate[bool](t, tab, row("10.0.0.2:80")+`.mark = true`)
	evaluate[bool](t, tab, row("10.0.0.2:443")+`.querySelector("a").focus() === undefined`)

	// A machine that has other things to do may be late, but not every time.
	best := time.Hour
	for range 3 {
		stop()
		tab.await(t, `document.querySelector("h1").innerText === "1 of 2 targets is down"`)
		// The two share a clock: from the beginning of the handshake that was refused to its being read.
		late := evaluate[float64](t, tab, `Date.now() - Date.parse(document.querySelector(".down time").dateTime)`)
		best = min(best, time.Duration(late*float64(time.Millisecond)))
		if best <= soon {
			break
		}
		stop = listen(t, b, "10.0.0.2:80")
		tab.await(t, `document.querySelector("h1").innerText === "All 2 targets are up"`)
	}
	if t.Logf("the failure appeared %v after the handshake began", best); best > soon {
		t.Fatal("that is too late")
	}
	for _, is := range []string{
		row("10.0.0.2:80") + `.mark === true`,
		row("10.0.0.2:80") + `.innerText.includes("refused")`,
		`document.activeElement === ` + row("10.0.0.2:443") + `.querySelector("a")`,
		`document.title.startsWith("(1 down)")`,
		`document.querySelector("#outages").innerText.includes("still down")`,
	} {
		tab.await(t, is)
	}
	tab.legible(t, "/")

	listen(t, b, "10.0.0.2:80")
	tab.await(t, `document.querySelector("h1").innerText === "All 2 targets are up"`)
	tab.await(t, `document.querySelector("#outages").innerText.includes(", the last until")`)
	tab.visit(t, "/targets/10.0.0.2:80")
	tab.await(t, `document.querySelector("main").innerText.includes("The latest")`)
	tab.legible(t, "/targets/10.0.0.2:80")
}

// TestFilter: those that are down, by a form that does without script.
func TestFilter(t *testing.T) {
	a, b := labtest.Pair(t)
	listen(t, b, "10.0.0.2:80")
	e := serve(t, a, "--targets", targetsFile(t, "10.0.0.2:80", "10.0.0.2:81", "10.0.0.2:8080"))
	tab := open(t, e, "/")
	tab.await(t, `document.querySelector("h1").innerText === "2 of 3 targets are down"`)
	evaluate[bool](t, tab, `(() => { document.querySelector("input[name=state]").checked = true; document.querySelector(".filter button").click(); return true; })()`)
	tab.await(t, `location.search.includes("state=down") && document.querySelectorAll("[data-key]").length === 2`)
	tab.visit(t, "/?q=808")
	tab.await(t, `document.querySelectorAll("[data-key]").length === 1`)
	time.Sleep(2 * soon) // it is kept up to date, and stays what was asked for
	tab.await(t, `document.querySelectorAll("[data-key]").length === 1 && document.querySelector("[data-key]").innerText.includes("10.0.0.2:8080")`)
}

// TestNarrowTable: on a phone the table is laid out as cards, and is a table to a screen reader all the same.
func TestNarrowTable(t *testing.T) {
	a, b := labtest.Pair(t)
	listen(t, b, "10.0.0.2:80")
	e := serve(t, a, "--targets", targetsFile(t, "10.0.0.2:80"))
	tab := open(t, e, "/")
	tab.look(t, 400, true)
	tab.await(t, `document.querySelector("h1").innerText === "The target is up"`)
	found, err := chromedp.Call(tab.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	must(t, err)
	roles := map[string]int{}
	for _, node := range found.Nodes {
		if !node.Ignored && node.Role != nil {
			roles[strings.Trim(string(node.Role.Value), `"`)]++
		}
	}
	for role, least := range map[string]int{"table": 1, "row": 2, "columnheader": 9, "rowheader": 1, "cell": 8, "heading": 5, "main": 1, "banner": 1, "status": 1} {
		if roles[role] < least {
			t.Errorf("%d of role %s: %v", roles[role], role, roles)
		}
	}
}

// TestTrace: a button traces the path to a target, and the page shows it by itself.
func TestTrace(t *testing.T) {
	network := labtest.Journey(t)
	e := serve(t, network.Client, "--allow-trace", "--targets", targetsFile(t, "10.3.0.80:80"))
	tab := open(t, e, "/targets/10.3.0.80:80")
	press := `(() => { document.querySelector("#path button").click(); return true; })()`
	tab.await(t, `document.querySelector("#path button") !== null`)
	evaluate[bool](t, tab, press)
	tab.await(t, `document.querySelector("#path pre")?.innerText.includes("10.2.0.2") && document.querySelector("#path").innerText.includes("of the last trace")`)
	if !evaluate[bool](t, tab, `/\b1 +10\.1\.0\.1[^]*\b2 +10\.2\.0\.2[^]*ESTABLISHED/.test(document.querySelector("#path pre").innerText)`) {
		t.Error(evaluate[string](t, tab, `document.querySelector("#path").innerText`))
	}
	tab.legible(t, "/targets/10.3.0.80:80")
}
