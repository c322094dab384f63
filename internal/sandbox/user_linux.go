package sandbox

import (
	"os"
	"syscall"
)

// Become makes the process one of a user and a group, without any other group, for good. It takes CAP_SETUID and CAP_SETGID,
// as root has them, and leaves no capabilities.
func Become(uid, gid int) error {
	if err := syscall.Setgroups(nil); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return os.NewSyscallError("setresgid", err)
	}
	return os.NewSyscallError("setresuid", syscall.Setresuid(uid, uid, uid))
}
