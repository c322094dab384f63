package sandbox

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// permitted returns the rules of what the program, and the runtime of Go and that of its race detector, ask of the kernel. New files may be made if create says so.
func permitted(create bool) []rule {
	var rules []rule
	for _, call := range slices.Concat(calls, machineCalls) {
		rules = append(rules, rule{call: call})
	}
	families := []uint32{unix.AF_INET, unix.AF_INET6}
	kinds := condition{1, 0xf, []uint32{unix.SOCK_STREAM, unix.SOCK_DGRAM}}
	const allBits = 1<<32 - 1
	rules = append(rules,
		// Without rights of its own a socket is one that every user may have.
		rule{call: unix.SYS_SOCKET, conditions: []condition{{0, allBits, []uint32{unix.AF_NETLINK}}}},
		rule{call: unix.SYS_SOCKET, conditions: []condition{{0, allBits, families}, kinds}},
		// Threads, in the namespaces of this one, and no processes.
		rule{call: unix.SYS_CLONE, conditions: []condition{{0, unix.CLONE_THREAD | newNamespaces, []uint32{unix.CLONE_THREAD}}}},
		// Its flags are in memory, where a filter does not see them. The C library does without, if it has to.
		rule{call: unix.SYS_CLONE3, errno: uint32(unix.ENOSYS)},
		// Files are opened to be read alone.
		rule{call: unix.SYS_OPENAT, conditions: []condition{{2, unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC, []uint32{unix.O_RDONLY}}}},
		// No memory is both written and run.
		rule{call: mapMemory, conditions: []condition{{2, unix.PROT_EXEC, []uint32{0}}}},
		rule{call: unix.SYS_MPROTECT, conditions: []condition{{2, unix.PROT_EXEC, []uint32{0}}}},
		// Signals go to threads of this process.
		rule{call: unix.SYS_TGKILL, conditions: []condition{{0, allBits, []uint32{uint32(os.Getpid())}}}},
		// A terminal is asked what it is, and set, but not typed into.
		rule{call: unix.SYS_IOCTL, conditions: []condition{{1, allBits, []uint32{unix.TCGETS, unix.TCSETS, unix.TCSETSW, unix.TCSETSF, unix.TIOCGWINSZ, unix.TIOCGPGRP}}}},
		// Threads and memory get names.
		rule{call: unix.SYS_PRCTL, conditions: []condition{{0, allBits, []uint32{unix.PR_SET_NAME, unix.PR_SET_VMA}}}},
	)
	if create {
		// A file that is there already is not opened by that.
		const flags = unix.O_ACCMODE | unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC
		rules = append(rules, rule{call: unix.SYS_OPENAT, conditions: []condition{{2, flags, []uint32{unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL}}}})
	}
	return rules
}

// newNamespaces are the flags of clone(2) by which a process leaves the namespaces of its parent.
const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// calls are those whose arguments do not matter, and that every machine has.
var calls = []uint32{
	unix.SYS_FUTEX, unix.SYS_SENDMMSG, unix.SYS_PPOLL, unix.SYS_EPOLL_PWAIT, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_SETSOCKOPT,
	unix.SYS_CLOSE, unix.SYS_SENDMSG, unix.SYS_RECVMSG, unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_BIND, unix.SYS_LISTEN,
	unix.SYS_CONNECT, unix.SYS_GETSOCKOPT, unix.SYS_GETSOCKNAME, unix.SYS_NANOSLEEP, unix.SYS_MADVISE, unix.SYS_MUNMAP,
	unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_SCHED_YIELD, unix.SYS_EPOLL_CTL,
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_RESTART_SYSCALL, unix.SYS_GETRANDOM, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_ACCEPT4, unix.SYS_GETPEERNAME, unix.SYS_SHUTDOWN, unix.SYS_RECVMMSG,
	unix.SYS_PREAD64, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_FCNTL, unix.SYS_READLINKAT,
	unix.SYS_GETDENTS64, unix.SYS_UNAME, unix.SYS_PRLIMIT64, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	unix.SYS_RT_SIGACTION, unix.SYS_SIGALTSTACK, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_MINCORE, unix.SYS_MREMAP,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_BRK, unix.SYS_PWRITE64, unix.SYS_FTRUNCATE, unix.SYS_DUP3,
}
