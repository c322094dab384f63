package terminal

import (
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// JobControl takes the signals by which a shell stops this process and has it go on, for whoever has to give the terminal back before.
type JobControl struct {
	// Stops tells that the process is wanted to stop (SIGTSTP), which it does not do of itself.
	Stops <-chan struct{}
	// Continued tells that it goes on (SIGCONT) after it was stopped otherwise than by Stop.
	Continued <-chan struct{}

	signals chan os.Signal
	own     atomic.Bool // the next SIGCONT is that after Stop
}

// ControlJob begins to take the signals.
func ControlJob() *JobControl {
	stops, continued := make(chan struct{}, 1), make(chan struct{}, 1)
	j := &JobControl{Stops: stops, Continued: continued, signals: make(chan os.Signal, 2)}
	signal.Notify(j.signals, unix.SIGTSTP, unix.SIGCONT)
	go func() {
		for s := range j.signals {
			to := stops
			if s == unix.SIGCONT {
				if j.own.Swap(false) {
					continue
				}
				to = continued
			}
			select {
			case to <- struct{}{}:
			default: // it is going to be told
			}
		}
	}()
	return j
}

// Stop stops the process, as its terminal does at Ctrl-Z, and returns when it goes on. Where no shell could continue it, it does not
// stop.
func (j *JobControl) Stop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signal.Reset(unix.SIGTSTP)
	j.own.Store(true)
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGTSTP)
	signal.Notify(j.signals, unix.SIGTSTP)
}

// End leaves the signals to what they do of themselves.
func (j *JobControl) End() {
	signal.Stop(j.signals)
	close(j.signals)
}
