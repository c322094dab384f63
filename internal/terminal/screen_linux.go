package terminal

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/gdamore/tcell/v3/tty"
	"golang.org/x/sys/unix"
)

// TTY is the terminal of this process, /dev/tty, for a program that takes the whole screen. It is opened once: whoever has entered a
// sandbox afterwards can still leave the screen and come back to it. It is a [tty.Tty] for tcell.
type TTY struct {
	file *os.File
	conn interface{ Control(func(uintptr)) error }

	mu      sync.Mutex
	saved   *unix.Termios // of the shell; nil unless Start has changed it
	resized chan os.Signal
}

// OpenTTY opens the terminal of this process. Without one, the error says so.
func OpenTTY() (*TTY, error) {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &TTY{file: file, conn: conn}, nil
}

// Termios returns how the terminal is set.
func (t *TTY) Termios() (mode *unix.Termios, err error) {
	err = t.control(func(fd int) (err error) {
		mode, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return os.NewSyscallError("ioctl TCGETS", err)
	})
	return mode, err
}

// Start has the terminal hand on every key at once, and echo none.
func (t *TTY) Start() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		return nil
	}
	saved, err := t.Termios()
	if err != nil {
		return err
	}
	raw := *saved
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := t.set(&raw); err != nil {
		return err
	}
	t.saved = saved
	return t.file.SetReadDeadline(time.Time{})
}

// Drain ends a Read that waits.
func (t *TTY) Drain() error { return t.file.SetReadDeadline(time.Unix(1, 0)) }

// Stop gives the terminal back as it was.
func (t *TTY) Stop() error {
	t.NotifyResize(nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved == nil {
		return nil
	}
	err := t.set(t.saved)
	t.saved = nil
	return err
}

func (t *TTY) set(mode *unix.Termios) error {
	return t.control(func(fd int) error {
		return os.NewSyscallError("ioctl TCSETSW", unix.IoctlSetTermios(fd, unix.TCSETSW, mode))
	})
}

// NotifyResize has a channel told whenever the size of the terminal changes; nil ends that.
func (t *TTY) NotifyResize(resized chan<- bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.resized != nil {
		signal.Stop(t.resized)
		close(t.resized)
		t.resized = nil
	}
	if resized == nil {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGWINCH)
	t.resized = signals
	go func() {
		for range signals {
			select {
			case resized <- true:
			default: // it is going to be told
			}
		}
	}()
}

// WindowSize returns the size of the terminal, 80 times 24 if it does not know it.
func (t *TTY) WindowSize() (size tty.WindowSize, err error) {
	err = t.control(func(fd int) error {
		w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil {
			size.Width, size.Height = int(w.Col), int(w.Row)
		}
		return os.NewSyscallError("ioctl TIOCGWINSZ", err)
	})
	const height = 24
	if size.Width == 0 || size.Height == 0 {
		size.Width, size.Height = DefaultWidth, height
	}
	return size, err
}

// Read reads keys.
func (t *TTY) Read(b []byte) (int, error) { return t.file.Read(b) }

// Write writes to the screen.
func (t *TTY) Write(b []byte) (int, error) { return t.file.Write(b) }

// Close closes the terminal.
func (t *TTY) Close() error { return t.file.Close() }

func (t *TTY) control(f func(fd int) error) error {
	var failed error
	if err := t.conn.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
