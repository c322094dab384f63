package labtest_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"tcpprobe/internal/netlab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// rerun runs one test of this binary again, with other settings in its environment.
func rerun(name string, settings ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^"+name+"$")
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TCPPROBE_LAB") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, settings...)
	return cmd
}

// userMap returns, of the user namespace the tests run in, a user inside, the same user outside, and how many follow.
func userMap(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// As an ordinary user, or told to be one, the tests run as root of a user namespace that is that user outside.
func TestUserLab(t *testing.T) {
	labtest.Pair(t)
	if users := userMap(t); len(users) == 3 && users[2] == "1" {
		if users[0] != "0" || users[1] == "0" || os.Geteuid() != 0 {
			t.Errorf("uid_map is %q, effective user %d", users, os.Geteuid())
		}
		return
	}
	output, err := rerun("TestUserLab", "TCPPROBE_LAB=user", "TCPPROBE_LAB_REQUIRED=1").CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: TestUserLab") {
		t.Errorf("as an ordinary user: %v\n%s", err, output)
	}
}

func TestExitCodeOfUserLab(t *testing.T) {
	labtest.Need(t)
	if os.Getenv("LABTEST_FAIL") != "" {
		t.Fatal("as it was told to")
	}
	settings := []string{"LABTEST_FAIL=1", "TCPPROBE_LAB=user"}
	if users := userMap(t); users[1] != "0" {
		settings = append(settings, "TCPPROBE_LAB_STAGE=user") // there is no user to change to in here
	}
	output, err := rerun("TestExitCodeOfUserLab", settings...).CombinedOutput()
	if err == nil || err.Error() != "exit status 1" || !strings.Contains(string(output), "as it was told to") {
		t.Errorf("a test that fails as an ordinary user: %v\n%s", err, output)
	}
}

func TestNeedWithoutPrivilege(t *testing.T) {
	labtest.Need(t)
	tests := []struct {
		settings []string
		want     string
	}{
		{nil, "--- SKIP: TestNeedWithoutPrivilege"},
		{[]string{"TCPPROBE_LAB_REQUIRED=1"}, "--- FAIL: TestNeedWithoutPrivilege"},
	}
	for _, test := range tests {
		// As if it were the last stage, which looks for no other way to get the privilege.
		cmd := rerun("TestNeedWithoutPrivilege", append(test.settings, "TCPPROBE_LAB_STAGE=namespace")...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		var output []byte
		done := make(chan struct{})
		go func() {
			defer close(done)
			// This thread ends with the goroutine, so no other test loses the capability.
			runtime.LockOSThread()
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
				t.Error(err)
				return
			}
			output, _ = cmd.CombinedOutput()
		}()
		<-done
		if !strings.Contains(string(output), test.want) || !strings.Contains(string(output), "operation not permitted") {
			t.Errorf("%q: want %q in\n%s", test.settings, test.want, output)
		}
	}
}
