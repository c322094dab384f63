package target_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/target"
)

// writeFile returns the name of a file with a content.
func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "targets")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// drain returns the targets of a list as they were written.
func drain(l *target.List) (texts []string) {
	for one, ok := l.Next(); ok; one, ok = l.Next() {
		texts = append(texts, one.Text)
	}
	return texts
}

const someTargets = "# comment\n\n 192.0.2.1:80 # behind it\r\n\tb:http\nc:443"

func TestList(t *testing.T) {
	want := []string{"a:1", "192.0.2.1:80", "b:http", "c:443"}
	for name, file := range map[string]string{"file": writeFile(t, someTargets), "stdin": "-"} {
		l, err := target.Open(t.Context(), []string{"a:1"}, file, strings.NewReader(someTargets), 4)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if l.Len() != 4 || l.Remaining() != 4 || l.Argument() != "a:1" {
			t.Errorf("%s: length %d, %d remain, %s", name, l.Len(), l.Remaining(), l.Argument())
		}
		if got := drain(l); !slices.Equal(got, want) || l.Remaining() != 0 {
			t.Errorf("%s: %q, want %q; %d remain", name, got, want, l.Remaining())
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := target.Open(t.Context(), nil, "-", strings.NewReader("c:443"), 0)
	if err != nil || l.Argument() != "--targets -" {
		t.Errorf("%v, %s", err, l.Argument())
	}
}

// TestLongComment: a comment may be longer than a line, behind a target and by itself, and lines are counted all the same.
func TestLongComment(t *testing.T) {
	comment := "#" + strings.Repeat(" long # ", 5000)
	file := comment + "\na:1 " + comment + "\r\n\nb:2\n" + comment
	l, err := target.Open(t.Context(), nil, "-", strings.NewReader(file), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drain(l), []string{"a:1", "b:2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := target.Open(t.Context(), nil, "-", strings.NewReader(comment+"\n"+comment+"\nc\n"), 0); err == nil || !strings.Contains(err.Error(), "stdin line 3: target c") {
		t.Errorf("%v, want one about line 3", err)
	}
	if _, err := target.Open(t.Context(), nil, "-", strings.NewReader("a:1\n"+strings.Repeat("a", 5000)+comment), 0); err == nil || !strings.Contains(err.Error(), "stdin line 2") {
		t.Errorf("%v, want one about line 2", err)
	}
}

// TestListFromPipe: what cannot be read twice is kept.
func TestListFromPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	go os.WriteFile(name, []byte(someTargets), 0)
	l, err := target.Open(t.Context(), nil, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drain(l), []string{"192.0.2.1:80", "b:http", "c:443"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestListConcurrently(t *testing.T) {
	l, err := target.Open(t.Context(), []string{"a:1", "b:1"}, writeFile(t, strings.Repeat("192.0.2.1:80\n", 998)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	counts := make([]int, 4)
	for i := range counts {
		wg.Go(func() { counts[i] = len(drain(l)) })
	}
	wg.Wait()
	if sum := counts[0] + counts[1] + counts[2] + counts[3]; sum != 1000 || l.Remaining() != 0 {
		t.Errorf("%v are %d of 1000, and %d remain", counts, sum, l.Remaining())
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, syscall.EIO }

func TestListErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  []string
		file  string
		stdin io.Reader
		want  string
	}{
		{"argument", []string{"a:1", "b"}, "", nil, "target b: the port is missing, as in b:80"},
		{"line", nil, "-", strings.NewReader("a:1\n\nb\n"), "stdin line 3: target b: the port is missing, as in b:80"},
		{"nothing", nil, "-", strings.NewReader("# nothing"), "stdin has no target in it"},
		{"too many", []string{"a:1"}, "-", strings.NewReader("b:1\nc:1\nd:1"), "there are more than 3 targets: raise --max-targets if they are all meant"},
		{"too many arguments", []string{"a:1", "b:1", "c:1", "d:1"}, "", nil, "there are more than 3 targets: raise --max-targets if they are all meant"},
		{"stdin fails", nil, "-", failingReader{}, "cannot read stdin: input/output error"},
		{"a directory", nil, t.TempDir(), nil, "is a directory"},
		{"a long line", nil, "-", strings.NewReader("a:1\n" + strings.Repeat("x", 5000) + ":80\n"), "stdin line 2: it is longer than 4096 octets"},
		{"no file", nil, "/nowhere/\x1b", nil, "no such file or directory"},
	} {
		l, err := target.Open(t.Context(), test.args, test.file, test.stdin, 3)
		if l != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
		_, unreadable := errors.AsType[*target.ReadError](err)
		if want := test.name == "stdin fails"; unreadable != want {
			t.Errorf("%s: a ReadError: %v, want %v", test.name, unreadable, want)
		}
	}
	_, err := target.Open(t.Context(), nil, "/nowhere/file", nil, 0)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v has lost its cause", err)
	}
}

// TestListClosesFiles: none is left open by a list that is refused.
func TestListClosesFiles(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	files := []string{writeFile(t, "b"), writeFile(t, "# nothing"), writeFile(t, "a:1\nb:1\n"), t.TempDir()}
	before := descriptors()
	for _, file := range files {
		for range 3 {
			if _, err := target.Open(t.Context(), nil, file, nil, 1); err == nil {
				t.Errorf("%s is taken", file)
			}
		}
	}
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors are open, there were %d", after, before)
	}
}

// TestListChanges: a file that is changed while the run lasts ends the list, and Close says why.
func TestListChanges(t *testing.T) {
	name := writeFile(t, strings.Repeat("192.0.2.1:80\n", 1000))
	l, err := target.Open(t.Context(), nil, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.Repeat("nonsense no \n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := drain(l); len(got) != 0 {
		t.Errorf("%d targets", len(got))
	}
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "line 1: target nonsense no: HOST:PORT is wanted") {
		t.Errorf("Close: %v", err)
	}
}

// TestListByteOrderMark: what editors put in front of a file is no part of its first line, comment or target.
func TestListByteOrderMark(t *testing.T) {
	for content, want := range map[string][]string{
		"\ufeff192.0.2.1:80\r\n":   {"192.0.2.1:80"},
		"\ufeff# hosts\r\na:1\r\n": {"a:1"},
		"\ufeff\na:1":              {"a:1"},
	} {
		for _, file := range []string{"-", writeFile(t, content)} {
			l, err := target.Open(t.Context(), nil, file, strings.NewReader(content), 0)
			if err != nil {
				t.Errorf("%q: %v", content, err)
				continue
			}
			if got := drain(l); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", content, got, want)
			}
		}
	}
}

// TestListLongComment: a comment is one at any length.
func TestListLongComment(t *testing.T) {
	content := "a:1 #" + strings.Repeat("x", 100_000) + "\n#" + strings.Repeat("b:1 ", 5000) + "\nc:1#" + strings.Repeat(" ", 4090)
	l, err := target.Open(t.Context(), nil, writeFile(t, content), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drain(l), []string{"a:1", "c:1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// endless is a stream of lines that never ends, and counts what was read of it.
type endless struct {
	line string
	read int
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n+len(e.line) <= len(b) {
		n += copy(b[n:], e.line)
	}
	e.read += n
	return n, nil
}

// TestListEndless: of a stream without end no more is read than what shows that there are too many targets.
func TestListEndless(t *testing.T) {
	stream := &endless{line: "192.0.2.1:80\n"}
	_, err := target.Open(t.Context(), []string{"a:1"}, "-", stream, 1000)
	if err == nil || !strings.Contains(err.Error(), "there are more than 1000 targets") {
		t.Errorf("%v", err)
	}
	if most := 1000*len(stream.line) + 2*4096; stream.read > most {
		t.Errorf("%d octets were read, want at most %d", stream.read, most)
	}
}

// TestListInterrupted: opening a pipe that nobody writes to, or reading comments for ever, ends with the context.
func TestListInterrupted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, open := range map[string]func(context.Context) (*target.List, error){
		"pipe":     func(ctx context.Context) (*target.List, error) { return target.Open(ctx, nil, name, nil, 0) },
		"comments": func(ctx context.Context) (*target.List, error) { return target.Open(ctx, nil, "-", newComments(t), 0) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		began := time.Now()
		if _, err := open(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %v", what, err, time.Since(began))
		}
		cancel()
	}
	// The one that waits for a writer is let go.
	if writer, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		writer.Close()
	}
}

// newComments returns a stream of comments that ends with the test.
func newComments(t *testing.T) io.Reader {
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	comments := &endless{line: "# nothing\n"}
	return readerFunc(func(b []byte) (int, error) {
		select {
		case <-ended:
			return 0, io.EOF
		default:
			return comments.Read(b)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestListFromLongPipe: the lines of a pipe are kept once, and none is lost where they are parted.
func TestListFromLongPipe(t *testing.T) {
	var lines strings.Builder
	var want []string
	for i := range 100_000 {
		one := fmt.Sprintf("h%d.%s:%d", i, strings.Repeat("x", i%40+1), i%65535+1)
		want = append(want, one)
		fmt.Fprintf(&lines, "  %s # %d\n", one, i)
	}
	l, err := target.Open(t.Context(), nil, "-", strings.NewReader(lines.String()), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := drain(l); !slices.Equal(got, want) {
		t.Errorf("%d targets, of %d", len(got), len(want))
	}
}
