package socket_test

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// TestWakeAfterClose: who wakes a Waiter late does not write into what has its descriptor by now.
func TestWakeAfterClose(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := socket.NewWaiter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) // the lowest descriptor that is free
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(next)
	cancel()
	w.Wake()
	var count [8]byte
	if n, err := unix.Read(next, count[:]); err != unix.EAGAIN {
		t.Errorf("%d octets were written into descriptor %d, which is another's: %v", n, next, err)
	}
}
