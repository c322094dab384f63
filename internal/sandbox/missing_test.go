//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// refuse makes this kernel one that does not have a system call, or refuses it, for all threads. It needs rights, or takes
// no_new_privs.
func refuse(call, argument uint32, errno unix.Errno) error {
	instructions := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetCall, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 3},
		bpf.LoadAbsolute{Off: offsetArguments, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: argument, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	}
	program, err := bpf.Assemble(instructions)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if e != 0 {
		return os.NewSyscallError("seccomp", e)
	}
	return nil
}

// kernels are those that lack a layer.
var kernels = map[string]func() error{
	"no Landlock":     func() error { return refuse(unix.SYS_LANDLOCK_CREATE_RULESET, 0, unix.ENOSYS) },
	"Landlock off":    func() error { return refuse(unix.SYS_LANDLOCK_CREATE_RULESET, 0, unix.EOPNOTSUPP) },
	"no seccomp":      func() error { return refuse(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.ENOSYS) },
	"no no_new_privs": func() error { return refuse(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, unix.EPERM) },
}

// enterOn enters the sandbox on a kernel that lacks a layer, and prints which are missing, and what the thread has.
func enterOn(kernel string) error {
	if err := kernels[kernel](); err != nil {
		return err
	}
	s := Enter(Options{})
	for _, layer := range []struct {
		name string
		err  error
	}{{"capabilities", s.Capabilities}, {"no_new_privs", s.NoNewPrivs}, {"Landlock", s.Landlock}, {"seccomp", s.Seccomp}} {
		if layer.err != nil {
			fmt.Printf("%s %t\n", layer.name, errors.Is(layer.err, errors.ErrUnsupported))
		}
	}
	return nil
}

// Where the kernel lacks a layer, or refuses it, the others hold.
func TestMissingLayers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can make the kernel lack something without taking no_new_privs")
	}
	for kernel, missing := range map[string]string{
		"no Landlock":  "Landlock true\n",
		"Landlock off": "Landlock true\n",
		"no seccomp":   "seccomp true\n",
		// Without it Landlock and seccomp are for those with CAP_SYS_ADMIN, which is given up.
		"no no_new_privs": "no_new_privs false\nLandlock false\nseccomp false\n",
	} {
		state, stdout, stderr := child(t, kernel)
		if !state.Success() || strings.TrimSuffix(stdout, "done\n") != missing || stderr != "" {
			t.Errorf("%s: %v, %q, %q; want %q", kernel, state, stdout, stderr, missing)
		}
	}
}
