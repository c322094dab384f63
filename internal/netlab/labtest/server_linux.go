package labtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
)

// startLimit is how long a program may take until it is ready. It takes milliseconds; the limit turns a hang into a failure.
const startLimit = 30 * time.Second

// Start starts a program on a host and waits until a line of its standard error holds the words in ready. The program must stay
// in the foreground. It is killed when the lab closes; what it wrote is logged if the test fails.
func Start(t testing.TB, h *netlab.Host, ready, name string, args ...string) *netlab.Cmd {
	t.Helper()
	return StartTo(t, h, nil, ready, name, args...)
}

// StartTo is Start for a program whose standard output is a file, which is its own from then on; nil for none.
func StartTo(t testing.TB, h *netlab.Host, stdout *os.File, ready, name string, args ...string) *netlab.Cmd {
	t.Helper()
	NeedTool(t, name)
	cmd := h.Command(context.Background(), name, args...)
	if stdout != nil {
		cmd.Stdout = stdout
		defer stdout.Close()
	}
	stderr, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		stderr.Close()
		t.Fatal(err)
	}
	l := &log{ended: make(chan struct{})}
	seen := make(chan struct{})
	go l.read(stderr, ready, seen)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%v wrote:\n%s", cmd, l)
		}
	})
	select {
	case <-seen:
	case <-l.ended:
		t.Fatalf("%v ended before it was ready:\n%s", cmd, l)
	case <-time.After(startLimit):
		t.Fatalf("%v was not ready after %v:\n%s", cmd, startLimit, l)
	}
	return cmd
}

// A log is what a program has written to its standard error so far.
type log struct {
	mu    sync.Mutex
	text  strings.Builder
	ended chan struct{} // closed when the program, and all that shares its standard error, has ended
}

func (l *log) read(r io.ReadCloser, ready string, seen chan<- struct{}) {
	defer close(l.ended)
	defer r.Close()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		l.mu.Lock()
		fmt.Fprintln(&l.text, lines.Text())
		l.mu.Unlock()
		if seen != nil && strings.Contains(lines.Text(), ready) {
			close(seen)
			seen = nil
		}
	}
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startHTTP starts nginx on port 80 of every address of the host. It answers each request with 200.
func startHTTP(t testing.TB, h *netlab.Host) {
	t.Helper()
	dir := t.TempDir()
	config := writeFile(t, dir, "nginx.conf", `
daemon off;
master_process off;
user root root;
pid nginx.pid;
error_log stderr notice;
events {}
http {
	access_log off;
	client_body_temp_path body;
	fastcgi_temp_path fastcgi;
	proxy_temp_path proxy;
	scgi_temp_path scgi;
	uwsgi_temp_path uwsgi;
	server {
		listen 80;
		listen [::]:80;
		default_type text/plain;
		return 200 "hello\n";
	}
}
`)
	// nginx names the event method when it listens already.
	Start(t, h, "event method", "nginx", "-e", "stderr", "-p", dir, "-c", config)
}

// startDNS starts dnsmasq on port 53 of addresses, with the names that Journey lists.
func startDNS(t testing.TB, h *netlab.Host, addresses ...string) {
	t.Helper()
	dir := t.TempDir()
	hosts := writeFile(t, dir, "hosts", `
10.3.0.80 www.lab.test
10.3.0.80 multi.lab.test
10.3.0.81 multi.lab.test
10.3.0.82 multi.lab.test
10.3.0.80 dual.lab.test
2001:db8:3::80 dual.lab.test
2001:db8:3::80 six.lab.test
10.3.0.80 dead6.lab.test
2001:db8:3::99 dead6.lab.test
`)
	config := writeFile(t, dir, "dnsmasq.conf", `
no-resolv
no-hosts
no-round-robin
bind-interfaces
except-interface=lo
log-facility=-
listen-address=`+strings.Join(addresses, ",")+`
addn-hosts=`+hosts+`
local=/lab.test/
cname=alias.lab.test,www.lab.test
txt-record=text.lab.test,no address
`)
	// In debug mode dnsmasq stays in the foreground, in one process, and does not change its user.
	Start(t, h, "started, version", "dnsmasq", "--no-daemon", "-C", config)
}

func writeFile(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
