package openfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// A NotRegularError says that something has a file's name and is none: a folder, a device, a named pipe.
type NotRegularError struct{ Name string }

func (e *NotRegularError) Error() string { return e.Name + " is no regular file" }

// Regular opens a regular file for reading. It does not wait for the writer of a named pipe: the error is a *NotRegularError then, or
// an *fs.PathError.
func Regular(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{name}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
