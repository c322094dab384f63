package serve_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/serve"
)

// TestConfigurationIsNoPipe: what is read again has to be a file that can be, and nobody waits for the writer of a named pipe.
func TestConfigurationIsNoPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (serve.Files{Config: pipe}).Load(nil); err == nil || !strings.HasSuffix(err.Error(), "pipe is no regular file") {
		t.Errorf("%v", err)
	}
	if err := serve.CheckWebConfig(pipe); err == nil || !strings.HasSuffix(err.Error(), "pipe is no regular file") {
		t.Errorf("%v", err)
	}
}
