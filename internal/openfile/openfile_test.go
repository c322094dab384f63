package openfile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/openfile"
)

// TestRegular: what is no regular file is refused by its name, and a named pipe is not waited for.
func TestRegular(t *testing.T) {
	dir := t.TempDir()
	pipe, regular := filepath.Join(dir, "pipe"), filepath.Join(dir, "regular")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(regular, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, pipe, os.DevNull} {
		_, err := openfile.Regular(name)
		if other, ok := errors.AsType[*openfile.NotRegularError](err); !ok || other.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := openfile.Regular(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	f, err := openfile.Regular(regular)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestAwait: the end of the context ends the wait for a pipe that nobody writes to, and its cause is the error.
func TestAwait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if f, err := openfile.Await(ctx, func() (*os.File, error) { return os.Open(pipe) }); f != nil || err != enough {
		t.Errorf("%v, %v", f, err)
	}
	if n, err := openfile.Await(t.Context(), func() (int, error) { return 7, enough }); n != 7 || err != enough {
		t.Errorf("%d, %v", n, err)
	}
}
