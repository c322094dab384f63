package sandbox

import "golang.org/x/sys/unix"

const (
	machine   = unix.AUDIT_ARCH_ARM
	mapMemory = unix.SYS_MMAP2

	armSetTLS     = 0xf0005 // __ARM_NR_set_tls of asm/unistd.h
	armCacheFlush = 0xf0002 // __ARM_NR_cacheflush
)

// machineCalls are those that not every machine has.
var machineCalls = []uint32{
	unix.SYS_EPOLL_WAIT, unix.SYS_FUTEX_TIME64, unix.SYS_PPOLL_TIME64, unix.SYS_CLOCK_GETTIME64, unix.SYS_CLOCK_NANOSLEEP_TIME64, unix.SYS_RECVMMSG_TIME64,
	unix.SYS_FCNTL64, unix.SYS_FTRUNCATE64, unix.SYS_FSTAT64, unix.SYS_FSTATAT64, unix.SYS_LSTAT64, unix.SYS_STAT64, unix.SYS__LLSEEK, unix.SYS_GETUID32,
	unix.SYS_GETEUID32, unix.SYS_GETGID32, unix.SYS_GETEGID32, unix.SYS_UGETRLIMIT, unix.SYS__NEWSELECT, unix.SYS_SIGRETURN,
	unix.SYS_GETTIMEOFDAY, armSetTLS, armCacheFlush,
}
