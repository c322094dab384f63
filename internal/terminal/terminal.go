//go:build linux

package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// DefaultWidth is the width of a terminal that does not say its own, in columns.
const DefaultWidth = 80

// Unwrap returns the writer below all those that have a method Unwrap() io.Writer.
func Unwrap(w io.Writer) io.Writer {
	for {
		wrapper, ok := w.(interface{ Unwrap() io.Writer })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// Is reports whether what is written is seen on a terminal.
func Is(w io.Writer) bool {
	err := control(w, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return err == nil
}

// MovesCursor reports whether w is a terminal on which a line can be drawn over.
func MovesCursor(w io.Writer) bool { return Is(w) && os.Getenv("TERM") != "dumb" }

// Width returns the number of columns of the terminal that w writes to, and DefaultWidth where there is none.
func Width(w io.Writer) int {
	width := DefaultWidth
	control(w, func(fd int) error {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil && size.Col > 0 {
			width = int(size.Col)
		}
		return err
	})
	return width
}

// control calls f with the file descriptor of a writer. File.Fd is not used, since it makes the file blocking.
func control(w io.Writer, f func(fd int) error) error {
	file, ok := Unwrap(w).(*os.File)
	if !ok {
		return os.ErrInvalid
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// Color reports whether text for w is to have colors. The user's choice is "always", "never" or "auto", which gives
// them to a terminal, unless NO_COLOR is set (no-color.org) or TERM is "dumb".
func Color(w io.Writer, choice string) bool {
	if choice == "auto" {
		return MovesCursor(w) && os.Getenv("NO_COLOR") == ""
	}
	return choice == "always"
}

// UTF8 reports whether the locale's character set is UTF-8 (POSIX, Internationalization Variables).
func UTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ToUpper(value)
			return strings.Contains(value, "UTF-8") || strings.Contains(value, "UTF8")
		}
	}
	return false
}
