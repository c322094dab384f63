//go:build !386 && !s390x

package socket_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// option is one of setsockopt(2).
type option struct{ level, name uint32 }

// stampOptions are those by which the kernel is asked for stamps and for the state of a checksum.
var stampOptions = []option{
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_OLD}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW},
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPING_OLD}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPING_NEW},
	{unix.SOL_PACKET, unix.PACKET_AUXDATA},
}

// without runs f in a thread for which setsockopt(2) gives an error for some options. (On 386 and s390x that call is one of
// many behind socketcall(2), whose arguments a filter does not see.)
func without(t *testing.T, options []option, refusal unix.Errno, f func() error) error {
	t.Helper()
	low := func(argument uint32) uint32 { // offset in struct seccomp_data of an argument's lower half
		at := 16 + 8*argument
		one := uint16(1)
		if *(*byte)(unsafe.Pointer(&one)) == 0 {
			at += 4
		}
		return at
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 4}, // the call's number
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_SETSOCKOPT, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	}
	for _, o := range options {
		program = append(program,
			bpf.LoadAbsolute{Off: low(1), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: o.level, SkipTrue: 3},
			bpf.LoadAbsolute{Off: low(2), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: o.name, SkipTrue: 1},
			bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(refusal)},
		)
	}
	raw, err := bpf.Assemble(append(program, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		filter := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			ended <- err
			return
		}
		if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
			ended <- err
			return
		}
		ended <- f()
	}()
	return <-ended
}

// TestWithoutStamps: on a system that gives no stamps, everything opens, and what arrives has the process's time.
func TestWithoutStamps(t *testing.T) {
	a, b := labtest.Pair(t)
	for _, refusal := range []unix.Errno{unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL} {
		var p *socket.Packet
		var stamping *socket.Stamping
		err := b.Do(func() error {
			udp, err := bpf.Assemble([]bpf.Instruction{
				bpf.LoadAbsolute{Off: 9, Size: 1}, // protocol
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 1},
				bpf.RetConstant{Val: 0},
				bpf.RetConstant{Val: 1 << 20},
			})
			if err != nil {
				return err
			}
			ns, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(ns)
			return without(t, stampOptions, refusal, func() error {
				if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
					return err
				}
				var errs [2]error
				p, errs[0] = socket.OpenPacket(udp, stamp.NewClock(stamp.System))
				stamping, errs[1] = socket.StartStamping()
				return errors.Join(errs[:]...)
			})
		})
		if err != nil {
			t.Fatalf("%v: %v", refusal, err)
		}
		if stamping.Wait(time.Millisecond) {
			t.Errorf("%v: the kernel stamps", refusal)
		}
		conn, err := a.Dial(t.Context(), "udp4", "10.0.0.2:9")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("datagram")); err != nil {
			t.Fatal(err)
		}
		w, err := socket.NewWaiter(t.Context(), p.FD())
		if err != nil {
			t.Fatal(err)
		}
		var f socket.Frame
		for limit, ok := time.Now().Add(30*time.Second), false; !ok; {
			if err := w.Wait(limit); err != nil {
				t.Fatal(err)
			}
			if _, ok, err = p.Receive(make([]byte, 100), &f); err != nil || time.Now().After(limit) {
				t.Fatalf("%v: nothing arrived, %v", refusal, err)
			}
		}
		if f.Stamp.Source() != stamp.User || f.Stamp.User.IsZero() || f.NoChecksum {
			t.Errorf("%v: %+v", refusal, f)
		}
		if err := errors.Join(conn.Close(), w.Close(), p.Close(), stamping.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestStampsForbidden: another error than that the option is unknown is an error.
func TestStampsForbidden(t *testing.T) {
	var p *socket.Packet
	var stamping *socket.Stamping
	err := without(t, stampOptions, unix.EPERM, func() error {
		var err, err2 error
		p, err = socket.OpenPacket([]bpf.RawInstruction{{Op: 0x06}}, stamp.NewClock(stamp.System))
		stamping, err2 = socket.StartStamping()
		return errors.Join(err, err2)
	})
	if p != nil || stamping != nil || !errors.Is(err, unix.EPERM) || strings.Count(err.Error(), "SO_TIMESTAMPNS") != 2 {
		t.Errorf("%v, %v, %v", p, stamping, err)
	}
}
