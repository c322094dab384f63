package sandbox

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onViolation is the address of the code, in assembly, that hands SIGSYS to violated.
var onViolation uintptr

// sigaction is struct sigaction of the kernel (asm/signal.h), as these machines have it.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// Flags of asm/signal.h.
const (
	saSigInfo   = 0x4
	saRestorer  = 0x04000000
	saOnStack   = 0x08000000
	saNoDefer   = 0x40000000
	saResetHand = 0x80000000
)

// reportViolations has the kernel call onViolation when a system call is not let through. The runtime of Go would print all its
// goroutines. Where signals are held back, as while a process is forked, it dies by SIGSYS without a word.
func reportViolations() error {
	// After the first, SIGSYS does what it does by default. It comes on the stack that each thread has for signals.
	const flags = saSigInfo | saOnStack | saNoDefer | saResetHand | saRestorer
	action := sigaction{handler: onViolation, flags: flags, restorer: onViolation} // which does not return
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSYS), uintptr(unsafe.Pointer(&action)), 0, unsafe.Sizeof(action.mask), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("rt_sigaction", errno)
	}
	return nil
}

// siginfo is siginfo_t (sigaction(2)) as it is for SIGSYS.
type siginfo struct {
	_       [3]int32 // the signal, an error number, a code
	_       [unsafe.Sizeof(uintptr(0)) - 4]byte
	_       uintptr // the address of the instruction
	call    int32
	machine uint32
}

// violated says which system call was not let through, and dies of another. It runs as the handler of a signal, on whatever
// thread, in whatever state: it allocates nothing, locks nothing and does not grow the stack.
//
//lint:ignore U1000 assembly calls it
//go:nosplit
//go:norace
func violated(info *siginfo) {
	var line [160]byte
	n := copyString(line[:], 0, "tcpprobe: the sandbox does not permit the system call ")
	if call := info.call; call >= 0 && int(call) < len(names) && info.machine == machine {
		n = copyString(line[:], n, names[call])
	} else {
		n = copyString(line[:], n, "of an unknown name")
	}
	n = copyString(line[:], n, " (")
	n = copyNumber(line[:], n, uint32(info.call))
	n = copyString(line[:], n, "): this is a fault, or an attack\n")
	unix.RawSyscall(unix.SYS_WRITE, 2, uintptr(unsafe.Pointer(&line)), uintptr(n))
	const none = 0x3fffffff // which no filter lets through, by a number that no kernel has
	unix.RawSyscall(none, 0, 0, 0)
}

// copyString copies a string into b from its nth octet on, and returns where it ends.
//
//go:nosplit
//go:norace
func copyString(b []byte, n int, s string) int {
	for i := 0; i < len(s) && n < len(b); i++ {
		b[n] = s[i]
		n++
	}
	return n
}

// copyNumber does the same with the decimal digits of a number.
//
//go:nosplit
//go:norace
func copyNumber(b []byte, n int, value uint32) int {
	divisor := uint32(1)
	for value/divisor >= 10 {
		divisor *= 10
	}
	for ; divisor > 0 && n < len(b); divisor /= 10 {
		b[n] = '0' + byte(value/divisor%10)
		n++
	}
	return n
}
