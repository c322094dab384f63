package discovery_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/discovery"
)

// run runs a Discovery until the test ends, and returns what it tells.
func run(t *testing.T, o discovery.Options) (d *discovery.Discovery, changed chan string, failed chan string) {
	t.Helper()
	d, err := discovery.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	changed, failed = make(chan string, 100), make(chan string, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx, func(groups []discovery.Group) { changed <- say(groups) }, func(err error) { failed <- err.Error() })
	}()
	t.Cleanup(func() { stop(); <-ended; d.Close() })
	return d, changed, failed
}

// expect waits for what is to be told next.
func expect(t *testing.T, told chan string, want string) {
	t.Helper()
	select {
	case got := <-told:
		if !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing is told, want %q", want)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// grow writes at the end of a file, which has whole lines at any time.
func grow(t *testing.T, name, content string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(content); err != nil {
		t.Fatal(err)
	}
}

// replace puts a file in the place of another, so that nobody reads half of it.
func replace(t *testing.T, name, content string) {
	t.Helper()
	other := filepath.Join(filepath.Dir(name), ".new.swp")
	write(t, other, content)
	if err := os.Rename(other, name); err != nil {
		t.Fatal(err)
	}
}

// TestFiles changes files in each of the ways in which files are changed.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines, groups := filepath.Join(dir, "targets"), filepath.Join(dir, "groups.json")
	write(t, lines, "192.0.2.1:80\n")
	write(t, groups, `[{"targets": ["192.0.2.2:80"], "labels": {"team": "db"}}]`)
	d, changed, failed := run(t, discovery.Options{Files: []string{lines, groups}, Every: time.Hour})
	if got := d.Folders(); len(got) != 1 || got[0] != dir {
		t.Errorf("folders %v", got)
	}

	grow(t, lines, "192.0.2.3:80\n")
	expect(t, changed, "192.0.2.1:80 192.0.2.3:80 ; 192.0.2.2:80 team=db")

	replace(t, lines, "192.0.2.4:80\n")
	expect(t, changed, "192.0.2.4:80 ; 192.0.2.2:80 team=db")

	replace(t, groups, "[{\"targets\": [\"192.0.2.2:80\",\n\"nonsense\"]}]") // nothing changes
	expect(t, failed, "groups.json: line 2: target nonsense")
	replace(t, lines, "192.0.2.5:80\n")
	expect(t, changed, "192.0.2.5:80 ; 192.0.2.2:80 team=db")

	if err := os.Remove(groups); err != nil {
		t.Fatal(err)
	}
	d.Reload()
	expect(t, failed, "groups.json: no such file or directory")
	replace(t, groups, `[]`)
	expect(t, changed, "192.0.2.5:80")
	select {
	case got := <-changed:
		t.Errorf("told without a change: %q", got)
	case got := <-failed:
		t.Errorf("told twice: %q", got)
	default:
	}
}

// TestLinkedFile has a file that is a link into a folder that is a link, as Kubernetes makes them.
func TestLinkedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 2 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint("v", i)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, fmt.Sprint("v", i), "targets"), fmt.Sprintf("192.0.2.%d:80\n", i))
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, ".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, ".new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v0", "..data")
	link("..data/targets", "targets")
	d, changed, _ := run(t, discovery.Options{Files: []string{filepath.Join(dir, "targets")}, Every: time.Hour})
	_ = d
	link("v1", "..data")
	expect(t, changed, "192.0.2.1:80")
}

// TestPolling has no news of a file, and looks at it.
func TestPolling(t *testing.T) {
	t.Parallel()
	elsewhere, name := filepath.Join(t.TempDir(), "targets"), filepath.Join(t.TempDir(), "targets")
	write(t, elsewhere, "192.0.2.1:80\n")
	if err := os.Symlink(elsewhere, name); err != nil { // the folder of which is not listened to
		t.Fatal(err)
	}
	_, changed, _ := run(t, discovery.Options{Files: []string{name}, Every: 20 * time.Millisecond})
	write(t, elsewhere, "192.0.2.2:80\n")
	expect(t, changed, "192.0.2.2:80")
}

// TestOpenErrors names the file and the line.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad\x1b.yml")
	write(t, bad, "- targets:\n  - nonsense\n")
	large := filepath.Join(dir, "large")
	write(t, large, strings.Repeat("#", 33<<20))
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		options discovery.Options
		want    string
	}{
		{discovery.Options{Files: []string{bad}}, `bad\x1b.yml: line 2: target nonsense`},
		{discovery.Options{Files: []string{filepath.Join(dir, "none")}}, "none: no such file or directory"},
		{discovery.Options{Files: []string{dir}}, "it is no regular file"},
		{discovery.Options{Files: []string{pipe}}, "it is no regular file"},
		{discovery.Options{Files: []string{large}}, "it is longer than 33554432 octets"},
		{discovery.Options{URLs: []string{"ftp://example.com"}}, "a URL is wanted"},
	} {
		if _, err := discovery.Open(test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v; want %s", err, test.want)
		}
	}
}

// TestHTTP asks a server that changes its mind, and misbehaves.
func TestHTTP(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[http.HandlerFunc]
	say := func(h http.HandlerFunc) { answer.Store(&h) }
	targets := func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			fmt.Fprint(w, content)
		}
	}
	say(targets(`[{"targets": ["192.0.2.1:80"]}]`))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	t.Cleanup(server.Close)
	_, changed, failed := run(t, discovery.Options{URLs: []string{server.URL}, Every: 10 * time.Millisecond})
	expect(t, changed, "192.0.2.1:80")
	say(targets(`[{"targets": ["192.0.2.1:80", "192.0.2.2:80"], "labels": {"a": "b"}}]`))
	expect(t, changed, "192.0.2.1:80 192.0.2.2:80 a=b")
	say(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	expect(t, failed, "the server says 500")
	say(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") })
	expect(t, failed, "application/json is wanted")
	say(targets("[\n{"))
	expect(t, failed, "line 2: ")
	say(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 34 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	expect(t, failed, "it is longer than")
	say(targets(`[]`))
	expect(t, changed, "")
}
