package sandbox

import "golang.org/x/sys/unix"

const (
	machine   = unix.AUDIT_ARCH_AARCH64
	mapMemory = unix.SYS_MMAP
)

// machineCalls are those that not every machine has.
var machineCalls = []uint32{unix.SYS_NEWFSTATAT, unix.SYS_GETRLIMIT}
