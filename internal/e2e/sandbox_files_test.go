//go:build linux

package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab/labtest"
)

// TestFilesReplaced: a file that is put in the place of another is read where the sandbox can allow for that, in a folder that a
// link points into. Elsewhere what was read before holds.
func TestFilesReplaced(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	must(t, n.Server.Address("eth0", netip.MustParsePrefix("10.3.0.81/24")))
	for name, test := range map[string]struct {
		file string // that has the names; /etc/hosts is a link to it, if it is another
		want string // the address in the end
	}{
		"in its place":    {"/etc/hosts", "10.3.0.80"},
		"behind the link": {"/etc/names/of/hosts", "10.3.0.81"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "--json", "-c=0", "-i=100ms", "--resolve-every=100ms", "web:80")
			cmd.Env = programEnv()
			stdout, err := cmd.StdoutPipe()
			must(t, err)
			must(t, n.Client.Do(func() error {
				if err := ownEtc(func() error {
					if err := os.MkdirAll(filepath.Dir(test.file), 0o755); err != nil {
						return err
					}
					if test.file != "/etc/hosts" {
						if err := os.Symlink(test.file, "/etc/hosts"); err != nil {
							return err
						}
					}
					return os.WriteFile(test.file, []byte("10.3.0.80 web\n"), 0o644)
				}); err != nil {
					return err
				}
				return cmd.Start()
			}))
			lines := bufio.NewScanner(stdout)
			next := func() string {
				if !lines.Scan() {
					t.Fatalf("no line more: %v", lines.Err())
				}
				var p probeLine
				must(t, json.Unmarshal(lines.Bytes(), &p))
				if p.TCP == nil {
					t.Fatalf("%s", lines.Bytes())
				}
				return strings.TrimSuffix(p.TCP.Remote, ":80")
			}
			if first := next(); first != "10.3.0.80" {
				t.Errorf("the first handshake is with %s", first)
			}
			file := fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, test.file)
			must(t, os.WriteFile(file+".new", []byte("10.3.0.81 web\n"), 0o644))
			must(t, os.Rename(file+".new", file))
			last := ""
			for range 15 {
				last = next()
			}
			if last != test.want {
				t.Errorf("the last handshake is with %s, want %s", last, test.want)
			}
			must(t, cmd.Process.Signal(os.Interrupt))
			for lines.Scan() {
			}
			cmd.Wait() // it was broken off
		})
	}
}

// ownEtc gives the thread an /etc of its own, and fills it.
func ownEtc(fill func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/etc", "tmpfs", 0, ""); err != nil {
		return err
	}
	return fill()
}
