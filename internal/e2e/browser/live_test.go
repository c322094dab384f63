//go:build linux

package browser_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"tcpprobe/internal/netlab/labtest"
)

// soon is within how much time a failure is to appear.
const soon = 2 * time.Second

// TestFailureAppears has handshakes fail while somebody looks at the page: each appears by itself, soon, and nothing else is touched.
// A machine that has other things to do may be late, but not every time.
func TestFailureAppears(t *testing.T) {
	a, b := labtest.Pair(t)
	listener, err := b.Listen("tcp", "10.0.0.2:80")
	must(t, err)
	go http.Serve(listener, http.NotFoundHandler())
	e := serve(t, a)
	e.get(t, "/probe?target=10.0.0.2:80")
	tab := open(t, e, "/")
	tab.await(t, `document.body.innerText.includes("10.0.0.2:80")`)
	evaluate[bool](t, tab, `document.querySelector("#probes h2").mark = true`)
	evaluate[bool](t, tab, `document.querySelector("#probes a").focus() === undefined`)

	best := time.Hour
	for _, target := range []string{"10.0.0.2:81", "10.0.0.2:82", "10.0.0.2:83"} {
		e.get(t, "/probe?target="+target)
		best = min(best, tab.await(t, `document.querySelector("#failures").innerText.includes("`+target+`")`))
	}
	t.Logf("the fastest failure appeared after %v", best)
	if best > soon {
		t.Errorf("no failure appeared before %v", best)
	}
	if !evaluate[bool](t, tab, `document.querySelector("#probes h2").mark === true && document.activeElement.closest("#probes") !== null`) {
		t.Error("what did not change was replaced, or lost the focus")
	}
}

// TestPause: who wants to read in peace is left in peace, and who goes on sees what happened meanwhile.
func TestPause(t *testing.T) {
	a, _ := labtest.Pair(t)
	e := serve(t, a)
	tab := open(t, e, "/")
	tab.await(t, `!document.getElementById("pause").hidden`)
	press := `document.getElementById("pause").click() === undefined`
	evaluate[bool](t, tab, press)
	e.get(t, "/probe?target=10.0.0.2:81")
	time.Sleep(2 * soon)
	if evaluate[bool](t, tab, `document.body.innerText.includes("10.0.0.2:81")`) {
		t.Error("the page went on")
	}
	evaluate[bool](t, tab, press)
	tab.await(t, `document.body.innerText.includes("10.0.0.2:81")`)
}

// TestServerGone: a page that cannot be kept up to date says so.
func TestServerGone(t *testing.T) {
	a, _ := labtest.Pair(t)
	e := serve(t, a)
	tab := open(t, e, "/")
	tab.await(t, `!document.getElementById("pause").hidden && document.getElementById("stale").hidden`)
	tab.lose()
	must(t, e.cmd.Process.Kill())
	tab.await(t, `!document.getElementById("stale").hidden && document.getElementById("stale").innerText.includes("does not answer")`)
}

// TestWithoutScript: everything is there all the same.
func TestWithoutScript(t *testing.T) {
	a, _ := labtest.Pair(t)
	e := serve(t, a)
	e.get(t, "/probe?target=10.0.0.2:81")
	tab := open(t, e, "/")
	_, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	tab.visit(t, "/")
	for _, words := range []string{"No target is watched", "10.0.0.2:81", "refused"} {
		if !evaluate[bool](t, tab, `document.body.innerText.includes("`+words+`")`) {
			t.Errorf("without script the page does not say %s", words)
		}
	}
	if evaluate[bool](t, tab, `document.getElementById("pause").checkVisibility()`) {
		t.Error("there is a button that does nothing")
	}
}
