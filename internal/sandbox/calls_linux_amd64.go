package sandbox

import "golang.org/x/sys/unix"

const (
	machine   = unix.AUDIT_ARCH_X86_64
	mapMemory = unix.SYS_MMAP
)

// machineCalls are those that not every machine has.
var machineCalls = []uint32{unix.SYS_EPOLL_WAIT, unix.SYS_NEWFSTATAT, unix.SYS_ARCH_PRCTL, unix.SYS_GETRLIMIT}
