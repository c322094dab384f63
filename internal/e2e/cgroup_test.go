//go:build linux

package e2e_test

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// cgroup makes a cgroup with a program at connect(2) of IPv4, and returns a descriptor of it. It takes root.
func cgroup(t *testing.T, program []uint64) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	root := ""
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			root = fields[1]
		}
	}
	if root == "" {
		root = t.TempDir()
		must(t, unix.Mount("none", root, "cgroup2", 0, ""))
		t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	}
	dir, err := os.MkdirTemp(root, "tcpprobe-test-")
	must(t, err)
	t.Cleanup(func() { unix.Rmdir(dir) })
	group, err := os.Open(filepath.Clean(dir))
	must(t, err)
	t.Cleanup(func() { group.Close() })

	// Numbers and layouts of linux/bpf.h.
	const (
		progLoad, progAttach         = 5, 8
		progTypeCgroupSockAddr       = 18
		attachTypeCgroupInet4Connect = 10
	)
	license := []byte("GPL\x00")
	load := make([]byte, 72)
	binary.NativeEndian.PutUint32(load, progTypeCgroupSockAddr)
	binary.NativeEndian.PutUint32(load[4:], uint32(len(program)))
	binary.NativeEndian.PutUint64(load[8:], uint64(uintptr(unsafe.Pointer(&program[0]))))
	binary.NativeEndian.PutUint64(load[16:], uint64(uintptr(unsafe.Pointer(&license[0]))))
	binary.NativeEndian.PutUint32(load[68:], attachTypeCgroupInet4Connect)
	fd := bpf(t, progLoad, load)
	runtime.KeepAlive(program)
	runtime.KeepAlive(license)
	defer unix.Close(fd)
	attach := make([]byte, 16)
	binary.NativeEndian.PutUint32(attach, uint32(group.Fd()))
	binary.NativeEndian.PutUint32(attach[4:], uint32(fd))
	binary.NativeEndian.PutUint32(attach[8:], attachTypeCgroupInet4Connect)
	bpf(t, progAttach, attach)
	return int(group.Fd())
}

// bpf is bpf(2).
func bpf(t *testing.T, command uintptr, attributes []byte) int {
	t.Helper()
	n, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(&attributes[0])), uintptr(len(attributes)))
	if errno != 0 {
		t.Fatalf("bpf(%d): %v", command, errno)
	}
	return int(n)
}

// instruction is an instruction of eBPF (linux/bpf.h): operation, destination and source register, offset, and number.
func instruction(operation, registers uint8, offset int16, number uint32) uint64 {
	var b [8]byte
	b[0], b[1] = operation, registers
	binary.NativeEndian.PutUint16(b[2:], uint16(offset))
	binary.NativeEndian.PutUint32(b[4:], number)
	return binary.NativeEndian.Uint64(b[:])
}

// TestCompareSendCgroup: programs of the cgroup see connect(2) alone; one forbids it, and one leads it to another server, as a load
// balancer without NAT does.
func TestCompareSendCgroup(t *testing.T) {
	const move, store, leave = 0xb4, 0x63, 0x95 // mov32 dst, imm; *(u32 *)(dst + off) = src; exit
	const offAddress, offPort = 4, 24           // of user_ip4 and user_port in struct bpf_sock_addr
	address := binary.NativeEndian.Uint32([]byte{10, 3, 0, 80})
	port := binary.NativeEndian.Uint32([]byte{0, 80, 0, 0})
	n := labtest.Journey(t)
	for _, test := range []struct {
		name, target      string
		code              int
		program           []uint64
		outcomes          string
		verdict, evidence string
	}{
		{"forbids", "10.3.0.80:80", exit.System, []uint64{instruction(move, 0, 0, 0), instruction(leave, 0, 0, 0)},
			"established established local_error",
			"Frames and raw IP get through, connect(2) does not: a program of the cgroup, or a security module, forbids the call.",
			"Connect(2) is not permitted (EPERM)"},
		{"leads elsewhere", "10.96.0.1:443", exit.Established, []uint64{
			instruction(move, 2, 0, address), instruction(store, 0x21, offAddress, 0),
			instruction(move, 2, 0, port), instruction(store, 0x21, offPort, 0),
			instruction(move, 0, 0, 1), instruction(leave, 0, 0, 0)},
			"unreachable unreachable established",
			"connect(2) gets through, frames and raw IP do not: a program of the cgroup leads connect(2) elsewhere.",
			"Connect(2) was led to 10.3.0.80:80"},
	} {
		t.Run(test.name, func(t *testing.T) {
			group := cgroup(t, test.program)
			run := func(args ...string) ran {
				cmd := program(t.Context(), n.Client, append(args, test.target)...)
				cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: group}
				return finish(t, cmd)
			}
			r := run("--compare-send", "--json")
			validate(t, r.stdout)
			var l sendsLine
			must(t, json.Unmarshal([]byte(r.stdout), &l))
			outcomes := strings.Join([]string{l.Link.Outcome, l.IP.Outcome, l.Connect.Outcome}, " ")
			if r.code != test.code || outcomes != test.outcomes || l.PartsAt != "socket" || !strings.Contains(l.Verdict, test.verdict) || !strings.Contains(strings.ToLower(l.Evidence), strings.ToLower(test.evidence)) {
				t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
			}
			t.Log(run("--compare-send").stdout)
			t.Log(run("--send=connect").stdout)
			if alone := parseLines(t, run("--send=connect", "--json")); len(alone.probes) != 1 || alone.probes[0].Outcome != l.Connect.Outcome {
				t.Errorf("%+v", alone)
			}
		})
	}
}
