package sandbox

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// capabilitySets are the effective, permitted and inheritable sets of a thread, in two words each.
type capabilitySets [2]unix.CapUserData

// dropCapabilities empties the sets of every thread, but for CAP_NET_BIND_SERVICE if low ports are to be bound and it is
// effective. The ambient set goes with the permitted one.
func dropCapabilities(lowPorts bool) error {
	var left capabilitySets
	if lowPorts {
		sets, err := getCapabilities()
		if err != nil {
			return err
		}
		left[0].Effective = sets[0].Effective & (1 << unix.CAP_NET_BIND_SERVICE)
		left[0].Permitted = left[0].Effective
	}
	return setCapabilities(left)
}

// RaiseNetRaw makes CAP_NET_RAW effective where it is permitted alone, as a file with cap_net_raw+p has it. Where it is not
// permitted, nothing happens.
func RaiseNetRaw() error {
	const bit = 1 << unix.CAP_NET_RAW
	sets, err := getCapabilities()
	if err != nil {
		return err
	}
	if sets[0].Permitted&bit == 0 || sets[0].Effective&bit != 0 {
		return nil
	}
	sets[0].Effective |= bit
	return setCapabilities(sets)
}

// getCapabilities returns the sets of this thread.
func getCapabilities() (sets capabilitySets, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err = unix.Capget(&header, &sets[0])
	return sets, os.NewSyscallError("capget", err)
}

// setCapabilities sets the sets of every thread.
func setCapabilities(sets capabilitySets) error {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := &sets
	var pinner runtime.Pinner // other threads read them too
	defer pinner.Unpin()
	pinner.Pin(header)
	pinner.Pin(data)
	return allThreads("capset", unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)))
}

// refuseNewPrivileges makes execve(2) give no rights that the thread does not have (PR_SET_NO_NEW_PRIVS).
func refuseNewPrivileges() error {
	return allThreads("prctl PR_SET_NO_NEW_PRIVS", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
}

// allThreads makes a system call on every thread of the process.
func allThreads(name string, call, first, second uintptr) error {
	if _, _, errno := psx.Syscall6(call, first, second, 0, 0, 0, 0); errno != 0 {
		return os.NewSyscallError(name, errno)
	}
	return nil
}
