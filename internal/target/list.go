package target

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"tcpprobe/internal/text"
)

// List is the targets of a run: the arguments, and after them the lines of a file. All are valid when it is opened. Next and
// Remaining may be called by several goroutines.
type List struct {
	length int

	mu    sync.Mutex
	taken int // how many Next returned
	args  []Target
	lines *bufio.Scanner // of those left in the file; nil without one
	name  string         // of the file
	line  int            // number of the line read last
	file  io.Closer
	err   error
}

// longestLine is how long a line of a file may be without its comment, in octets: a name has at most 253.
const longestLine = 4096

// NewList returns a list of targets that were parsed before.
func NewList(targets ...Target) *List { return &List{length: len(targets), args: targets} }

// ReadError is the error of a list that could not be read, which is a fault of the system and not of what stands in it.
type ReadError struct {
	Source string // a printable name
	Err    error
}

// Error returns a line.
func (e *ReadError) Error() string { return fmt.Sprintf("cannot read %s: %v", e.Source, e.Err) }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// Open parses all targets, of which there may be no more than most (0: any number). File is the name of a file with a target
// a line, "-" for stdin or "" for none; # begins a comment. The error is a line for the user, about what is wrong in the
// arguments or in the file, or it is a *ReadError.
func Open(args []string, file string, stdin io.Reader, most int) (*List, error) {
	t := &List{name: file}
	for _, arg := range args {
		parsed, err := Parse(arg)
		if err != nil {
			return nil, err
		}
		t.args = append(t.args, parsed)
	}
	t.length = len(args)
	if file != "" {
		if err := t.open(stdin); err != nil {
			return nil, err
		}
	}
	switch {
	case t.length == 0 && file != "":
		return nil, errors.Join(fmt.Errorf("%s has no target in it", t.source()), t.Close())
	case most > 0 && t.length > most:
		return nil, errors.Join(fmt.Errorf("%d targets are more than --max-targets %d: raise it if they are all meant", t.length, most), t.Close())
	}
	return t, nil
}

// Len returns how many targets there are.
func (t *List) Len() int { return t.length }

// open reads the file once from the beginning to the end, and is then at its beginning again. What cannot be read twice is
// kept.
func (t *List) open(stdin io.Reader) error {
	var content io.ReadSeeker
	if t.name == "-" {
		all, err := io.ReadAll(stdin)
		if err != nil {
			return &ReadError{t.source(), err}
		}
		content = bytes.NewReader(all)
	} else {
		file, err := os.Open(t.name)
		if err != nil {
			return fmt.Errorf("--targets: %w", err)
		}
		t.file, content = file, file
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			all, err := io.ReadAll(file)
			if err != nil {
				return errors.Join(fmt.Errorf("--targets: %w", err), t.Close())
			}
			content = bytes.NewReader(all)
		}
	}
	t.read(content)
	for {
		_, ok, err := t.nextLine()
		if err != nil {
			return errors.Join(err, t.Close())
		}
		if !ok {
			break
		}
		t.length++
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return errors.Join(&ReadError{t.source(), err}, t.Close())
	}
	t.read(content)
	return nil
}

// read goes on at the beginning of r.
func (t *List) read(r io.Reader) {
	t.lines = bufio.NewScanner(r)
	t.lines.Buffer(make([]byte, 0, longestLine), longestLine)
	t.lines.Split(new(uncommented).split)
	t.line = 0
}

// uncommented splits a file into lines without their comments, which may be longer than a line.
type uncommented struct{ comment bool } // the rest of the line is one

func (u *uncommented) split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if u.comment {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return len(data), nil, nil
		}
		u.comment = false
		advance, token, err = u.split(data[end+1:], atEOF) // at the end, a Scanner asks once more only if there was a token
		return end + 1 + advance, token, err
	}
	if i := bytes.IndexAny(data, "#\n"); i >= 0 && data[i] == '#' {
		u.comment = true
		return i + 1, data[:i], nil
	}
	return bufio.ScanLines(data, atEOF)
}

// source is what the file is called in messages.
func (t *List) source() string {
	if t.name == "-" {
		return "stdin"
	}
	return text.Printable(t.name)
}

// nextLine returns the target of the next line that has one.
func (t *List) nextLine() (Target, bool, error) {
	for t.lines.Scan() {
		t.line++
		line := bytes.TrimSpace(t.lines.Bytes())
		if len(line) == 0 {
			continue
		}
		parsed, err := Parse(string(line))
		if err != nil {
			return Target{}, false, fmt.Errorf("%s line %d: %w", t.source(), t.line, err)
		}
		return parsed, true, nil
	}
	if err := t.lines.Err(); err != nil {
		return Target{}, false, fmt.Errorf("%s line %d: %w", t.source(), t.line+1, err)
	}
	return Target{}, false, nil
}

// Next returns the next target, or false if there is none left, or the file has changed and cannot be read any more: then
// Close says so.
func (t *List) Next() (Target, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.args) > 0 {
		first := t.args[0]
		t.args = t.args[1:]
		t.taken++
		return first, true
	}
	if t.lines == nil || t.err != nil {
		return Target{}, false
	}
	var parsed Target
	var ok bool
	if parsed, ok, t.err = t.nextLine(); ok {
		t.taken++
	}
	return parsed, ok
}

// Remaining returns how many targets Next has not returned yet.
func (t *List) Remaining() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.length - t.taken
}

// Argument returns what of the command line names the targets, for messages: the first target, or the flag with the file.
func (t *List) Argument() string {
	if len(t.args) > 0 {
		return t.args[0].Text
	}
	return "--targets " + t.name
}

// Close closes the file, and returns what went wrong with it since it was opened.
func (t *List) Close() error {
	if t.file != nil {
		t.err = errors.Join(t.err, t.file.Close())
		t.file = nil
	}
	return t.err
}
