package display

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/diagram"
	"tcpprobe/internal/openfile"
	"tcpprobe/probe"
)

// Files are those that a run writes beside its results.
type Files struct {
	capture *capture.Writer // nil if none is wanted
	diagram io.Writer       // nil if none is wanted
	options diagram.Options
	files   []file
}

// file is one of them.
type file struct {
	name   string
	output *Output
	closer *os.File // nil for stdout
}

// FileOptions say which files are wanted. "-" is stdout, and nothing is none.
type FileOptions struct {
	Capture string // of the packets
	Diagram string // of the handshake
	ToScale bool   // the diagram's time
	Program string // that writes the capture, and its version
}

// OpenFiles creates the files that are wanted. They are written through the queue of stdout. A named pipe is waited for until
// somebody reads it, or the context ends.
func OpenFiles(ctx context.Context, stdout *Output, o FileOptions) (*Files, error) {
	f := &Files{options: diagram.Options{ToScale: o.ToScale}}
	if err := f.open(ctx, stdout, o); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Files) open(ctx context.Context, stdout *Output, o FileOptions) error {
	if o.Capture != "" {
		out, err := f.create(ctx, o.Capture, stdout)
		if err != nil {
			return err
		}
		format := capture.PCAPNG
		if strings.HasSuffix(o.Capture, ".pcap") {
			format = capture.PCAP
		}
		f.capture, err = capture.NewWriter(out, format, capture.Info{
			Application: o.Program, OS: system(), Filter: "arp or icmp or tcp",
		})
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", o.Capture, err)
		}
	}
	if o.Diagram != "" {
		out, err := f.create(ctx, o.Diagram, stdout)
		if err != nil {
			return err
		}
		f.diagram = out
	}
	return nil
}

// views returns the views of handshakes that the files are.
func (f *Files) views() (views []view) {
	if f.capture != nil {
		views = append(views, captureView{f.capture})
	}
	if f.diagram != nil {
		views = append(views, finalView(func(r *probe.Result) { f.draw(diagram.Handshake(r)) }))
	}
	return views
}

// draw draws the diagram, if one is wanted.
func (f *Files) draw(s *diagram.Scene) {
	if f.diagram != nil {
		diagram.SVG(f.diagram, s, f.options)
	}
}

// create opens a file to write to; "-" is stdout.
func (f *Files) create(ctx context.Context, name string, stdout *Output) (*Output, error) {
	if name == "-" {
		f.files = append(f.files, file{name: name, output: stdout})
		return stdout, nil
	}
	created, err := openToWrite(ctx, name)
	if err != nil {
		return nil, err
	}
	out := stdout.queue.To(created)
	f.files = append(f.files, file{name, out, created})
	return out, nil
}

// openToWrite creates or truncates a file and opens it for writing alone: for reading too, a pipe would open without a reader,
// and be written to for nobody.
func openToWrite(ctx context.Context, name string) (*os.File, error) {
	created, err := openfile.Await(ctx, func() (*os.File, error) {
		return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	})
	if _, failed := errors.AsType[*os.PathError](err); err != nil && !failed {
		err = fmt.Errorf("open %s: %w", name, err)
	}
	return created, err
}

// Close closes the files, when the queue has handed everything on, and returns an error if one of them is not as it should
// be.
func (f *Files) Close() error {
	var errs []error
	for _, file := range f.files {
		err := file.output.Err()
		if file.closer != nil {
			if closing := file.closer.Close(); err == nil {
				err = closing
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot write %s: %w", file.name, err))
		}
	}
	return errors.Join(errs...)
}

// system returns the name and the release of the operating system.
func system() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "Linux"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
