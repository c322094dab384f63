package netlab

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onThread runs f in a goroutine with an operating system thread to itself. The thread ends with f, so f may move it into
// another namespace: no other goroutine will ever run on it.
func onThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		// This is the first thread. It stands for the whole process in /proc/self, and it never ends: f must not have it.
		// While this goroutine holds it, the next one is given another.
		defer runtime.UnlockOSThread()
		locked := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(locked)
			f()
		}()
		<-locked
	}()
}
