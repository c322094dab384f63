//go:build linux

package cli

import (
	"bytes"
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
	to     *os.File // all of stderr goes there
	ended  *os.File // is at its end when the guard is
	stderr int      // what stderr was
}

// The files of a guard, after the standard ones.
const (
	guardTTY   = 3
	guardEnded = 4
)

// whole is what the guard is told last if the terminal was given back.
const whole = 0

// guardTerminal starts the guard of a terminal, as that is set now.
func guardTerminal(tty *terminal.TTY) (*terminalGuard, error) {
	mode, err := tty.Termios()
	if err != nil {
		return nil, err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer from.Close()
	ended, ends, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	defer ends.Close()
	own, err := os.OpenFile("/dev/tty", os.O_RDWR, 0) // to hand a file on makes it blocking, which the other must not be
	if err != nil {
		return nil, errors.Join(err, to.Close(), ended.Close())
	}
	defer own.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{guardName}, Stdin: from, Stderr: os.Stderr, ExtraFiles: []*os.File{own, ends},
		SysProcAttr: &unix.SysProcAttr{Setsid: true}, // signals of the terminal are not for it
	}
	g := &terminalGuard{to: to, ended: ended, stderr: -1}
	err = cmd.Start()
	if err == nil {
		err = binary.Write(to, binary.NativeEndian, mode)
	}
	if err == nil {
		g.stderr, err = unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 0)
	}
	if err == nil {
		err = withFD(to, func(fd int) error { return unix.Dup3(fd, unix.Stderr, 0) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the guard of the terminal: %w", err), to.Close(), ended.Close())
	}
	return g, nil
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
	_, _ = g.to.Write([]byte{whole})
	_ = g.to.Close()
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
	const most = 1 << 20 // octets
	var kept bytes.Buffer
	_, _ = io.Copy(&kept, struct{ io.Reader }{io.LimitReader(os.Stdin, most)})
	_, _ = io.Copy(io.Discard, struct{ io.Reader }{os.Stdin})
	said, given := bytes.CutSuffix(kept.Bytes(), []byte{whole})
	if !given {
		_, _ = tty.WriteString(leaveScreen)
		_ = unix.IoctlSetTermios(guardTTY, unix.TCSETSW, &mode)
	}
	_, _ = os.Stderr.Write(said)
	return 0
}
