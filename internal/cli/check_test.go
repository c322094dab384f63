//go:build linux

package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"tcpprobe/internal/nagios"
	"tcpprobe/internal/netlab/labtest"
)

// TestCheckInterrupted: who ends the plugin learns nothing of the target.
func TestCheckInterrupted(t *testing.T) {
	labtest.Need(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout bytes.Buffer
	code := runCheck(ctx, "1.2.3", []string{"-H", "127.0.0.1", "-p", "1", "--no-sandbox"}, &stdout)
	if s := stdout.String(); code != int(nagios.Unknown) || !strings.HasPrefix(s, "TCPPROBE UNKNOWN - ") || !strings.Contains(s, "interrupted") {
		t.Errorf("exit code %d, stdout %q; want UNKNOWN", code, s)
	}
}
