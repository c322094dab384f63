package target

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"sync"

	"tcpprobe/internal/openfile"
	"tcpprobe/internal/text"
)

// List is the targets of a run: those of the arguments, and after them those of the lines of a file. All are valid when it is
// opened. Next and Remaining may be called by several goroutines.
type List struct {
	length   int       // of what is taken in this run
	all      int       // targets that were found, before a shard was taken of them
	excluded int       // of the targets
	content  hash.Hash // what the targets are made of

	mu     sync.Mutex
	taken  int // how many Next returned
	args   []set
	now    selected     // that Next is at
	start  int          // the place of its first target
	seen   int          // targets up to the end of its set, before a shard is taken of them
	next   int          // the place of the target behind those that were taken so far, but for those that are taken again
	again  []int        // places in front of that, in order, that a run broken off before has left undone
	undone map[int]bool // places of targets that were taken and are not done; nil if nobody wants to know
	lines  *lineReader  // of those left in the file; nil without one
	name   string       // of the file
	file   io.Closer
	err    error
	rules  Rules
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
	l := &List{name: file, rules: r, content: sha256.New()}
	fmt.Fprintln(l.content, r.Selection.Exclude, r.Selection.Shard)
	for i, arg := range args {
		parsed, err := r.parse(arg)
		if err != nil && i+1 < len(args) && isHostAndPort(arg, args[i+1]) {
			_, err = parseSet(arg + " " + args[i+1])
		}
		if err == nil {
			parsed, err = l.count(parsed, arg, most)
		}
		if err != nil {
			return nil, err
		}
		l.args = append(l.args, parsed)
	}
	if file == "" {
		return l, l.checkSelection()
	}
	return openfile.Await(ctx, func() (*List, error) {
		err := l.open(stdin, most)
		if err == nil && l.all+l.excluded == 0 {
			err = fmt.Errorf("%s has no target in it", l.source())
		}
		if err == nil {
			err = l.checkSelection()
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		return l, nil
	})
}

// count counts the targets of a set, which stand in a line or an argument, and returns it without what is left out. It returns an
// error if more than most are to be taken by then, and most is not 0.
func (l *List) count(of set, line string, most int) (set, error) {
	if most == 0 {
		most = math.MaxInt
	}
	fmt.Fprintln(l.content, line)
	s := l.rules.Selection.without(of)
	_, _, members := l.rules.Selection.Shard.within(l.all, s.count)
	if members > most-l.length || s.count > math.MaxInt-l.all {
		return set{}, fmt.Errorf("there are more than %d targets: raise --max-targets if they are all meant", most)
	}
	l.all += s.count
	l.excluded += of.count - s.count
	l.length += members
	return s, nil
}

// checkSelection returns an error if nothing is left to be taken of targets that there were.
func (l *List) checkSelection() error {
	shard := l.rules.Selection.Shard
	switch {
	case l.length > 0 || l.all+l.excluded == 0:
		return nil
	case l.all == 0:
		return errors.New("--exclude leaves no target")
	}
	return fmt.Errorf("shard %d/%d of %s is empty", shard.Index+1, shard.Of, text.Count(l.all, "target"))
}

// Len returns how many targets are taken, in this run.
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
	lines := new(kept)
	err := l.check(newLineReader(r), most, lines.add)
	l.lines = newLineReader(lines)
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
		if _, err := l.count(parsed, line, most); err != nil {
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
	t, _, ok := l.Take()
	return t, ok
}

// Take is Next, and returns the place of the target among all, for Done.
func (l *List) Take() (t Target, place int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place = l.next
	if len(l.again) > 0 {
		place = l.again[0]
	}
	for place >= l.start+l.now.count {
		following, ok := l.nextSet()
		if !ok {
			return Target{}, 0, false
		}
		l.start += l.now.count
		l.now = l.rules.Selection.of(following, l.seen)
		l.seen += following.count
	}
	if len(l.again) > 0 {
		l.again = l.again[1:]
	} else {
		l.next++
	}
	l.taken++
	if l.undone != nil {
		l.undone[place] = true
	}
	return l.now.at(place - l.start), place, true
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
	return l.rules.Selection.without(parsed), err == nil
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
