//go:build linux

package e2e_test

import (
	"os"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

func TestDoctorWithCapability(t *testing.T) {
	h, _ := labtest.Pair(t)
	r := tcpprobe(t, h, "doctor")
	if r.code != exit.Established || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q; want 0 and nothing", r.code, r.stderr)
	}
	for _, want := range []string{
		"ok  raw IP socket    opens\n",
		"ok  packet socket    opens\n",
		"ok  netlink          answers\n",
		"ok  CAP_NET_RAW      effective\n",
		"ok  time stamps      of the kernel: ",
		"\n\nThis process may probe.\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(r.stdout, "\nno  ") && !strings.Contains(r.stdout, "\nno  user namespaces") {
		t.Error("something is wrong on a host where nothing is")
	}
}

func TestDoctorWithoutCapability(t *testing.T) {
	// By its name, in a directory of root, an ordinary user could not start it.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	h, _ := labtest.Pair(t)
	cmd := h.Command(t.Context(), "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "/proc/self/fd/3", "doctor")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), envProgram+"=1")
	r := finish(t, cmd)
	if r.code != exit.NotPermitted || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q; want %d and nothing", r.code, r.stderr, exit.NotPermitted)
	}
	for _, want := range []string{
		"no  raw IP socket    operation not permitted\n",
		"no  packet socket    operation not permitted\n",
		"no  CAP_NET_RAW      not in the bounding set: ",
		"ok  time stamps      of the kernel: ",
		"\n\nThis process may not probe.\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestDoctorLoopbackDown(t *testing.T) {
	h, _ := labtest.Pair(t)
	if err := h.SetLink("lo", false); err != nil {
		t.Fatal(err)
	}
	r := tcpprobe(t, h, "doctor")
	if want := "no  time stamps      not tested, since lo is down\n"; !strings.Contains(r.stdout, want) {
		t.Errorf("%q is missing", want)
	}
	if r.code != exit.Established {
		t.Errorf("exit code %d: without stamps it may probe all the same", r.code)
	}
}

func TestDoctorSandbox(t *testing.T) {
	h, _ := labtest.Pair(t)
	r := tcpprobe(t, h, "doctor")
	if want := "ok  sandbox          capabilities, no_new_privs, Landlock, seccomp\n"; !strings.Contains(r.stdout, want) {
		t.Errorf("%q is missing", want)
	}
}
