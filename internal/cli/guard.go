//go:build linux

package cli

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/sandbox"
	"tcpprobe/internal/terminal"
)

// guardName is what the process is called that watches over the terminal of another: its only argument.
const guardName = "tcpprobe: terminal"

// terminalGuard is a process of its own that gives the terminal back if this one dies while it has the screen, however it dies. What is
// written to stderr until then would be drawn over, and be gone with the screen: the guard keeps it, and writes it afterwards.
type terminalGuard struct {
	alive  *os.File // the guard waits for its end
	ended  *os.File // is at its end when the guard is
	stderr int      // what stderr was
}

// The files of a guard, after the standard ones.
const (
	guardTTY   = 3
	guardEnded = 4
	guardSaid  = 5 // what the other writes to stderr
)

// whole is what the guard is told last if the terminal was given back.
const whole = 0

// firstClosed is the least number for a descriptor that the kernel closes early at the end of a process: it goes from the highest
// down. Packet sockets take it milliseconds, in which the guard is done before the shell hears of the end.
const firstClosed = 900

// guardTerminal starts the guard of a terminal, as that is set now.
func guardTerminal(tty *terminal.TTY) (*terminalGuard, error) {
	mode, err := tty.Termios()
	if err != nil {
		return nil, err
	}
	g, err := startGuard()
	if err == nil {
		err = binary.Write(g.alive, binary.NativeEndian, mode)
	}
	if err != nil {
		return nil, fmt.Errorf("the guard of the terminal: %w", err)
	}
	return g, nil
}

// startGuard starts the guard, and has stderr lead to it.
func startGuard() (*terminalGuard, error) {
	var files []*os.File // of this process, until the guard has them
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	pipe := func() (from, to *os.File, err error) {
		if from, to, err = os.Pipe(); err == nil {
			files = append(files, from, to)
		}
		return from, to, err
	}
	waits, alive, err := pipe()
	if err != nil {
		return nil, err
	}
	ended, ends, err := pipe()
	if err != nil {
		return nil, err
	}
	said, says, err := pipe()
	if err != nil {
		return nil, err
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0) // to hand a file on makes it blocking, which that of the screen must not be
	if err != nil {
		return nil, err
	}
	files = append(files, tty)
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{guardName}, Stdin: waits, Stderr: os.Stderr, ExtraFiles: []*os.File{tty, ends, said},
		SysProcAttr: &unix.SysProcAttr{Setsid: true}, // signals of the terminal are not for it
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := new(terminalGuard)
	if g.alive, err = duplicate(alive, firstClosed); err != nil {
		return nil, err
	}
	if g.ended, err = duplicate(ended, 0); err != nil {
		return nil, err
	}
	if g.stderr, err = unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return nil, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
	}
	return g, withFD(says, func(fd int) error { return os.NewSyscallError("dup3", unix.Dup3(fd, unix.Stderr, 0)) })
}

// duplicate returns a file by another descriptor, which has no lower number than least if that is to be had.
func duplicate(file *os.File, least int) (copied *os.File, err error) {
	err = withFD(file, func(fd int) error {
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, least)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMFILE) {
			n, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		}
		if err == nil {
			copied = os.NewFile(uintptr(n), file.Name())
		}
		return os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
	})
	return copied, err
}

// withFD calls f with the descriptor of a file, which stays as it is.
func withFD(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	return errors.Join(conn.Control(func(fd uintptr) { failed = f(int(fd)) }), failed)
}

// end says that the terminal was given back, and waits until the guard has written what it kept.
func (g *terminalGuard) end() {
	_ = unix.Dup3(g.stderr, unix.Stderr, 0)
	_, _ = g.alive.Write([]byte{whole})
	_ = g.alive.Close()
	const patience = time.Second
	_ = g.ended.SetReadDeadline(time.Now().Add(patience))
	_, _ = g.ended.Read(make([]byte, 1))
	_ = g.ended.Close()
}

// leaveScreen is what ends everything that a screen may have begun on a terminal (ECMA-48, xterm's control sequences): an update that is
// collected, a hidden cursor, keys of an application, colors, no wrapping, the other screen.
const leaveScreen = "\x1b[?2026l\x1b[?25h\x1b[?1l\x1b>\x1b[m\x1b[?7h\x1b[?1049l"

// runGuard is what the guard does: it waits until the other process is done with the terminal, or is no more.
func runGuard() int {
	tty := os.NewFile(guardTTY, "tty")
	var mode unix.Termios
	if err := binary.Read(os.Stdin, binary.NativeEndian, &mode); err != nil {
		return 0 // nothing was begun
	}
	sandbox.Enter(sandbox.Options{})
	said := make(chan []byte, 1)
	go func() {
		const most = 1 << 20 // octets
		from := os.NewFile(guardSaid, "stderr")
		kept, _ := io.ReadAll(io.LimitReader(from, most))
		_, _ = io.Copy(struct{ io.Writer }{io.Discard}, from)
		said <- kept
	}()
	if last, _ := io.ReadAll(os.Stdin); len(last) == 0 || last[len(last)-1] != whole {
		_, _ = tty.WriteString(leaveScreen)
		_ = unix.IoctlSetTermios(guardTTY, unix.TCSETSW, &mode)
	}
	_, _ = os.Stderr.Write(<-said)
	return 0
}
