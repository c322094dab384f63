package socket_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// message returns a control message, padded as the kernel pads it.
func message(level, kind int32, data ...byte) []byte {
	b := long(nil, uint64(unix.SizeofCmsghdr+len(data)))
	b = binary.NativeEndian.AppendUint32(b, uint32(level))
	b = binary.NativeEndian.AppendUint32(b, uint32(kind))
	b = append(b, data...)
	for len(b)%unix.SizeofLong != 0 {
		b = append(b, 0xee)
	}
	return b
}

// long appends an unsigned long of this architecture.
func long(b []byte, v uint64) []byte {
	if unix.SizeofLong == 4 {
		return binary.NativeEndian.AppendUint32(b, uint32(v))
	}
	return binary.NativeEndian.AppendUint64(b, v)
}

// timespec returns a struct __kernel_old_timespec.
func timespec(seconds, nanoseconds uint64) []byte { return long(long(nil, seconds), nanoseconds) }

// wide returns a struct __kernel_timespec.
func wide(seconds, nanoseconds uint64) []byte {
	return binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, seconds), nanoseconds)
}

func TestControlMessage(t *testing.T) {
	control := message(1, 2, 0xa1, 0xa2, 0xa3)
	control = append(control, message(3, 4)...)
	control = append(control, message(1, 5, 0xb1)...)
	control = append(control, message(1, 2, 0xc1)...) // the first counts
	for _, test := range []struct {
		level, kind int32
		want        string
		found       bool
	}{
		{1, 2, "\xa1\xa2\xa3", true},
		{3, 4, "", true},
		{1, 5, "\xb1", true},
		{1, 4, "", false},
		{3, 2, "", false},
	} {
		if got := socket.ControlMessage(control, test.level, test.kind); string(got) != test.want || (got != nil) != test.found {
			t.Errorf("level %d type %d: % x, want % x", test.level, test.kind, got, test.want)
		}
	}
	for n := range control {
		socket.ControlMessage(control[:n], 1, 99) // and does not panic
	}
	for _, length := range []uint64{0, unix.SizeofCmsghdr - 1, 1 << 20, 1<<64 - 1} {
		bad := append(long(nil, length), message(1, 2, 0xa1)[unix.SizeofLong:]...)
		if got := socket.ControlMessage(bad, 1, 2); got != nil {
			t.Errorf("length %d: % x", length, got)
		}
	}
}

func FuzzControlMessage(f *testing.F) {
	f.Add(append(message(1, 2, 1, 2, 3), message(1, 2)...))
	f.Add(message(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_OLD, timespec(1, 2)...))
	f.Add(message(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, wide(1, 2)...))
	f.Fuzz(func(t *testing.T, control []byte) {
		for _, kind := range []int32{2, unix.SO_TIMESTAMPNS_OLD} {
			if got := socket.ControlMessage(control, 1, kind); len(got) > len(control)-unix.SizeofCmsghdr && got != nil {
				t.Errorf("%d octets out of %d", len(got), len(control))
			}
		}
		socket.Stamp(control)
		socket.SentNumber(control)
	})
}

func TestStamp(t *testing.T) {
	three := append(append(timespec(1_800_000_000, 123_456_789), timespec(0, 0)...), timespec(5, 6)...)
	wideThree := append(append(wide(5_000_000_000, 123_456_789), wide(0, 0)...), wide(5, 6)...)
	for name, test := range map[string]struct {
		control []byte
		want    int64
	}{
		"received":            {message(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_OLD, timespec(1_800_000_000, 987_654_321)...), 1_800_000_000_987_654_321},
		"received, 64 bits":   {message(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, wide(5_000_000_000, 987_654_321)...), 5_000_000_000_987_654_321},
		"sent":                {message(unix.SOL_SOCKET, unix.SO_TIMESTAMPING_OLD, three...), 1_800_000_000_123_456_789},
		"sent, 64 bits":       {message(unix.SOL_SOCKET, unix.SO_TIMESTAMPING_NEW, wideThree...), 5_000_000_000_123_456_789},
		"none":                {message(unix.SOL_PACKET, unix.PACKET_AUXDATA, 1, 2, 3, 4), 0},
		"cut off":             {message(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_OLD, timespec(1, 2)[:2*unix.SizeofLong-1]...), 0},
		"64 bits and cut off": {message(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, wide(1, 2)[:15]...), 0},
		"no control":          {nil, 0},
	} {
		if got := socket.Stamp(test.control); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// TestStampsOfThisSystem: the kernel's messages are read by the sizes that they have on this architecture.
func TestStampsOfThisSystem(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(
		socket.StampReceived(fd), socket.StampSent(fd),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
	); err != nil {
		t.Fatal(err)
	}
	self, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	var receiver socket.Receiver
	now := func(what string, flags int) []byte {
		t.Helper()
		_, control, errno := receiver.Receive(fd, make([]byte, 9), flags)
		if errno != 0 {
			t.Fatalf("%s: %v", what, errno)
		}
		if age := time.Since(time.Unix(0, socket.Stamp(control))).Abs(); age > time.Minute {
			t.Errorf("%s: % x says %v ago", what, control, age)
		}
		return control
	}
	for i := range uint32(3) {
		if i == 2 {
			if err := socket.StampSentAnew(fd); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Sendto(fd, []byte("datagram"), 0, self); err != nil {
			t.Fatal(err)
		}
		now("received", 0)
		if number, ok := socket.SentNumber(now("sent", unix.MSG_ERRQUEUE)); !ok || number != i%2 {
			t.Errorf("sent as number %d, %t", number, ok)
		}
	}
}

func TestSentNumber(t *testing.T) {
	extended := func(origin byte, number uint32) []byte {
		b := binary.NativeEndian.AppendUint32(nil, uint32(unix.ENOMSG))
		b = append(b, origin, 0, 0, 0)
		b = binary.NativeEndian.AppendUint32(b, 0)
		return binary.NativeEndian.AppendUint32(b, number)
	}
	for name, test := range map[string]struct {
		control []byte
		want    uint32
		ok      bool
	}{
		"of IP":         {message(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_TIMESTAMPING, 0x01020304)...), 0x01020304, true},
		"of packet":     {message(unix.SOL_PACKET, unix.PACKET_TX_TIMESTAMP, extended(unix.SO_EE_ORIGIN_TIMESTAMPING, 7)...), 7, true},
		"an ICMP error": {message(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP, 7)...), 0, false},
		"cut off":       {message(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_TIMESTAMPING, 7)[:15]...), 0, false},
		"none":          {message(unix.SOL_IP, unix.IP_TTL, 64, 0, 0, 0), 0, false},
	} {
		if got, ok := socket.SentNumber(test.control); got != test.want || ok != test.ok {
			t.Errorf("%s: %d, %t; want %d, %t", name, got, ok, test.want, test.ok)
		}
	}
}

func TestNetworkOrder(t *testing.T) {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], socket.NetworkOrder(0x0800))
	if b != [2]byte{0x08, 0x00} || socket.NetworkOrder(socket.NetworkOrder(0x1234)) != 0x1234 {
		t.Errorf("0x0800 is sent as % x", b)
	}
}

func TestAttachFilterLimits(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	drop := bpf.RawInstruction{Op: 0x06}
	for n, ok := range map[int]bool{0: false, 1: true, 4096: true, 4097: false, 65537: false} {
		filter := make([]bpf.RawInstruction, n)
		for i := range filter {
			filter[i] = drop
		}
		err := socket.AttachFilter(fd, filter)
		if (err == nil) != ok || n > 4096 && !strings.Contains(err.Error(), "4096") {
			t.Errorf("%d instructions: %v", n, err)
		}
	}
}

// pipe returns the two ends of a pipe.
func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func TestWaiter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first, _ := pipe(t)
	second, write := pipe(t)
	w, err := socket.NewWaiter(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	w.Add(second)
	wait := func(until time.Time) {
		t.Helper()
		if err := w.Wait(until); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	wait(begin.Add(-time.Hour)) // is over
	unix.Write(write, []byte{1})
	wait(begin.Add(200 * 365 * 24 * time.Hour)) // more seconds than 32 bits hold
	unix.Read(second, make([]byte, 1))
	until := begin.Add(3 * time.Millisecond)
	wait(until)
	if now := time.Now(); now.Before(until) {
		t.Errorf("back %v too early", until.Sub(now))
	}
	unix.Write(write, []byte{1})
	wait(time.Time{}) // there is something to read: no end of time is needed
	var b [1]byte
	unix.Read(second, b[:])
	cancel()
	wait(time.Time{})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestWaiterClosedFirst: a context that ends later writes into nobody's descriptor.
func TestWaiterClosedFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := socket.NewWaiter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, write := pipe(t) // has the descriptor that was the waiter's
	cancel()
	unix.Write(write, []byte{0x5a})
	var b [8]byte
	if n, err := unix.Read(r, b[:]); n != 1 || b[0] != 0x5a {
		t.Errorf("read % x, %v", b[:n], err)
	}
}

// TestPacketAndFrame: a packet socket sees what another host sends, and whom the frame was for.
func TestPacketAndFrame(t *testing.T) {
	a, b := labtest.Pair(t)
	all, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 9, Size: 1}, // protocol
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 1 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	var p *socket.Packet
	err = b.Do(func() (err error) {
		p, err = socket.OpenPacket(all, stamp.NewClock(stamp.System))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := a.Dial(t.Context(), "udp4", "10.0.0.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := strings.Repeat("x", 900)
	if _, err := conn.Write([]byte(sent)); err != nil {
		t.Fatal(err)
	}
	w, err := socket.NewWaiter(t.Context(), p.FD())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var small [100]byte
	var f socket.Frame
	for {
		octets, ok, err := p.Receive(small[:], &f)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			if len(octets) != 100 || f.Length != 928 || f.Protocol != unix.ETH_P_IP || f.Type != socket.ToHost || f.Source != [6]byte{2, 0, 10, 0, 0, 1} {
				t.Errorf("%d octets of %+v", len(octets), f)
			}
			break
		}
		if err := w.Wait(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Send(1<<20, unix.ETH_P_IP, [6]byte{2}, small[:]); !errors.Is(err, unix.ENXIO) || !strings.Contains(err.Error(), "sendto") {
		t.Errorf("sending on an interface that is not there: %v", err)
	}
	if n, err := p.Drops(); n != 0 || err != nil {
		t.Errorf("%d drops, %v", n, err)
	}
}
