package netlab_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

func TestListenAndDial(t *testing.T) {
	a, b := labtest.Pair(t)
	listener, err := b.Listen("tcp4", "10.0.0.2:80")
	check(t, err)
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, conn.RemoteAddr().String())
		conn.Close()
	}()
	conn, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:80")
	check(t, err)
	defer conn.Close()
	seen, err := io.ReadAll(conn)
	if err != nil || string(seen) != conn.LocalAddr().String() || !strings.HasPrefix(string(seen), "10.0.0.1:") {
		t.Errorf("b saw %q (%v), a is %v", seen, err, conn.LocalAddr())
	}
}

func TestListenPacket(t *testing.T) {
	a, b := labtest.Pair(t)
	to, err := b.ListenPacket("udp4", "10.0.0.2:53")
	check(t, err)
	defer to.Close()
	from, err := a.ListenPacket("udp4", "10.0.0.1:1053")
	check(t, err)
	defer from.Close()
	_, err = from.WriteTo([]byte("query"), to.LocalAddr())
	check(t, err)
	buffer := make([]byte, 64)
	n, source, err := to.ReadFrom(buffer)
	if err != nil || string(buffer[:n]) != "query" || source.String() != "10.0.0.1:1053" {
		t.Errorf("read %q from %v (%v)", buffer[:n], source, err)
	}
}

func TestDialThroughTwoRouters(t *testing.T) {
	n := labtest.Journey(t)
	conn, err := n.Client.Dial(t.Context(), "tcp4", "10.3.0.80:80")
	check(t, err)
	defer conn.Close()
	if local := conn.LocalAddr().(*net.TCPAddr).IP.String(); local != "10.1.0.2" {
		t.Errorf("connected from %s", local)
	}
}

func TestNoIPv6(t *testing.T) {
	a, _ := labtest.Pair(t)
	check(t, a.Do(func() error {
		addresses, err := os.ReadFile("/proc/thread-self/net/if_inet6")
		if len(addresses) != 0 {
			t.Errorf("there are IPv6 addresses:\n%s", addresses)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil // nor is there IPv6
		}
		return err
	}))
}

func TestSysctl(t *testing.T) {
	a, b := labtest.Pair(t)
	const name = "net/ipv4/ip_default_ttl"
	check(t, a.Sysctl(name, "99"))
	for _, test := range []struct {
		host *netlab.Host
		want string
	}{{a, "99\n"}, {b, "64\n"}} {
		var got []byte
		check(t, test.host.Do(func() (err error) {
			got, err = os.ReadFile("/proc/sys/" + name)
			return err
		}))
		if string(got) != test.want {
			t.Errorf("%s: %q, want %q", test.host.Name(), got, test.want)
		}
	}
	if err := a.Sysctl("net/ipv4/no_such_thing", "1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a name that does not exist: %v", err)
	}
	for _, name := range []string{"kernel/hostname", "net/../kernel/hostname", "/net/ipv4/ip_forward", "net"} {
		if err := a.Sysctl(name, "x"); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%s: %v, want %v", name, err, os.ErrInvalid)
		}
	}
}

func TestCommandIsBornInTheNamespace(t *testing.T) {
	a, _ := labtest.Pair(t)
	var want string
	check(t, a.Do(func() (err error) {
		want, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	}))
	output, err := a.Command(t.Context(), "readlink", "/proc/self/ns/net").Output()
	if got := strings.TrimSpace(string(output)); got != want {
		t.Errorf("the process is in %s (%v), the host is %s", got, err, want)
	}
}

func TestCommandResults(t *testing.T) {
	a, _ := labtest.Pair(t)
	const script = "echo out; echo err >&2; exit 3"

	output, err := a.Command(t.Context(), "sh", "-c", script).Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 3 || string(exit.Stderr) != "err\n" || string(output) != "out\n" {
		t.Errorf("Output: %q, %v", output, err)
	}
	output, err = a.Command(t.Context(), "sh", "-c", script).CombinedOutput()
	if string(output) != "out\nerr\n" || err == nil || err.Error() != "exit status 3" {
		t.Errorf("CombinedOutput: %q, %v", output, err)
	}
	cmd := a.Command(t.Context(), "sh", "-c", script)
	for range 2 {
		if err := cmd.Wait(); err == nil {
			t.Error("Wait before Start: no error")
		}
	}
	check(t, cmd.Start())
	for range 2 {
		if err := cmd.Wait(); err == nil || err.Error() != "exit status 3" {
			t.Errorf("Wait: %v", err)
		}
	}
	if err := a.Command(t.Context(), "/no/such/program").Run(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that does not exist: %v", err)
	}
}

func TestCommandEndsWithItsContext(t *testing.T) {
	a, _ := labtest.Pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := a.Command(ctx, "sleep", "infinity")
	check(t, cmd.Start())
	cancel()
	if err := cmd.Wait(); !errors.Is(err, context.Canceled) && (err == nil || err.Error() != "signal: killed") {
		t.Errorf("Wait: %v", err)
	}
}

func TestTun(t *testing.T) {
	lab := labtest.New(t)
	h := newHost(t, lab, "host")
	tun, err := h.Tun("tun0")
	if device, openErr := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); openErr == nil {
		device.Close()
	} else if errors.Is(openErr, os.ErrPermission) {
		// Some systems let root alone open the device.
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("Tun: %v, want %v", err, os.ErrPermission)
		}
		return
	}
	check(t, err)
	check(t, h.Address("tun0", prefix("10.9.0.1/24")))
	check(t, h.SetLink("tun0", true))

	conn, err := h.Dial(t.Context(), "udp4", "10.9.0.2:53")
	check(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("query"))
	check(t, err)
	datagram := make([]byte, 64)
	n, err := tun.Read(datagram)
	check(t, err)
	const headers = 20 + 8 // IPv4 and UDP
	if n != headers+5 || datagram[0] != 0x45 || string(datagram[headers:n]) != "query" {
		t.Fatalf("read %d octets: % x", n, datagram[:n])
	}

	// The same datagram with the addresses and the ports exchanged, which leaves the checksums as they are, is an answer.
	answer := datagram[:n]
	for i := range 4 {
		answer[12+i], answer[16+i] = answer[16+i], answer[12+i]
	}
	answer[20], answer[21], answer[22], answer[23] = answer[22], answer[23], answer[20], answer[21]
	_, err = tun.Write(answer)
	check(t, err)
	buffer := make([]byte, 64)
	if n, err := conn.Read(buffer); err != nil || string(buffer[:n]) != "query" {
		t.Errorf("read %q (%v)", buffer[:n], err)
	}

	check(t, tun.Close())
	if err := h.SetLink("tun0", true); err == nil {
		t.Error("the interface is still there")
	}
}
