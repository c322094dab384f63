package sandbox

import (
	"cmp"
	"errors"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// restrictCalls lets no system call through but the permitted ones (seccomp(2)). Any other ends the process by SIGSYS, after
// a line on stderr. New files may be made if create says so.
func restrictCalls(create bool) error {
	program, err := filter(permitted(create))
	if err != nil {
		return err
	}
	// The filter of this thread becomes that of the others too, and the thread must be the one that took no_new_privs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := reportViolations(); err != nil {
		return err
	}
	// Kernels before 5.16 slow a process with a filter down, against attacks by code that runs in it. None does here.
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(program)))}
	differing, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&fprog)))
	switch {
	case errno == unix.ENOSYS || errno == unix.EINVAL:
		return errors.ErrUnsupported
	case errno != 0:
		return os.NewSyscallError("seccomp", errno)
	case differing != 0:
		return errors.New("a thread has a filter of its own")
	}
	return nil
}

// rule permits a system call whose arguments meet all conditions. Of several rules for a call one has to be met.
type rule struct {
	call       uint32
	conditions []condition
	errno      uint32 // that the call fails with instead, without being made; 0 to permit it
}

// condition is that the lower half of an argument, without the bits that are not in the mask, is one of the values.
type condition struct {
	argument int // 0 to 5
	mask     uint32
	values   []uint32
}

// Offsets in octets in struct seccomp_data (linux/seccomp.h). Arguments have 64 bits, in this machine's order.
const (
	offsetCall      = 0
	offsetMachine   = 4
	offsetArguments = 16
)

// filter assembles the rules. It searches by halves: when the kernel takes the filter it runs it for each number that there is.
func filter(rules []rule) ([]bpf.RawInstruction, error) {
	if machine == 0 {
		return nil, errors.ErrUnsupported
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return cmp.Compare(a.call, b.call) })
	return bpf.Assemble(append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetMachine, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: machine, SkipTrue: 1},
		trap, // by the numbers of another machine's system calls
		bpf.LoadAbsolute{Off: offsetCall, Size: 4},
	}, search(rules)...))
}

// trap is what becomes of a call that is not let through.
var trap = bpf.RetConstant{Val: unix.SECCOMP_RET_TRAP}

// search returns the instructions that find the rules for the number that is loaded, among rules in the order of numbers.
func search(rules []rule) []bpf.Instruction {
	const few = 4
	middle := len(rules) / 2
	for middle < len(rules) && middle > 0 && rules[middle].call == rules[middle-1].call {
		middle++ // the rules for one call stay together
	}
	if len(rules) > few && middle < len(rules) {
		lower := search(rules[:middle])
		there := bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: rules[middle].call, SkipTrue: uint8(len(lower))}
		return append(append([]bpf.Instruction{there}, lower...), search(rules[middle:])...)
	}
	var program []bpf.Instruction
	for _, r := range rules {
		then := r.instructions()
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: r.call, SkipTrue: uint8(len(then))})
		program = append(program, then...)
	}
	return append(program, trap)
}

// instructions returns what is done about a call of the rule's. What does not return goes on with the number loaded again.
func (r rule) instructions() []bpf.Instruction {
	verdict := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	if r.errno != 0 {
		verdict.Val = unix.SECCOMP_RET_ERRNO | r.errno
	}
	if len(r.conditions) == 0 {
		return []bpf.Instruction{verdict}
	}
	tail := []bpf.Instruction{verdict, bpf.LoadAbsolute{Off: offsetCall, Size: 4}}
	for i := len(r.conditions) - 1; i >= 0; i-- {
		c := r.conditions[i]
		head := []bpf.Instruction{
			bpf.LoadAbsolute{Off: uint32(offsetArguments + 8*c.argument), Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: c.mask},
		}
		for n, value := range c.values {
			head = append(head, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: uint8(len(c.values) - n)})
		}
		// Not met: to the last instruction, which loads the number.
		head = append(head, bpf.Jump{Skip: uint32(len(tail) - 1)})
		tail = append(head, tail...)
	}
	return tail
}
