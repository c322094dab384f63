//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/listen"
	"tcpprobe/internal/openfile"
	"tcpprobe/internal/text"
)

// open opens what is to be read.
func (o readingOptions) open(c *cli.Context) (*source, error) {
	if o.iface != "" {
		return openInterface(c.Context, o.iface)
	}
	return openCapture(c.Context, o.files[0], c.App.Reader)
}

// source is what is read.
type source struct {
	name  string
	input io.Reader
	file  *os.File // nil for stdin
	live  bool     // more of it comes as time passes

	listener *listen.Listener // where an interface is read; nil otherwise
}

// packets are what is in a source, one after the other.
type packets interface {
	Next(p *capfile.Packet) error // io.EOF behind the last one
}

// begin reads the beginning of a file.
func (s *source) begin() (packets, error) {
	if s.listener != nil {
		return s.listener, nil
	}
	return capfile.NewReader(s.input)
}

// dropped returns how many packets are known to have been lost where they were captured. No more are read from then on.
func (s *source) dropped(p packets) (n uint64) {
	if s.listener != nil {
		n, _ = s.listener.Drops() // of those that were counted before it failed
		return n
	}
	for _, i := range p.(*capfile.Reader).Interfaces() {
		n += i.Dropped
	}
	return n
}

// openToRead opens a file. A named pipe that nobody writes to is waited for until the context ends.
func openToRead(ctx context.Context, name string) (*os.File, error) {
	f, err := openfile.Await(ctx, func() (*os.File, error) { return os.Open(name) })
	if _, failed := errors.AsType[*os.PathError](err); failed {
		return nil, exit.With(exit.Unreadable, err)
	}
	if err != nil {
		return nil, &exit.Error{Code: exit.Interrupted}
	}
	return f, nil
}

// openCapture opens a file, which is waited for until the context ends if it is a named pipe; "-" is stdin.
func openCapture(ctx context.Context, name string, stdin io.Reader) (*source, error) {
	if name == "-" {
		return &source{name: "stdin", input: stdin, live: !isRegular(stdin)}, nil
	}
	f, err := openToRead(ctx, name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, exit.With(exit.Unreadable, fmt.Errorf("%s is a directory", text.Printable(name)))
	}
	return &source{name: name, input: f, file: f, live: !isRegular(f)}, nil
}

// openInterface begins to listen on an interface, until the context ends.
func openInterface(ctx context.Context, name string) (*source, error) {
	l, err := listen.Open(ctx, name)
	if err != nil {
		return nil, notOpened(err)
	}
	return &source{name: name, live: true, listener: l}, nil
}

// isRegular reports whether something is a regular file, which is there as a whole.
func isRegular(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return true
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Close closes what was read.
func (s *source) Close() error {
	if s.listener != nil {
		return s.listener.Close()
	}
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
