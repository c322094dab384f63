package labtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"tcpprobe/internal/netlab"
)

// The environment variables with which a run of the tests is told where to make its networks.
const (
	// envLab, set to "user", has the tests run as an ordinary user in a user namespace, even for root.
	envLab = "TCPPROBE_LAB"
	// envRequired, set to anything, makes a test fail that could not have its network.
	envRequired = "TCPPROBE_LAB_REQUIRED"
	// envStage tells the test binary which of its own runs this is.
	envStage = "TCPPROBE_LAB_STAGE"
)

// The stages of a run: as started, as an ordinary user (only where the tests were started by root), in a user namespace.
const (
	stageStarted   = ""
	stageUser      = "user"
	stageNamespace = "namespace"
)

// nobody is the user that has no rights but those of everybody.
const nobody = 65534

// Main runs the tests of a package that uses this one. Call it from TestMain, and nothing after it. Where the process may not
// build networks it runs the test binary once more in a user namespace, where it may.
func Main(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "labtest:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	asUser := os.Getenv(envLab) == "user"
	switch stage := os.Getenv(envStage); {
	case stage == stageNamespace:
		if err := loopbackUp(); err != nil {
			return 0, err
		}
		return runTests(m), nil
	case stage == stageStarted && asUser && os.Geteuid() == 0:
		return runAsNobody()
	case stage == stageStarted && !asUser && allowed() == nil:
		return runTests(m), nil
	}
	again, err := start(stageNamespace, netlab.UserNamespace(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "labtest: no user namespace:", err)
		return runTests(m), nil // those that need no network; Need speaks for the others
	}
	return wait(again)
}

func runTests(m *testing.M) int {
	// An ordinary user's PATH lacks the places where Debian puts servers and network tools.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	return m.Run()
}

// allowed says whether this process may build networks.
var allowed = sync.OnceValue(func() error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	return lab.Close()
})

// Need skips the test if there can be no network for it, or fails it if TCPPROBE_LAB_REQUIRED is set.
func Need(t testing.TB) {
	t.Helper()
	// Read while tests run, so that go test knows its cached results of one kind of lab from those of the other.
	kind := os.Getenv(envLab)
	if err := allowed(); err != nil {
		unavailable(t, "%s=%q: no network can be built here: %v", envLab, kind, err)
	}
}

// NeedTool is Need for a program.
func NeedTool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		unavailable(t, "%v: scripts/test installs it", err)
	}
}

func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(envRequired) != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// runAsNobody runs the test binary as an ordinary user with a temporary directory of its own.
func runAsNobody() (int, error) {
	tmp, err := os.MkdirTemp("", "labtest")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chown(tmp, nobody, nobody); err != nil {
		return 0, err
	}
	os.Setenv("TMPDIR", tmp)
	os.Setenv("HOME", tmp)

	// This file, in which go test learns what a cached result depends on, lies where only root may write.
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return strings.HasPrefix(arg, "-test.testlogfile=")
	})
	attributes := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	again, err := start(stageUser, attributes, args)
	if err != nil {
		return 0, err
	}
	return wait(again)
}

// start starts the test binary once more, as another stage. It dies with this process.
func start(stage string, attributes *syscall.SysProcAttr, args []string) (*exec.Cmd, error) {
	// The signal comes when the thread that forked ends: it is to be the one of this goroutine, which waits for the child.
	runtime.LockOSThread()
	attributes.Pdeathsig = syscall.SIGKILL

	// Not by its name: the directories on the way may be closed to the child's user.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), envStage+"="+stage)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = attributes
	return cmd, cmd.Start()
}

// wait waits for the tests of another stage in this process's place, and returns their exit code.
func wait(cmd *exec.Cmd) (int, error) {
	// go test ends a run that takes too long by SIGQUIT, for the sake of the stacks it prints.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	go func() {
		for s := range signals {
			cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// loopbackUp sets up the loopback interface of the namespace that this process was born in.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return os.NewSyscallError("ioctl", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request))
}

// New returns a network without hosts, which is closed when the test ends.
func New(t testing.TB) *netlab.Lab {
	t.Helper()
	Need(t)
	lab, err := netlab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}
