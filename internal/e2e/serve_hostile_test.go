//go:build linux

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/netlab/labtest"
)

// TestServeRights: while requests are answered no thread has a right, as another user too.
func TestServeRights(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	var lists [][]string
	lists = append(lists, nil)
	if isRoot(t) {
		lists = append(lists, []string{"--user", "nobody"})
	}
	for _, args := range lists {
		e := startServe(t, a, args...)
		for _, path := range []string{"/probe?target=10.0.0.2:80", "/probe?target=10.0.0.2:80&module=tcp_wire", "/probe?target=nobody.lab.test:https", "/metrics", "/"} {
			if status, body := e.get(t, path); status != http.StatusOK {
				t.Errorf("%v %s: %d, %s", args, path, status, body)
			}
		}
		if lacking := rights(e.cmd.Process.Pid); lacking != "" {
			t.Errorf("%v: what is not so: %s", args, lacking)
		}
		must(t, e.cmd.Process.Signal(syscall.SIGTERM))
		if r := e.end(t); r.code != 0 || r.stderr != "" {
			t.Errorf("%v: exit code %d, stderr %q", args, r.code, r.stderr)
		}
	}
}

// TestServeEnds: SIGTERM breaks probes off. The process ends soon, and leaves no connection behind.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	e := startServe(t, a)
	var waiting sync.WaitGroup
	for range 20 {
		waiting.Go(func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+"/probe?target=10.0.0.2:80", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if response, err := e.client.Do(request); err == nil {
				response.Body.Close()
				if response.StatusCode == http.StatusOK {
					t.Errorf("%s is dead, without having been asked for long enough", request.URL)
				}
			}
		})
	}
	until(t, func() bool { listens, _ := traces(t, a); return listens > 1 }) // the guard of a port
	began := time.Now()
	must(t, e.cmd.Process.Signal(syscall.SIGTERM))
	r := e.end(t)
	if took := time.Since(began); r.code != 0 || r.stderr != "" || took > 5*time.Second {
		t.Errorf("exit code %d after %v, stderr %q", r.code, took, r.stderr)
	}
	waiting.Wait()
	if listens, packets := traces(t, a); listens > 0 || packets > 0 {
		t.Errorf("%d sockets listen, and %d packet sockets are open", listens, packets)
	}
}

// TestServeGone: who has gone is not waited for, and who is slow holds nobody up.
func TestServeGone(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	e := startServe(t, a, "--max-probes", "1", "--max-connections", "20")
	address := strings.TrimPrefix(e.url, "http://")
	dial := func() net.Conn {
		conn, err := a.Dial(t.Context(), "tcp", address)
		must(t, err)
		return conn
	}
	const silent = "GET /probe?target=10.0.0.2:80 HTTP/1.1\r\nHost: x\r\n\r\n"
	ask := func() int {
		status, _ := e.get(t, "/probe?target=10.0.0.9:81&module=nonsense")
		if status != http.StatusBadRequest {
			return status
		}
		status, _ = e.get(t, "/-/healthy")
		return status
	}
	gone := dial()
	_, err := io.WriteString(gone, silent)
	must(t, err)
	busy := func() bool {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/probe?target=10.0.0.2:80", nil)
		must(t, err)
		response, err := e.client.Do(request)
		if err != nil {
			return false // it was taken on, and we have gone
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != ""
	}
	until(t, busy)
	must(t, gone.Close())
	until(t, func() bool { return !busy() })

	half := dial() // it says no more, and listens still
	_, err = io.WriteString(half, strings.Replace(silent, "\r\nHost", "\r\nConnection: close\r\nHost", 1))
	must(t, err)
	must(t, half.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(half)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 ") {
		t.Errorf("half-closed: %q, %v", answer, err)
	}
	half.Close()

	var slow []net.Conn
	for range 30 {
		conn := dial()
		defer conn.Close()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nX-Slow: ")
		slow = append(slow, conn)
	}
	refused := 0
	for _, conn := range slow {
		must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		answer, err := io.ReadAll(conn)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("a slow one is still there: %v", err)
		}
		if strings.HasPrefix(string(answer), "HTTP/1.1 503 ") {
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("%d of 30 are told that there is no room, and there is for 20", refused)
	}
	if status := ask(); status != http.StatusOK {
		t.Errorf("after all that: %d", status)
	}
}

// TestServeOverload: with four times as many requests as there is time for, none of a live target is answered with a dead one; what is too
// much is refused at once, and memory stays bounded.
func TestServeOverload(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	e := startServe(t, a, "--max-probes", "50", "--rate-per-target", "60000", "--rate", "60000")
	e.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 400
	if status, _ := e.get(t, "/probe?target=10.0.0.2:80"); status != http.StatusOK {
		t.Fatal(status)
	}
	before := resident(t, e.cmd.Process.Pid)
	var all sync.WaitGroup
	var up, down, refused, other atomic.Int64
	for range 200 {
		all.Go(func() {
			for range 20 {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+"/probe?target=10.0.0.2:80", nil)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := e.client.Do(request)
				if err != nil {
					other.Add(1)
					continue
				}
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				switch {
				case response.StatusCode == http.StatusServiceUnavailable:
					refused.Add(1)
				case strings.Contains(string(body), "\nprobe_success 1\n"):
					up.Add(1)
				case response.StatusCode == http.StatusOK:
					down.Add(1)
				default:
					other.Add(1)
				}
			}
		})
	}
	all.Wait()
	after := resident(t, e.cmd.Process.Pid)
	t.Logf("%d up, %d refused, %d down, %d otherwise; %d KiB before, %d KiB after", up.Load(), refused.Load(), down.Load(), other.Load(), before, after)
	if up.Load() == 0 || refused.Load() == 0 || down.Load() > 0 || other.Load() > 0 {
		t.Errorf("%d up, %d refused, %d down, %d otherwise", up.Load(), refused.Load(), down.Load(), other.Load())
	}
	most := 3 * before
	if raceDetector {
		most = 5 * before // three times as much is usual then
	}
	if after > most {
		t.Errorf("it has %d KiB, and had %d", after, before)
	}
}

// resident returns how much memory a process has, in KiB.
func resident(t *testing.T, pid int) (kib int) {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "status"))
	must(t, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	_, err = fmt.Sscan(rest, &kib)
	must(t, err)
	return kib
}
