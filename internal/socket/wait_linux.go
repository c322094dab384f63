package socket

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Waiter waits for sockets, for a moment in time and for the end of a context, whichever comes first.
type Waiter struct {
	// Often says that waits are short and many. The scheduler is not told of them then: it would look after each of them
	// every 20 µs, to give its processor to others, and that costs more than all else. There must be another processor
	// for those.
	Often bool

	fds   []unix.PollFd // the first is the event that ends a wait early
	event int
	ended atomic.Bool // the context has
	stop  func() bool // stops the watch over the context

	mu     sync.Mutex
	closed bool
}

// NewWaiter returns a Waiter for input on the file descriptors, for as long as the context lasts. Close it.
func NewWaiter(ctx context.Context, fds ...int) (*Waiter, error) {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	w := &Waiter{fds: []unix.PollFd{{Fd: int32(event), Events: unix.POLLIN}}, event: event}
	w.Add(fds...)
	w.stop = context.AfterFunc(ctx, func() {
		w.ended.Store(true)
		w.Wake()
	})
	return w, nil
}

// Add makes the Waiter wait for more file descriptors.
func (w *Waiter) Add(fds ...int) {
	for _, fd := range fds {
		w.fds = append(w.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
}

// Wake ends a wait, now or when it begins. It may be called from any goroutine, and does nothing after Close.
func (w *Waiter) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return // the descriptor may be another's by now
	}
	one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1}
	unix.Write(w.event, one[:])
}

// rest takes back what Wake did, unless the end of the context did it: that lasts.
func (w *Waiter) rest() {
	if w.ended.Load() || w.fds[0].Revents == 0 {
		return
	}
	var count [8]byte
	unix.Read(w.event, count[:])
	if w.ended.Load() {
		w.Wake() // that was it
	}
}

// longest is how long a wait lasts at the most: a number of seconds that 32 bits hold.
const longest = 365 * 24 * time.Hour

// Wait returns when a socket has something to read, when the time has come, when somebody calls Wake, or when the context
// has ended. A zero time means no limit.
func (w *Waiter) Wait(until time.Time) error {
	for {
		var limit *unix.Timespec
		if !until.IsZero() {
			t := unix.NsecToTimespec(int64(min(max(time.Until(until), 0), longest)))
			limit = &t
		}
		err := w.poll(limit)
		if err == nil {
			w.rest()
			return nil
		}
		if err != unix.EINTR {
			return os.NewSyscallError("ppoll", err)
		}
	}
}

func (w *Waiter) poll(limit *unix.Timespec) error {
	if !w.Often {
		_, err := unix.Ppoll(w.fds, limit, nil)
		return err
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&w.fds[0])), uintptr(len(w.fds)), uintptr(unsafe.Pointer(limit)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Close releases what the Waiter holds. The sockets stay open.
func (w *Waiter) Close() error {
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return os.NewSyscallError("close", unix.Close(w.event))
}
