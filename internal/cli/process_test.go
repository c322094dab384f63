package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// envDeath has the test binary die in a way that is not its own choice.
const envDeath = "TCPPROBE_TEST_DEATH"

// die makes the runtime end the process.
func die(way string) {
	if err := abortOnDeath(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	switch way {
	case "panic":
		go func() { panic("by a goroutine") }()
	case "nil":
		go func() { var p *int; *p = 1 }()
	case "map":
		shared := make(map[int]int)
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					shared[i] = i
				}
			}()
		}
	case "stack":
		debug.SetMaxStack(1 << 20)
		var deep func(int) int
		deep = func(n int) int { return deep(n+1) + 1 }
		go func() { os.Exit(deep(0) & 1) }()
	case "threads":
		debug.SetMaxThreads(30)
		for range 60 {
			go func() {
				runtime.LockOSThread()
				syscall.Nanosleep(&syscall.Timespec{Sec: 60}, nil)
			}()
		}
	case "memory":
		size := 1 << 29
		if strconv.IntSize == 64 {
			size <<= 16 // and the address space is full before any of it is used
		}
		go func() {
			for kept := [][]byte(nil); ; runtime.KeepAlive(kept) {
				kept = append(kept, make([]byte, size))
			}
		}()
	case "quit":
		unix.Kill(os.Getpid(), unix.SIGQUIT)
	}
	time.Sleep(time.Minute)
	os.Exit(1)
}

// TestDeathIsNoVerdict: however the runtime ends the process, the exit status is none of those that say how a handshake
// ended, the reason is told, and no core is left.
func TestDeathIsNoVerdict(t *testing.T) {
	for way, reason := range map[string]string{
		"panic":   "panic: by a goroutine",
		"nil":     "nil pointer dereference",
		"map":     "concurrent map writes",
		"stack":   "stack overflow",
		"threads": "thread exhaustion",
		"memory":  "fatal error: ", // out of memory, and with the race detector other words
		"quit":    "SIGQUIT: quit",
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), envDeath+"="+way)
			cmd.Dir = t.TempDir()
			said, err := cmd.CombinedOutput()
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGABRT || status.CoreDump() {
				t.Errorf("%v, core %t: %.300s", err, ok && status.CoreDump(), said)
			}
			if !strings.Contains(string(said), reason) {
				t.Errorf("%.300s\nwant %s", said, reason)
			}
			if left, err := filepath.Glob(cmd.Dir + "/*"); len(left) > 0 || err != nil {
				t.Errorf("%q is left, %v", left, err)
			}
		})
	}
}
