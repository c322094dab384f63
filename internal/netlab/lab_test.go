package netlab_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// helper returns this test binary as another process.
func helper(name string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envHelper+"="+name)
	return cmd
}

func TestNewWithoutPrivilegeIsErrPermission(t *testing.T) {
	labtest.Need(t)
	type result struct {
		output []byte
		err    error
	}
	results := make(chan result)
	go func() {
		// This thread ends with the goroutine, so no other test loses the capability.
		runtime.LockOSThread()
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
			results <- result{err: err}
			return
		}
		output, err := helper("new").CombinedOutput()
		results <- result{output, err}
	}()
	r := <-results
	if r.err != nil || string(r.output) != "true" {
		t.Errorf("New without CAP_SYS_ADMIN: errors.Is(err, os.ErrPermission) is %s (%v)", r.output, r.err)
	}
}

func TestUserNamespaceMakesRoot(t *testing.T) {
	labtest.Need(t)
	cmd := exec.Command("sh", "-c", "id -u; id -g; readlink /proc/self/ns/user")
	cmd.SysProcAttr = netlab.UserNamespace()
	output, err := cmd.Output()
	check(t, err)
	got := strings.Fields(string(output))
	ours, err := os.Readlink("/proc/self/ns/user")
	check(t, err)
	if len(got) != 3 || got[0] != "0" || got[1] != "0" || got[2] == ours {
		t.Errorf("user, group and namespace are %q; ours is %s", got, ours)
	}
}

// left is what a careless lab would leave behind.
func left(t *testing.T) (traces []string) {
	t.Helper()
	namespaces, err := filepath.Glob("/run/netns/*")
	check(t, err)
	interfaces, err := net.Interfaces()
	check(t, err)
	for _, ifi := range interfaces {
		traces = append(traces, ifi.Name)
	}
	children, err := filepath.Glob("/proc/self/task/*/children")
	check(t, err)
	for _, name := range children {
		// A thread that has ended meanwhile has no children.
		pids, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		traces = append(traces, strings.Fields(string(pids))...)
	}
	return append(traces, namespaces...)
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	labtest.Need(t)
	before := left(t)
	lab, err := netlab.New()
	check(t, err)
	a, b := newHost(t, lab, "a"), newHost(t, lab, "b")
	check(t, lab.Link(a, "eth0", prefix("10.0.0.1/24"), b, "eth0", prefix("10.0.0.2/24")))
	cmd := a.Command(t.Context(), "sleep", "infinity")
	check(t, cmd.Start())
	if during := left(t); slices.Equal(before, during) {
		t.Errorf("a process that runs is not seen: %q", during)
	}

	check(t, lab.Close())
	if after := left(t); !slices.Equal(before, after) {
		t.Errorf("left behind: %q, there was %q before", after, before)
	}
	if got := cmd.Wait(); got == nil || got.Error() != "signal: killed" {
		t.Errorf("the process ended with %v", got)
	}
	check(t, lab.Close())

	if _, err := lab.Host("c"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Host after Close: %v", err)
	}
	if err := a.Command(t.Context(), "true").Run(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Run after Close: %v", err)
	}
	if err := a.Do(func() error { return nil }); err == nil {
		t.Error("Do after Close: no error")
	}
	if err := a.SetLink("lo", true); err == nil {
		t.Error("SetLink after Close: no error")
	}
}

func TestSIGKILLLeavesNothingBehind(t *testing.T) {
	labtest.Need(t)
	cmd := helper("hang")
	_, err := cmd.StdinPipe()
	check(t, err)
	r, w, err := os.Pipe()
	check(t, err)
	defer r.Close()
	cmd.Stdout = w
	check(t, cmd.Start())
	w.Close()
	output := bufio.NewReader(r)
	line, err := output.ReadString('\n')
	if line != "started\n" {
		t.Errorf("the helper said %q (%v)", line, err)
	}
	check(t, cmd.Process.Kill())
	cmd.Wait()
	// The process in the lab holds the pipe open, too: its end comes when both are gone.
	if _, err := io.Copy(io.Discard, output); err != nil {
		t.Error(err)
	}
}

func TestDoStaysInsideTheNamespace(t *testing.T) {
	a, b := labtest.Pair(t)
	read := func(h *netlab.Host) (name string) {
		check(t, h.Do(func() (err error) {
			name, err = os.Readlink("/proc/thread-self/ns/net")
			return err
		}))
		return name
	}
	process, err := os.Readlink("/proc/self/ns/net")
	check(t, err)
	inA, inB := read(a), read(b)
	if inA == inB || inA == process || inB == process {
		t.Fatalf("namespaces: process %s, a %s, b %s", process, inA, inB)
	}

	// Enough at once to take every thread that the process has.
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := a.Do(func() error {
				runtime.Gosched()
				if got, err := os.Readlink("/proc/thread-self/ns/net"); got != inA {
					t.Errorf("inside of Do: %s (%v), want %s", got, err, inA)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
			if got, err := os.Readlink("/proc/thread-self/ns/net"); got != process {
				t.Errorf("outside of Do: %s (%v), want %s", got, err, process)
			}
		})
	}
	wg.Wait()
	if got, err := os.Readlink("/proc/self/ns/net"); got != process {
		t.Errorf("the process is now in %s (%v), was in %s", got, err, process)
	}
}

func TestDoReturnsTheError(t *testing.T) {
	a, _ := labtest.Pair(t)
	if err := a.Do(func() error { return io.ErrShortWrite }); err != io.ErrShortWrite {
		t.Errorf("got %v", err)
	}
}

func TestDoEndsWithItsGoroutine(t *testing.T) {
	a, _ := labtest.Pair(t)
	done := make(chan bool)
	go func() {
		returned := false
		defer func() { done <- returned }()
		a.Do(func() error {
			runtime.Goexit()
			return nil
		})
		returned = true
	}()
	if <-done {
		t.Error("Do returned though its function did not")
	}
}
