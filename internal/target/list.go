package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"tcpprobe/internal/text"
)

// List is the targets of a run: those of the arguments, and after them those of the lines of a file. All are valid when it is
// opened. Next and Remaining may be called by several goroutines.
type List struct {
	length int

	mu    sync.Mutex
	taken int // how many Next returned
	args  []set
	now   set         // that Next is at
	at    int         // how many of its targets Next returned
	lines *lineReader // of those left in the file; nil without one
	name  string      // of the file
	file  io.Closer
	err   error
	rules Rules
}

// ReadError is the error of a list that could not be read, which is a fault of the system and not of what stands in it.
type ReadError struct {
	Source string // a printable name
	Err    error
}

// Error returns a line.
func (e *ReadError) Error() string { return fmt.Sprintf("cannot read %s: %v", e.Source, e.Err) }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// Open parses all targets, of which there may be no more than most (0: any number): no more than those are read. An argument or
// a line may stand for many: each address of a prefix with each port of a list. File is the name of a file with lines of them,
// "-" for stdin or "" for none; # begins a comment, and a byte order mark is no part of the first line. The error is a line for
// the user, about what is wrong in the arguments or in the file, or it is a *ReadError, or that of the context, if it ends while
// the file is read.
func Open(ctx context.Context, args []string, file string, stdin io.Reader, most int) (*List, error) {
	return Rules{}.Open(ctx, args, file, stdin, most)
}

// Open is the function of that name, by the rules.
func (r Rules) Open(ctx context.Context, args []string, file string, stdin io.Reader, most int) (*List, error) {
	l := &List{name: file, rules: r}
	for i, arg := range args {
		parsed, err := r.parse(arg)
		if err != nil && i+1 < len(args) && isHostAndPort(arg, args[i+1]) {
			_, err = parseSet(arg + " " + args[i+1])
		}
		if err == nil {
			err = l.count(parsed, most)
		}
		if err != nil {
			return nil, err
		}
		l.args = append(l.args, parsed)
	}
	if file == "" {
		return l, nil
	}
	// Opening and reading may take for ever, as they do with a pipe that nobody writes to.
	read := make(chan error, 1)
	go func() {
		err := l.open(stdin, most)
		if err == nil && l.length == 0 {
			err = fmt.Errorf("%s has no target in it", l.source())
		}
		if err != nil {
			err = errors.Join(err, l.Close())
		}
		read <- err
	}()
	select {
	case err := <-read:
		if err != nil {
			return nil, err
		}
		return l, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// count counts the targets of a set. It returns an error if there are more than most by then, and most is not 0.
func (l *List) count(s set, most int) error {
	if most == 0 {
		most = math.MaxInt
	}
	if s.count > most-l.length {
		return fmt.Errorf("there are more than %d targets: raise --max-targets if they are all meant", most)
	}
	l.length += s.count
	return nil
}

// Len returns how many targets there are.
func (l *List) Len() int { return l.length }

// open reads the file once from the beginning to the end, and is then at its beginning again. Of what cannot be read twice
// the targets are kept.
func (l *List) open(stdin io.Reader, most int) error {
	if l.name == "-" {
		return l.keep(stdin, most)
	}
	file, err := os.Open(l.name)
	if err != nil {
		return fmt.Errorf("--targets: %w", err)
	}
	l.file = file
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return l.keep(file, most)
	}
	if err := l.check(newLineReader(file), most, func(string) {}); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return &ReadError{l.source(), err}
	}
	l.lines = newLineReader(file)
	return nil
}

// keep checks what cannot be read twice, and keeps its targets.
func (l *List) keep(r io.Reader, most int) error {
	var kept bytes.Buffer
	err := l.check(newLineReader(r), most, func(line string) {
		kept.WriteString(line)
		kept.WriteByte('\n')
	})
	l.lines = newLineReader(&kept)
	return err
}

// check counts the targets of lines up to the first that is wrong, or one too many, and hands each to take.
func (l *List) check(lines *lineReader, most int, take func(line string)) error {
	for {
		parsed, line, err := l.nextLine(lines)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		take(line)
		if err := l.count(parsed, most); err != nil {
			return err
		}
	}
}

// source is what the file is called in messages.
func (l *List) source() string {
	if l.name == "-" {
		return "stdin"
	}
	return text.Printable(l.name)
}

// nextLine returns the targets of the next line that has any, and its text; after the last the error is io.EOF.
func (l *List) nextLine(lines *lineReader) (set, string, error) {
	line, err := lines.next()
	switch {
	case err == io.EOF:
		return set{}, "", io.EOF
	case errors.Is(err, errLongLine), errors.Is(err, errUTF16):
		return set{}, "", fmt.Errorf("%s line %d: %w", l.source(), lines.number, err)
	case err != nil && l.name == "-":
		return set{}, "", &ReadError{l.source(), err}
	case err != nil:
		return set{}, "", fmt.Errorf("--targets: %w", err)
	}
	parsed, err := l.rules.parse(line)
	if err != nil {
		return set{}, "", fmt.Errorf("%s line %d: %w", l.source(), lines.number, err)
	}
	return parsed, line, nil
}

// Next returns the next target, or false if there is none left, or the file has changed and cannot be read any more: then
// Close says so.
func (l *List) Next() (Target, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == l.now.count {
		next, ok := l.nextSet()
		if !ok {
			return Target{}, false
		}
		l.now, l.at = next, 0
	}
	t := l.now.at(l.at)
	l.at++
	l.taken++
	return t, true
}

// nextSet returns the set behind the present one, of the arguments or of the file.
func (l *List) nextSet() (set, bool) {
	if len(l.args) > 0 {
		first := l.args[0]
		l.args = l.args[1:]
		return first, true
	}
	if l.lines == nil || l.err != nil {
		return set{}, false
	}
	parsed, _, err := l.nextLine(l.lines)
	if err != nil && err != io.EOF {
		l.err = err
	}
	return parsed, err == nil
}

// Remaining returns how many targets Next has not returned yet.
func (l *List) Remaining() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.length - l.taken
}

// Argument returns what of the command line names the targets, for messages: the first target, or the flag with the file.
func (l *List) Argument() string {
	if len(l.args) > 0 {
		return l.args[0].first.Text
	}
	return "--targets " + l.name
}

// Close closes the file, and returns what went wrong with it since it was opened.
func (l *List) Close() error {
	if l.file != nil {
		l.err = errors.Join(l.err, l.file.Close())
		l.file = nil
	}
	return l.err
}
