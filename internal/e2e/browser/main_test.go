//go:build linux

package browser_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab/labtest"
)

// envNamespace, set to a network namespace, makes the test binary be the browser, within it.
const envNamespace = "TCPPROBE_TEST_NAMESPACE"

// envProgram says where the program is; without it, it is built.
const envProgram = "TCPPROBE"

// chromium is the browser, as Debian has it.
const chromium = "/usr/bin/chromium"

func TestMain(m *testing.M) {
	if namespace := os.Getenv(envNamespace); namespace != "" {
		fmt.Fprintln(os.Stderr, beBrowser(namespace))
		os.Exit(1)
	}
	labtest.Main(m)
}

// beBrowser turns the process into the browser. Who starts that cannot say in which network namespace.
func beBrowser(namespace string) error {
	runtime.LockOSThread() // which the browser inherits the namespace of
	file, err := os.Open(namespace)
	if err != nil {
		return err
	}
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	return os.NewSyscallError("execve", syscall.Exec(chromium, append([]string{chromium}, os.Args[1:]...), os.Environ()))
}

// program returns the path of the program.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(envProgram); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "tcpprobe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../../..", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("it cannot be built here, and %s does not say where it is: %v\n%s", envProgram, err, out)
	}
	return path
}
