package sandbox

import "golang.org/x/sys/unix"

const (
	machine   = unix.AUDIT_ARCH_I386
	mapMemory = unix.SYS_MMAP2
)

// machineCalls are those that not every machine has. What socketcall(2) is to do stands in memory, where a filter does not see
// it: the kernel refuses packet and raw sockets to those without capabilities, but those of other families are to be had.
var machineCalls = []uint32{
	unix.SYS_SOCKETCALL, unix.SYS_EPOLL_WAIT, unix.SYS_FUTEX_TIME64, unix.SYS_PPOLL_TIME64, unix.SYS_CLOCK_GETTIME64, unix.SYS_CLOCK_NANOSLEEP_TIME64,
	unix.SYS_RECVMMSG_TIME64, unix.SYS_FCNTL64, unix.SYS_FTRUNCATE64, unix.SYS_FSTAT64, unix.SYS_FSTATAT64, unix.SYS_LSTAT64, unix.SYS_STAT64, unix.SYS__LLSEEK,
	unix.SYS_GETUID32, unix.SYS_GETEUID32, unix.SYS_GETGID32, unix.SYS_GETEGID32, unix.SYS_UGETRLIMIT, unix.SYS_SET_THREAD_AREA,
	unix.SYS_SIGRETURN, unix.SYS_GETTIMEOFDAY,
}
