//go:build linux

package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
)

// targets are those of a run: the arguments, and after them the lines of a file. Each is judged before the first is handed
// out. It may be used by several goroutines.
type targets struct {
	count int // how many there are

	mu    sync.Mutex
	given int // how many were handed out
	args  []target
	lines *bufio.Scanner // of those left in the file; nil without one
	name  string         // of the file
	line  int            // number of the line read last
	file  io.Closer
	err   error
}

// longestLine is how long a line of a file may be, in octets: a name has at most 253.
const longestLine = 4096

// openTargets judges all targets, of which there may be no more than most (0: any number). name is that of a file with
// a target a line; "-" is stdin, and "" is none.
func openTargets(args []string, name string, stdin io.Reader, most int) (*targets, error) {
	t := &targets{name: name}
	for _, text := range args {
		parsed, err := parseTarget(text)
		if err != nil {
			return nil, err
		}
		t.args = append(t.args, parsed)
	}
	t.count = len(args)
	if name != "" {
		if err := t.open(stdin); err != nil {
			return nil, err
		}
	}
	switch {
	case t.count == 0 && name != "":
		return nil, errors.Join(exit.UsageError("%s has no target in it", t.source()), t.close())
	case most > 0 && t.count > most:
		return nil, errors.Join(exit.UsageError("%d targets are more than --max-targets %d: raise it if they are all meant", t.count, most), t.close())
	}
	return t, nil
}

// open reads the file once from the beginning to the end, and is then at its beginning again. What cannot be read twice is
// kept.
func (t *targets) open(stdin io.Reader) error {
	var content io.ReadSeeker
	if t.name == "-" {
		all, err := io.ReadAll(stdin)
		if err != nil {
			return exit.With(exit.System, fmt.Errorf("cannot read stdin: %w", err))
		}
		content = bytes.NewReader(all)
	} else {
		file, err := os.Open(t.name)
		if err != nil {
			return exit.UsageError("--targets: %v", err)
		}
		t.file, content = file, file
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			all, err := io.ReadAll(file)
			if err != nil {
				return exit.UsageError("--targets: %v", err)
			}
			content = bytes.NewReader(all)
		}
	}
	t.read(content)
	for {
		_, ok, err := t.nextLine()
		if err != nil {
			return errors.Join(err, t.close())
		}
		if !ok {
			break
		}
		t.count++
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return exit.With(exit.System, err)
	}
	t.read(content)
	return nil
}

func (t *targets) read(r io.Reader) {
	t.lines = bufio.NewScanner(r)
	t.lines.Buffer(make([]byte, 0, longestLine), longestLine)
	t.line = 0
}

// source is what the file is called in messages.
func (t *targets) source() string {
	if t.name == "-" {
		return "stdin"
	}
	return report.Printable(t.name)
}

// nextLine returns the target of the next line that has one.
func (t *targets) nextLine() (target, bool, error) {
	for t.lines.Scan() {
		t.line++
		text, _, _ := bytes.Cut(t.lines.Bytes(), []byte("#"))
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		parsed, err := parseTarget(string(text))
		if err != nil {
			return target{}, false, exit.UsageError("%s line %d: %v", t.source(), t.line, err)
		}
		return parsed, true, nil
	}
	if err := t.lines.Err(); err != nil {
		return target{}, false, exit.UsageError("%s line %d: %v", t.source(), t.line+1, err)
	}
	return target{}, false, nil
}

// next returns the next target, if there is one left.
func (t *targets) next() (target, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.args) > 0 {
		first := t.args[0]
		t.args = t.args[1:]
		t.given++
		return first, true
	}
	if t.lines == nil || t.err != nil {
		return target{}, false
	}
	var parsed target
	var ok bool
	if parsed, ok, t.err = t.nextLine(); ok {
		t.given++
	}
	return parsed, ok
}

// left returns how many targets were not handed out.
func (t *targets) left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count - t.given
}

// example returns the first target as the user wrote it, for messages.
func (t *targets) example() string {
	if len(t.args) > 0 {
		return t.args[0].text
	}
	return "--targets " + t.name
}

// close closes the file, and returns what went wrong with it since it was judged.
func (t *targets) close() error {
	if t.file != nil {
		t.file.Close()
	}
	return t.err
}

// quickTarget reads what most lines of a long file are, an address and a number, without the detours of a name.
func quickTarget(text string) (target, bool) {
	host, digits, ok := strings.Cut(text, ":")
	if !ok || len(digits) > 5 {
		return target{}, false
	}
	port := 0
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return target{}, false
		}
		port = 10*port + int(d-'0')
	}
	if port < 1 || port > 65535 {
		return target{}, false
	}
	address, err := netip.ParseAddr(host)
	if err != nil || unicast(address) != nil {
		return target{}, false
	}
	return target{text: text, host: host, port: uint16(port), address: address}, true
}
