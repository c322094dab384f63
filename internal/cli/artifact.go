//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/diagram"
	"tcpprobe/probe"
)

// artifacts are the files that a run writes beside its results.
type artifacts struct {
	views []view
	files []*artifact
}

// artifact is one of them.
type artifact struct {
	output
	name string
	file *os.File // nil for stdout
}

// openArtifacts creates the files that the flags ask for.
func openArtifacts(stdout io.Writer, version string, o options) (*artifacts, error) {
	a := &artifacts{}
	if o.pcap != "" {
		file, err := a.create(o.pcap, stdout)
		if err != nil {
			return nil, err
		}
		format := capture.PCAPNG
		if strings.HasSuffix(o.pcap, ".pcap") {
			format = capture.PCAP
		}
		packets, err := capture.NewWriter(file, format, capture.Info{
			Application: "tcpprobe " + version, OS: system(), Filter: "arp or icmp or tcp",
		})
		if err != nil {
			return nil, a.close()
		}
		a.views = append(a.views, captureView{packets})
	}
	if o.diagram != "" {
		file, err := a.create(o.diagram, stdout)
		if err != nil {
			return nil, errors.Join(err, a.close())
		}
		a.views = append(a.views, finalView(func(r *probe.Result) { diagram.SVG(file, diagram.Handshake(r), diagram.Options{ToScale: o.toScale}) }))
	}
	return a, nil
}

// create opens a file to write to; "-" is stdout.
func (a *artifacts) create(name string, stdout io.Writer) (*artifact, error) {
	file := &artifact{name: name}
	if name == "-" {
		file.output.w = stdout
	} else {
		f, err := os.Create(name)
		if err != nil {
			return nil, err
		}
		file.file, file.output.w = f, f
	}
	a.files = append(a.files, file)
	return file, nil
}

// failed reports whether something could not be written.
func (a *artifacts) failed() bool {
	for _, f := range a.files {
		if f.err != nil {
			return true
		}
	}
	return false
}

// close closes the files, and returns an error if one of them is not as it should be.
func (a *artifacts) close() error {
	var errs []error
	for _, f := range a.files {
		if f.file != nil {
			if err := f.file.Close(); f.err == nil {
				f.err = err
			}
		}
		errs = append(errs, f.failure())
	}
	return errors.Join(errs...)
}

// failure returns why the file could not be written, or nil.
func (a *artifact) failure() error {
	if a.err == nil {
		return nil
	}
	return fmt.Errorf("cannot write %s: %w", a.name, a.err)
}

// system returns the name and the release of the operating system.
func system() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "Linux"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
