//go:build linux

package terminal_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/terminal"
)

// openTerminal returns the end of a pseudo-terminal that a program writes to, so many columns wide.
func openTerminal(t *testing.T, columns uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return slave
}

// wrapped is a writer around another.
type wrapped struct{ io.Writer }

func (w wrapped) Unwrap() io.Writer { return w.Writer }

// opaque is a writer that does not say what is below it.
type opaque struct{ io.Writer }

func TestTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	tty := openTerminal(t, 132)
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	closed := openTerminal(t, 132)
	closed.Close()
	for _, test := range []struct {
		name  string
		w     io.Writer
		is    bool
		width int
	}{
		{"terminal", tty, true, 132},
		{"wrapped terminal", wrapped{wrapped{tty}}, true, 132},
		{"opaque writer", opaque{tty}, false, terminal.DefaultWidth},
		{"terminal without a size", openTerminal(t, 0), true, terminal.DefaultWidth},
		{"closed terminal", closed, false, terminal.DefaultWidth},
		{"file", file, false, terminal.DefaultWidth},
		{"buffer", new(bytes.Buffer), false, terminal.DefaultWidth},
		{"nil", nil, false, terminal.DefaultWidth},
	} {
		if got := terminal.Is(test.w); got != test.is {
			t.Errorf("%s: Is %v, want %v", test.name, got, test.is)
		}
		if got := terminal.MovesCursor(test.w); got != test.is {
			t.Errorf("%s: MovesCursor %v, want %v", test.name, got, test.is)
		}
		if got := terminal.Width(test.w); got != test.width {
			t.Errorf("%s: Width %d, want %d", test.name, got, test.width)
		}
	}
	if terminal.Unwrap(wrapped{wrapped{tty}}) != io.Writer(tty) {
		t.Error("Unwrap does not reach the terminal")
	}
}

func TestColor(t *testing.T) {
	tty := openTerminal(t, 80)
	for _, test := range []struct {
		choice, term, noColor string
		onTerminal, elsewhere bool
	}{
		{"auto", "xterm", "", true, false},
		{"auto", "", "", true, false},
		{"auto", "xterm", "1", false, false},
		{"auto", "dumb", "", false, false},
		{"always", "dumb", "1", true, true},
		{"never", "xterm", "", false, false},
		{"", "xterm", "", false, false},
	} {
		t.Setenv("TERM", test.term)
		t.Setenv("NO_COLOR", test.noColor)
		if got := terminal.Color(tty, test.choice); got != test.onTerminal {
			t.Errorf("%+v: %v on a terminal", test, got)
		}
		if got := terminal.Color(io.Discard, test.choice); got != test.elsewhere {
			t.Errorf("%+v: %v elsewhere", test, got)
		}
	}
}

func TestUTF8(t *testing.T) {
	for _, test := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false},
		{"", "", "en_US.UTF-8", true},
		{"", "", "de_DE.utf8", true},
		{"", "", "C", false},
		{"C", "C.UTF-8", "C.UTF-8", false},
		{"", "C.UTF-8", "C", true},
		{"", "POSIX", "C.UTF-8", false},
		{"C.UTF-8", "C", "C", true},
	} {
		t.Setenv("LC_ALL", test.all)
		t.Setenv("LC_CTYPE", test.ctype)
		t.Setenv("LANG", test.lang)
		if got := terminal.UTF8(); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
