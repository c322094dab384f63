//go:build linux

package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/sandbox"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
)

// Examination is what was found out about this process and its system.
type Examination struct {
	rawSocket    error // of opening one; nil if it opened
	packetSocket error
	netlink      error // of asking for the interfaces, as for every route
	capabilities
	self             string // the file of this program
	file             fileCapability
	nosuid           bool // its file system gives no privileges
	uid, gid         int
	inUserNamespace  bool // other than the system's first
	inContainer      bool
	stampError       error         // why there are no stamps of the kernel
	stampLead        time.Duration // how much earlier than the process the kernel saw a packet
	servers          []netip.AddrPort
	resolvError      error  // of reading resolv.conf
	portRange        string // of the source ports
	sandbox          sandbox.State
	noUserNamespaces string // why ordinary users can make none; "" if they can
}

// capabilities is what /proc/self/status says about CAP_NET_RAW, and what stands in the way of getting it.
type capabilities struct {
	effective, permitted, bounding bool // the sets that have it
	noNewPrivs                     bool // execve(2) gives no privileges
	seccomp                        bool // system calls are filtered
}

// fileCapability is what the program's file gives to whoever runs it.
type fileCapability uint8

const (
	fileNone      fileCapability = iota // not CAP_NET_RAW
	filePermitted                       // CAP_NET_RAW, for a program that raises it itself, as this one does
	fileEffective                       // CAP_NET_RAW
)

// Examine looks at this process and its system. It sends nothing but datagrams to itself on lo.
func Examine() *Examination {
	e := &Examination{rawSocket: rawip.Permitted(), packetSocket: openPacketSocket(), netlink: askNetlink(), uid: os.Getuid(), gid: os.Getgid()}
	status, _ := os.ReadFile("/proc/self/status")
	e.capabilities = parseCapabilities(string(status))
	e.self, e.file, e.nosuid = examineFile()
	e.inUserNamespace = InUserNamespace()
	e.inContainer = isContainer()
	e.stampLead, e.stampError = testStamps()
	var resolvConf []byte
	resolvConf, e.resolvError = os.ReadFile("/etc/resolv.conf")
	e.servers = resolver.ParseConfig(resolvConf).Servers
	e.portRange = portRange()
	e.noUserNamespaces = userNamespacesForbidden()
	return e
}

// EnterSandbox takes the rights from this process, as a probe does, to see which of them this kernel takes. Nothing else can be
// examined after that.
func (e *Examination) EnterSandbox() { e.sandbox = sandbox.Enter(sandbox.Options{}) }

// openPacketSocket opens a packet socket, which sees nothing as it is not bound.
func openPacketSocket() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	return os.NewSyscallError("close", unix.Close(fd))
}

// askNetlink asks the kernel by rtnetlink(7), by which a probe learns of interfaces, routes and neighbours.
func askNetlink() error {
	_, err := net.Interfaces()
	return err
}

// parseCapabilities reads /proc/self/status (proc_pid_status(5)).
func parseCapabilities(status string) (c capabilities) {
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch name {
		case "CapEff":
			c.effective = hasNetRaw(value)
		case "CapPrm":
			c.permitted = hasNetRaw(value)
		case "CapBnd":
			c.bounding = hasNetRaw(value)
		case "NoNewPrivs":
			c.noNewPrivs = value == "1"
		case "Seccomp":
			c.seccomp = value != "0"
		}
	}
	return c
}

// hasNetRaw reports whether a set of capabilities, a hexadecimal number, has CAP_NET_RAW.
func hasNetRaw(set string) bool {
	n, err := strconv.ParseUint(set, 16, 64)
	return err == nil && n&(1<<unix.CAP_NET_RAW) != 0
}

// examineFile looks at the file of this program.
func examineFile() (name string, c fileCapability, nosuid bool) {
	name, err := os.Executable()
	if err != nil {
		return "tcpprobe", fileNone, false
	}
	var attribute [64]byte
	n, err := unix.Getxattr(name, "security.capability", attribute[:])
	if err == nil {
		c = parseFileCapability(attribute[:n])
	}
	var system unix.Statfs_t
	if err := unix.Statfs(name, &system); err == nil {
		nosuid = system.Flags&unix.ST_NOSUID != 0
	}
	return name, c, nosuid
}

// parseFileCapability reads the attribute security.capability: struct vfs_cap_data of linux/capability.h, little-endian,
// first the revision and the effective bit, then the lower half of the permitted set.
func parseFileCapability(attribute []byte) fileCapability {
	const effectiveBit = 1
	if len(attribute) < 8 || binary.LittleEndian.Uint32(attribute[4:])&(1<<unix.CAP_NET_RAW) == 0 {
		return fileNone
	}
	if binary.LittleEndian.Uint32(attribute)&effectiveBit == 0 {
		return filePermitted
	}
	return fileEffective
}

// InUserNamespace reports whether this process is in a user namespace other than the system's first.
func InUserNamespace() bool {
	uids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !mapsEveryone(string(uids))
}

// mapsEveryone reports whether a user namespace, by its uid_map (user_namespaces(7)), is that in which every user is
// who he is.
func mapsEveryone(uidMap string) bool {
	return strings.Join(strings.Fields(uidMap), " ") == "0 0 4294967295"
}

// isContainer reports whether Docker, Podman or Kubernetes have left their signs.
func isContainer() bool {
	for _, sign := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(sign); err == nil {
			return true
		}
	}
	return os.Getenv("KUBERNETES_SERVICE_HOST") != ""
}

// testStamps sends datagrams to itself until one comes with a stamp of the kernel, and returns how much earlier that
// was than the reading.
func testStamps() (lead time.Duration, err error) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return 0, fmt.Errorf("not tested: %w", err)
	}
	if lo.Flags&net.FlagUp == 0 {
		return 0, errors.New("not tested, since lo is down")
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	// Connected to itself, the socket takes nobody else's datagrams.
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	self, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	if err := unix.Connect(fd, self); err != nil {
		return 0, os.NewSyscallError("connect", err)
	}
	if err := socket.StampReceived(fd); err != nil {
		return 0, err
	}
	waiter, err := socket.NewWaiter(context.Background(), fd)
	if err != nil {
		return 0, err
	}
	defer waiter.Close()

	// The kernel begins to stamp with a delay of milliseconds.
	const tries, patience, pause = 50, 100 * time.Millisecond, 2 * time.Millisecond
	clock := stamp.NewClock(stamp.System)
	var receiver socket.Receiver
	for range tries {
		if _, err := unix.Write(fd, []byte("tcpprobe")); err != nil {
			return 0, os.NewSyscallError("write", err)
		}
		if err := waiter.Wait(clock.Now().Add(patience)); err != nil {
			return 0, err
		}
		var b [8]byte
		before := clock.Before()
		_, control, errno := receiver.Receive(fd, b[:], 0)
		if errno != 0 {
			return 0, fmt.Errorf("a datagram to 127.0.0.1 did not arrive: %w", os.NewSyscallError("recvmsg", errno))
		}
		at := clock.Stamp(socket.Stamp(control), before)
		clock.Drained()
		if at.Source() == stamp.Kernel {
			return at.User.Sub(at.Kernel), nil
		}
		time.Sleep(pause)
	}
	return 0, errors.New("the kernel gives none: times will be those of this process")
}

// portRange returns the ports that the kernel and tcpprobe draw source ports from.
func portRange() string {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(string(text)), " to ")
}

// WhyNoUserNamespace says why this process could make no user namespace, of which err is the failure.
func WhyNoUserNamespace(err error) string {
	if forbidden := userNamespacesForbidden(); forbidden != "" {
		return forbidden
	}
	if status, _ := os.ReadFile("/proc/self/status"); parseCapabilities(string(status)).seccomp {
		return err.Error() + " (system calls are filtered here, as in most containers)"
	}
	return err.Error()
}

// userNamespacesForbidden says what keeps ordinary users from making user namespaces, or returns "". A limit that a
// kernel does not have forbids nothing.
func userNamespacesForbidden() string {
	for _, limit := range []struct {
		name      string
		forbidden string // value
	}{
		{"user.max_user_namespaces", "0"},
		{"kernel.unprivileged_userns_clone", "0"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1"},
	} {
		value, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(limit.name, ".", "/"))
		if err == nil && strings.TrimSpace(string(value)) == limit.forbidden {
			return fmt.Sprintf("forbidden by sysctl %s = %s", limit.name, limit.forbidden)
		}
	}
	return ""
}
