//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/nagios"
)

// abortOnDeath makes every death by the Go runtime (a panic in a goroutine, no memory, no thread, a deadlock) an abort, which
// shells report as 134. Of itself it ends with 2, which says that a handshake timed out.
func abortOnDeath() error {
	debug.SetTraceback("crash")
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil {
		return os.NewSyscallError("getrlimit RLIMIT_CORE", err)
	}
	// What was received stays out of files: no core has room in 1 octet, and with 1 none goes through a pipe either (core(5)).
	core.Cur = min(core.Max, 1)
	return os.NewSyscallError("setrlimit RLIMIT_CORE", unix.Setrlimit(unix.RLIMIT_CORE, &core))
}

// startPoller has the runtime open the two descriptors that it needs to wait for anything, after making sure that there is
// room for them: without, it would die.
func startPoller() error {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return errors.Join(os.NewSyscallError("eventfd", err), unix.Close(poll))
	}
	if err := errors.Join(unix.Close(event), unix.Close(poll)); err != nil {
		return os.NewSyscallError("close", err)
	}
	time.AfterFunc(time.Hour, func() {}).Stop() // the first timer opens them
	return nil
}

// notStarted says that the process lacks what every command needs, and returns the exit status.
func notStarted(err error, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == checkName {
		fmt.Fprintln(stdout, nagios.Line(nagios.Unknown, err.Error()))
		return int(nagios.Unknown)
	}
	fmt.Fprintf(stderr, "tcpprobe: %v\n", err)
	return exit.System
}
