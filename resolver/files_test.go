package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcpprobe/resolver"
)

// lookup resolves a name that a hosts file may have, and returns its addresses or the error.
func lookup(t *testing.T, files *resolver.Files, name string) string {
	t.Helper()
	r, err := resolver.New(resolver.Options{Files: files}).Lookup(t.Context(), name, nil)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Addresses)
}

// TestFilesFollowChanges: a file is the one that it is now, however it was changed, also within one tick of the clock.
func TestFilesFollowChanges(t *testing.T) {
	path := write(t, "hosts", "192.0.2.1 a\n")
	files := resolver.NewFiles(os.DevNull, path)
	replace := func(content string) {
		next := write(t, "next", content)
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	for i, change := range []func(){
		func() {},
		func() { os.WriteFile(path, []byte("192.0.2.2 a\n"), 0o600) },
		func() { replace("192.0.2.3 a\n") },
		func() { os.Remove(path); os.WriteFile(path, []byte("192.0.2.4 a\n192.0.2.44 a\n"), 0o600) },
		func() {
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(path, []byte("192.0.2.5 a\n192.0.2.55 a\n"), 0o600)
			os.Chtimes(path, before.ModTime(), before.ModTime()) // of another time of change
		},
	} {
		change()
		want := []string{"[192.0.2.1]", "[192.0.2.2]", "[192.0.2.3]", "[192.0.2.4 192.0.2.44]", "[192.0.2.5 192.0.2.55]"}[i]
		for range 3 {
			if got := lookup(t, files, "a"); got != want {
				t.Errorf("change %d: %s, want %s", i, got, want)
			}
		}
	}
}

// TestLongHostsFileIsReadOnce: hundreds of names cost one reading of a list against advertising, and little memory.
func TestLongHostsFileIsReadOnce(t *testing.T) {
	var b strings.Builder
	for i := range 150_000 {
		fmt.Fprintf(&b, "0.0.0.0 ad%d.tracker%d.example.com\n", i, i%1000)
	}
	for i := range 400 {
		fmt.Fprintf(&b, "10.9.0.80 host%d.example.test\n", i)
	}
	files := resolver.NewFiles(os.DevNull, write(t, "hosts", b.String()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var running sync.WaitGroup
	for worker := range 4 {
		running.Go(func() {
			r := resolver.New(resolver.Options{Files: files})
			for i := range 100 {
				got, err := r.Lookup(t.Context(), fmt.Sprintf("host%d.example.test", 100*worker+i), nil)
				if err != nil || fmt.Sprint(got.Addresses) != "[10.9.0.80]" {
					t.Errorf("%v, %v", got.Addresses, err)
				}
			}
		})
	}
	running.Wait()
	runtime.ReadMemStats(&after)
	// Once is 60 MB, most of it for growing slices and the map; 400 times would be 24 GB.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 150<<20 {
		t.Errorf("400 lookups allocated %d octets", allocated)
	}
}

// TestHostsFileOfOneName is about a name of very many addresses, which has to take linear time too.
func TestHostsFileOfOneName(t *testing.T) {
	var b strings.Builder
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d many\n", i>>16, i>>8&255, i&255)
	}
	started := time.Now()
	got := resolver.ParseHosts([]byte(b.String() + b.String())).Lookup("many")
	if len(got) != n || got[n-1] != netip.MustParseAddr("10.1.134.159") {
		t.Errorf("%d addresses", len(got))
	}
	if took := time.Since(started); took > 5*time.Second { // a comparison of each with each takes a minute
		t.Errorf("it took %v", took)
	}
}

// TestFileThatHangs: neither file can hold a lookup when its context is over, and a file that answers in the end is
// read then.
func TestFileThatHangs(t *testing.T) {
	for _, hangs := range []string{"resolv.conf", "hosts"} {
		t.Run(hangs, func(t *testing.T) {
			fifo := filepath.Join(t.TempDir(), hangs)
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			files := resolver.NewFiles(fifo, os.DevNull)
			if hangs == "hosts" {
				files = resolver.NewFiles(os.DevNull, fifo)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			var running sync.WaitGroup
			for range 100 {
				running.Go(func() {
					r, err := resolver.New(resolver.Options{Files: files}).Lookup(ctx, "www.example.com", nil)
					if kind(err) != resolver.Interrupted || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fifo) || len(r.Addresses) != 0 {
						t.Errorf("%v, %v", r.Addresses, err)
					}
				})
			}
			running.Wait()
			// All of them waited for one reading, which ends now.
			w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, "192.0.2.1 www.example.com\n")
			w.Close()
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink("/run/nowhere/resolv.conf", dangling); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ config, hosts, want string }{
		{os.DevNull, dir, "[192.0.2.80]"},                        // a hosts file that cannot be read has no names
		{os.DevNull, filepath.Join(dir, "none"), "[192.0.2.80]"}, // nor has one that is not there
		{"/dev/zero", os.DevNull, "cannot resolve www.example.com: read /dev/zero: file too large"},
		{dir, os.DevNull, "cannot resolve www.example.com: read " + dir + ": is a directory"},
	} {
		o := resolver.Options{Files: resolver.NewFiles(test.config, test.hosts)}
		if strings.HasPrefix(test.want, "[") {
			o.Server = serve(t, func(h *hostile, q []byte, from netip.AddrPort) { h.send(from, truth(q)) }, nil).address
		}
		r, err := resolver.New(o).Lookup(t.Context(), "www.example.com", nil)
		if got := fmt.Sprint(r.Addresses); got != test.want && (err == nil || err.Error() != test.want) {
			t.Errorf("%s %s: %s, %v", test.config, test.hosts, got, err)
		}
	}
	// Where there is no resolv.conf the query goes to this host, as for the C library.
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "127.0.0.1 was asked since " + filepath.Join(dir, "none") + " does not exist",
		dangling:                   "127.0.0.1 was asked since " + dangling + " is a link to /run/nowhere/resolv.conf, which does not exist",
		os.DevNull:                 "127.0.0.1 was asked since /dev/null is empty",
	} {
		_, query, err := resolver.New(resolver.Options{Files: resolver.NewFiles(path, os.DevNull)}).Rehearse(t.Context(), "www.example.com")
		if err != nil || query == nil || query.Server != netip.MustParseAddrPort("127.0.0.1:53") {
			t.Errorf("%s: %+v, %v", path, query, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err = resolver.New(resolver.Options{Files: resolver.NewFiles(path, os.DevNull), Timeout: time.Second, Tries: 1}).Lookup(ctx, "www.example.com", func(e resolver.Event) {
			if e.Kind == resolver.QuerySent {
				cancel()
			}
		})
		cancel()
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestForbiddenFile: that a file may not be read is an error that says so. Not even root may read this one.
func TestForbiddenFile(t *testing.T) {
	const path = "/proc/sys/net/ipv4/route/flush"
	_, err := resolver.New(resolver.Options{Files: resolver.NewFiles(path, os.DevNull)}).Lookup(t.Context(), "www.example.com", nil)
	if kind(err) != resolver.BadConfig || !errors.Is(err, os.ErrPermission) || err.Error() != "cannot resolve www.example.com: open "+path+": permission denied" {
		t.Error(err)
	}
}
