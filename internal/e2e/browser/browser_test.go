//go:build linux

package browser_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tcpprobe/internal/netlab/labtest"
)

// A tab is a page in a browser that runs on the host of an exporter, and what the browser complains of meanwhile.
type tab struct {
	ctx context.Context
	url string // of the exporter, without the slash

	mu         sync.Mutex
	complaints []string // of the console, and of the policy
	gone       bool     // the exporter is: what the browser says of that is right
	requests   []string // URLs
}

// patience is how long a browser may take for anything, on a machine that has other things to do.
const patience = 5 * time.Minute

// open starts a browser on the host of an exporter, and opens a page.
func open(t *testing.T, e *exporter, path string) *tab {
	t.Helper()
	labtest.NeedTool(t, chromium)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/proc/self/exe"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Env(fmt.Sprintf("%s=/proc/%d/ns/net", envNamespace, e.cmd.Process.Pid)),
	)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{ctx: ctx, url: e.url}
	must(t, chromedp.Do(ctx))
	must(t, chromedp.Listen(ctx, b.event))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(t, err)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, complaint := range b.complaints {
			t.Errorf("the browser complains: %s", complaint)
		}
		for _, url := range b.requests {
			if !strings.HasPrefix(url, b.url+"/") && url != "about:blank" {
				t.Errorf("the page asks elsewhere: %s", url)
			}
		}
	})
	b.visit(t, path)
	return b
}

// event takes note of what the browser tells.
func (b *tab) event(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *log.EventEntryAdded:
		if b.gone && event.Entry.Source == log.EntrySourceNetwork {
			return
		}
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s %s", event.Entry.Source, event.Entry.Text, event.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", event.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprintf("%s %v", event.ExceptionDetails.Text, event.ExceptionDetails.Exception))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, event.Request.URL)
	}
}

// lose takes note that the exporter will be gone.
func (b *tab) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
}

// visit goes to a path, and waits until it is there.
func (b *tab) visit(t *testing.T, path string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.url+path)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// evaluate returns the value of an expression in the page.
func evaluate[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression in the page is true, and returns how long that took. It is not while the browser goes from one page
// to the next, and cannot be asked.
func (b *tab) await(t *testing.T, expression string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		switch {
		case is:
			return time.Since(began)
		case time.Since(began) > patience/10 && err != nil:
			t.Fatalf("%s: %v", expression, err)
		case time.Since(began) > patience/10:
			t.Fatalf("it never is true: %s\n%s", expression, evaluate[string](t, b, "document.body.innerText"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// look sets how wide the page is, and whether the user likes it dark.
func (b *tab) look(t *testing.T, width int64, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	must(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(t, err)
}

// shoot keeps a picture of the whole page where TCPPROBE_SHOTS says, if it does.
func (b *tab) shoot(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("TCPPROBE_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}

// links returns where the page links to, as paths.
func (b *tab) links(t *testing.T) []string {
	t.Helper()
	all := evaluate[[]string](t, b, `[...document.querySelectorAll("a[href]")].map((a) => a.href.replace(/#.*/, ""))`)
	slices.Sort(all)
	for i, link := range all {
		path, ok := strings.CutPrefix(link, b.url)
		if !ok {
			t.Errorf("a link leads away: %s", link)
		}
		all[i] = path
	}
	return slices.Compact(all)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
