package labtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tcpprobe/internal/netlab"
)

// A Capture is a file of the frames that an interface sends and receives, written while the test goes on.
type Capture struct {
	path   string
	finish func() error
}

// Wire captures what flies through an interface of a host, with the kernel's time stamps in nanoseconds. When it returns, the
// capture runs.
//
// It is no tcpdump, because that gives up root's rights in a way that a user namespace does not let it.
func Wire(t testing.TB, h *netlab.Host, ifname string) *Capture {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), h.Name()+"-"+ifname+".pcap"))
	if err != nil {
		t.Fatal(err)
	}
	var tap *tap
	err = h.Do(func() (err error) {
		tap, err = openTap(ifname)
		return err
	})
	if err != nil {
		file.Close()
		t.Fatalf("capture on %s of %s: %v", ifname, h.Name(), err)
	}
	copied := make(chan error, 1)
	go func() { copied <- errors.Join(tap.copyTo(file), file.Close()) }()
	c := &Capture{
		path: file.Name(),
		finish: sync.OnceValue(func() error {
			return errors.Join(tap.file.SetReadDeadline(time.Now()), <-copied, tap.file.Close())
		}),
	}
	t.Cleanup(func() { c.finish() })
	return c
}

// Stop ends the capture and returns the name of the file, in pcap-savefile(5) format. In it is every frame that the interface
// had sent, or handed to the host, before. It may be called more than once.
func (c *Capture) Stop(t testing.TB) string {
	t.Helper()
	if err := c.finish(); err != nil {
		t.Fatalf("capture %s: %v", filepath.Base(c.path), err)
	}
	return c.path
}

// Tshark ends the capture, has tshark decode it, and returns the fields of each frame that the display filter lets through, in
// order; an empty filter lets through all. Sequence numbers are as on the wire and checksums are checked. A field that the
// frame has more than once is given with commas, one that it has not is empty.
func (c *Capture) Tshark(t testing.TB, displayFilter string, fields ...string) [][]string {
	t.Helper()
	NeedTool(t, "tshark")
	args := []string{"-n", "-r", c.Stop(t), "-Y", displayFilter, "-T", "fields",
		"-o", "tcp.relative_sequence_numbers:FALSE", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"}
	for _, field := range fields {
		args = append(args, "-e", field)
	}
	var rows [][]string
	for line := range strings.Lines(string(output(t, "tshark", args...))) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

// A tap is a packet socket (packet(7)) that hears one interface.
type tap struct {
	file     *os.File
	linkType uint32 // of pcap-savefile(5)
	loopback bool
}

// The link types of pcap-savefile(5): Ethernet, which loopback imitates, and bare IP, which TUN interfaces carry.
const (
	linkTypeEthernet = 1
	linkTypeRaw      = 101
)

// frameLimit is more than the longest frame that the kernel hands up: 65535 octets of IP behind an Ethernet header.
const frameLimit = 1 << 17

func openTap(ifname string) (*tap, error) {
	// Protocol 0: it hears nothing until it is bound to its interface.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	t := &tap{file: os.NewFile(uintptr(fd), ifname)}
	if err := t.bind(fd, ifname); err != nil {
		return nil, errors.Join(err, t.file.Close())
	}
	return t, nil
}

func (t *tap) bind(fd int, ifname string) error {
	request, err := unix.NewIfreq(ifname)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return os.NewSyscallError("ioctl", err)
	}
	switch hardware := request.Uint16(); hardware {
	case unix.ARPHRD_ETHER:
		t.linkType = linkTypeEthernet
	case unix.ARPHRD_LOOPBACK:
		t.linkType, t.loopback = linkTypeEthernet, true
	case unix.ARPHRD_NONE:
		t.linkType = linkTypeRaw
	default:
		return fmt.Errorf("hardware type %d is unknown here", hardware)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return os.NewSyscallError("ioctl", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := growBuffer(fd, 64<<20); err != nil {
		return err
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: int(request.Uint32())}))
}

// growBuffer makes room for a burst of frames. Without privileges over the whole machine, there is less than asked for.
func growBuffer(fd, octets int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, octets) == nil {
		return nil
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, octets))
}

// copyTo writes frames in pcap-savefile(5) format, with nanoseconds, until the read deadline has passed and the socket is empty.
func (t *tap) copyTo(w io.Writer) error {
	header := binary.NativeEndian.AppendUint32(nil, 0xa1b23c4d) // magic number: nanoseconds, in our byte order
	header = binary.NativeEndian.AppendUint16(header, 2)        // version 2.4
	header = binary.NativeEndian.AppendUint16(header, 4)
	header = append(header, 0, 0, 0, 0, 0, 0, 0, 0) // reserved
	header = binary.NativeEndian.AppendUint32(header, frameLimit)
	header = binary.NativeEndian.AppendUint32(header, t.linkType)
	if _, err := w.Write(header); err != nil {
		return err
	}
	conn, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	r := reader{tap: t, w: w, frame: make([]byte, frameLimit), control: make([]byte, 64)}
	err = conn.Read(func(fd uintptr) bool { return r.drain(int(fd)) })
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = conn.Control(func(fd uintptr) {
			r.drain(int(fd))
			r.checkDrops(int(fd))
		})
	}
	return errors.Join(err, r.err)
}

// A reader moves frames from a tap to a file.
type reader struct {
	tap            *tap
	w              io.Writer
	frame, control []byte
	err            error
}

// drain copies all frames that wait in the socket. It returns true if it cannot go on, with err set.
func (r *reader) drain(fd int) bool {
	for {
		n, controls, _, from, err := unix.Recvmsg(fd, r.frame, r.control, 0)
		switch err {
		case nil:
			r.err = r.write(r.frame[:n], r.control[:controls], from)
		case unix.EAGAIN:
			return false
		case unix.EINTR, unix.ENETDOWN: // the interface went down: it may come up again
		default:
			r.err = os.NewSyscallError("recvmsg", err)
		}
		if r.err != nil {
			return true
		}
	}
}

func (r *reader) write(frame, control []byte, from unix.Sockaddr) error {
	// Loopback shows each frame twice: going out, and coming in.
	if ll, ok := from.(*unix.SockaddrLinklayer); ok && r.tap.loopback && ll.Pkttype == unix.PACKET_OUTGOING {
		return nil
	}
	at, err := timestamp(control)
	if err != nil {
		return err
	}
	record := binary.NativeEndian.AppendUint32(nil, uint32(at.Unix()))
	record = binary.NativeEndian.AppendUint32(record, uint32(at.Nanosecond()))
	record = binary.NativeEndian.AppendUint32(record, uint32(len(frame))) // octets in the file
	record = binary.NativeEndian.AppendUint32(record, uint32(len(frame))) // octets on the wire
	_, err = r.w.Write(append(record, frame...))
	return err
}

// timestamp finds the time at which the kernel saw a frame.
func timestamp(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS {
			var at unix.Timespec
			_, err := binary.Decode(m.Data, binary.NativeEndian, &at)
			return time.Unix(at.Unix()), err
		}
	}
	return time.Time{}, errors.New("the kernel gave no time stamp")
}

// checkDrops sets err if the kernel had no room for a frame.
func (r *reader) checkDrops(fd int) {
	stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	switch {
	case err != nil:
		r.err = errors.Join(r.err, os.NewSyscallError("getsockopt", err))
	case stats.Drops != 0:
		r.err = errors.Join(r.err, fmt.Errorf("%d frames lost", stats.Drops))
	}
}
