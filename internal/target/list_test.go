package target_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

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
		l, err := target.Open([]string{"a:1"}, file, strings.NewReader(someTargets), 4)
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
	l, err := target.Open(nil, "-", strings.NewReader("c:443"), 0)
	if err != nil || l.Argument() != "--targets -" {
		t.Errorf("%v, %s", err, l.Argument())
	}
}

// TestLongComment: a comment may be longer than a line, behind a target and by itself, and lines are counted all the same.
func TestLongComment(t *testing.T) {
	comment := "#" + strings.Repeat(" long # ", 5000)
	file := comment + "\na:1 " + comment + "\r\n\nb:2\n" + comment
	l, err := target.Open(nil, "-", strings.NewReader(file), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drain(l), []string{"a:1", "b:2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := target.Open(nil, "-", strings.NewReader(comment+"\n"+comment+"\nc\n"), 0); err == nil || !strings.Contains(err.Error(), "stdin line 3: target c") {
		t.Errorf("%v, want one about line 3", err)
	}
	if _, err := target.Open(nil, "-", strings.NewReader("a:1\n"+strings.Repeat("a", 5000)+comment), 0); err == nil || !strings.Contains(err.Error(), "stdin line 2") {
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
	l, err := target.Open(nil, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drain(l), []string{"192.0.2.1:80", "b:http", "c:443"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestListConcurrently(t *testing.T) {
	l, err := target.Open([]string{"a:1", "b:1"}, writeFile(t, strings.Repeat("192.0.2.1:80\n", 998)), nil, 0)
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
		{"too many", []string{"a:1"}, "-", strings.NewReader("b:1\nc:1\nd:1"), "4 targets are more than --max-targets 3: raise it if they are all meant"},
		{"too many arguments", []string{"a:1", "b:1", "c:1", "d:1"}, "", nil, "4 targets are more than --max-targets 3: raise it if they are all meant"},
		{"stdin fails", nil, "-", failingReader{}, "cannot read stdin: input/output error"},
		{"a directory", nil, t.TempDir(), nil, "is a directory"},
		{"no file", nil, "/nowhere/\x1b", nil, "no such file or directory"},
	} {
		l, err := target.Open(test.args, test.file, test.stdin, 3)
		if l != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
		_, unreadable := errors.AsType[*target.ReadError](err)
		if want := test.name == "stdin fails"; unreadable != want {
			t.Errorf("%s: a ReadError: %v, want %v", test.name, unreadable, want)
		}
	}
	_, err := target.Open(nil, "/nowhere/file", nil, 0)
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
			if _, err := target.Open(nil, file, nil, 1); err == nil {
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
	l, err := target.Open(nil, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.Repeat("nonsense no \n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := drain(l); len(got) != 0 {
		t.Errorf("%d targets", len(got))
	}
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "line 1: target nonsense no: the port is missing") {
		t.Errorf("Close: %v", err)
	}
}
