package watch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/diagram"
	"tcpprobe/probe"
)

// Files writes captures and diagrams into a folder. It overwrites nothing.
type Files struct {
	Folder  string
	Program string // that writes a capture, with its version
}

// Write writes what is kept whole of a target, and the path to it instead if that is not nil, and returns the names of the files.
func (f Files) Write(target string, e Evidence, p *Path) (string, error) {
	scene, results := sceneOf(e, p)
	if scene == nil {
		return "", errors.New("there is nothing to write yet")
	}
	begin := fmt.Sprintf("tcpprobe-%s-%s", plain(target), time.Now().Format("20060102-150405"))
	picture, err := f.create(begin, ".svg", func(w io.Writer) error { return diagram.SVG(w, scene, diagram.Options{}) })
	if err != nil || !hasOctets(results) {
		return picture, err
	}
	packets, err := f.create(begin, ".pcapng", func(w io.Writer) error { return f.capture(w, results) })
	return picture + " and " + packets, err
}

// sceneOf returns what is drawn, and the handshakes whose packets are written.
func sceneOf(e Evidence, p *Path) (*diagram.Scene, []*probe.Result) {
	switch {
	case p != nil && p.Flows != nil:
		return diagram.Flows(p.Flows), p.Results
	case p != nil && p.Trace != nil && len(p.Trace.Path()) > 0:
		return diagram.Trace(p.Trace), p.Results
	case e.Last == nil:
		return nil, nil
	case e.Failed == nil || e.Failed == e.Last:
		return diagram.Handshake(e.Last), []*probe.Result{e.Last}
	}
	return diagram.Handshake(e.Failed), []*probe.Result{e.Failed, e.Last}
}

// hasOctets reports whether there are packets to write: a recording keeps none, nor are there any of handshakes of the kernel's.
func hasOctets(results []*probe.Result) bool {
	for _, r := range results {
		for i := range r.Events {
			if len(r.Events[i].Octets) > 0 {
				return true
			}
		}
	}
	return false
}

// capture writes the packets of handshakes.
func (f Files) capture(w io.Writer, results []*probe.Result) error {
	c, err := capture.NewWriter(w, capture.PCAPNG, capture.Info{Application: f.Program})
	if err != nil {
		return err
	}
	for _, r := range results {
		for i := range r.Events {
			if err := c.Event(r, &r.Events[i]); err != nil {
				return err
			}
		}
		if err := c.Result(r); err != nil {
			return err
		}
	}
	return nil
}

// mostAlike is how many files may have names that begin alike.
const mostAlike = 100

// create writes a file that was not there before, and returns its name.
func (f Files) create(begin, end string, write func(io.Writer) error) (string, error) {
	for i := range mostAlike {
		name := filepath.Join(f.Folder, begin+end)
		if i > 0 {
			name = filepath.Join(f.Folder, fmt.Sprintf("%s-%d%s", begin, i+1, end))
		}
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return name, errors.Join(write(file), file.Close())
	}
	return "", fmt.Errorf("there are %d files %s%s already", mostAlike, begin, end)
}

// plain returns a target as part of the name of a file.
func plain(target string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, target)
}
