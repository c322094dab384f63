package netlab

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A Host is one network namespace of a Lab: a host, or a router once Sysctl has set "net/ipv4/ip_forward".
type Host struct {
	lab   *Lab
	name  string
	ns    *os.File      // the network namespace
	rtnl  *netlink.Conn // rtnetlink(7) inside it
	calls chan func()   // run one after the other on the thread that made the namespace
}

// open makes the namespace, on a thread that stays in it until the host is closed.
func (h *Host) open() error {
	result := make(chan error)
	onThread(func() {
		result <- h.unshare()
		for call := range h.calls {
			call()
		}
	})
	if err := <-result; err != nil {
		return opError("namespace", h.name, err)
	}
	if err := h.setUp(); err != nil {
		return errors.Join(err, h.release())
	}
	return nil
}

// unshare moves the calling thread into a new network namespace and keeps hold of that.
func (h *Host) unshare() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	rtnl, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return errors.Join(err, ns.Close())
	}
	if err := rtnl.SetOption(netlink.ExtendedAcknowledge, true); err != nil {
		return errors.Join(err, rtnl.Close(), ns.Close())
	}
	h.ns, h.rtnl = ns, rtnl
	return nil
}

func (h *Host) setUp() error {
	for _, name := range []string{"net/ipv6/conf/all/disable_ipv6", "net/ipv6/conf/default/disable_ipv6"} {
		// A kernel without IPv6 has no such file.
		if err := h.Sysctl(name, "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return h.SetLink("lo", true)
}

func (h *Host) release() error {
	return errors.Join(h.rtnl.Close(), h.ns.Close())
}

func (h *Host) close() error {
	close(h.calls)
	return h.release()
}

// Name returns the name that Lab.Host was given.
func (h *Host) Name() string { return h.name }

// Do runs f inside the namespace, on an operating system thread of its own, and returns its error. Sockets that f makes
// belong to the namespace for ever, wherever they are used afterwards; but a goroutine that f starts runs outside of it. Dialing
// a name, or an address of several, starts goroutines: dial one literal address.
//
// When f ends its goroutine, as testing.T.FailNow does, Do ends the goroutine that called it.
func (h *Host) Do(f func() error) error {
	var err error
	returned := false
	done := make(chan struct{})
	onThread(func() {
		defer close(done)
		if err = h.enter(); err == nil {
			err = f()
		}
		returned = true
	})
	<-done
	if !returned {
		runtime.Goexit()
	}
	return err
}

// enter moves the calling thread into the namespace.
func (h *Host) enter() error {
	err := h.withNamespace(func(fd int) error {
		return os.NewSyscallError("setns", unix.Setns(fd, unix.CLONE_NEWNET))
	})
	return opError("enter", h.name, err)
}

// withNamespace calls f with the namespace's file descriptor, which stays open until f returns.
func (h *Host) withNamespace(f func(fd int) error) error {
	conn, err := h.ns.SyscallConn()
	if err != nil {
		return err
	}
	if closed := conn.Control(func(fd uintptr) { err = f(int(fd)) }); closed != nil {
		return closed
	}
	return err
}

// Dial connects from this host to a literal address, as net.Dialer.DialContext does.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := h.Do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on this host at a literal address, as net.Listen does, but for plain TCP alone and never Multipath TCP.
func (h *Host) Listen(network, address string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	var listener net.Listener
	err := h.Do(func() (err error) {
		listener, err = config.Listen(context.Background(), network, address)
		return err
	})
	return listener, err
}

// ListenPacket opens a datagram socket on this host at a literal address, as net.ListenPacket does.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	var conn net.PacketConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenPacket(network, address)
		return err
	})
	return conn, err
}

// Sysctl sets a parameter of this host's network, such as "net/ipv4/ip_forward". Parameters outside of net/ belong to the
// whole machine: Sysctl refuses them with an error that is os.ErrInvalid.
func (h *Host) Sysctl(name, value string) error {
	if !strings.HasPrefix(name, "net/") || !fs.ValidPath(name) {
		return opError("sysctl "+name, h.name, os.ErrInvalid)
	}
	// /proc/sys/net shows each thread the namespace it is in.
	return h.Do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
}

// opError says which step failed on which host. It returns nil if err is nil.
func opError(op, host string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "netns", Addr: hostAddr(host), Err: err}
}

// hostAddr lets the name of a host stand as the address in a net.OpError.
type hostAddr string

func (hostAddr) Network() string  { return "netns" }
func (a hostAddr) String() string { return string(a) }
