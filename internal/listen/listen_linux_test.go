package listen_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/internal/listen"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// open listens on an interface of a host, until the test ends or stop is called.
func open(t *testing.T, h *netlab.Host, name string) (l *listen.Listener, stop func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	err := h.Do(func() (err error) {
		l, err = listen.Open(ctx, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); l.Close() })
	return l, stop
}

// segment is what is told of a packet.
type segment struct {
	client bool // sent it
	out    capfile.Direction
	flags  tcphdr.Flags
	data   int
	vlans  []uint32
}

// next returns the next segment.
func next(t *testing.T, l *listen.Listener, client netip.Addr) segment {
	t.Helper()
	var c capfile.Packet
	if err := l.Next(&c); err != nil {
		t.Fatal(err)
	}
	var p link.Packet
	if err := link.NewDecoder(0).Decode(c.LinkType, c.Data, c.Length, &p); err != nil {
		t.Fatalf("packet %d: %v", c.Number, err)
	}
	h, _, err := tcphdr.Parse(p.Datagram.Payload)
	if err != nil && p.Length == len(p.Datagram.Payload) {
		t.Fatalf("packet %d: %v", c.Number, err)
	}
	if age := time.Since(time.Unix(0, c.Time)); age < 0 || age > time.Minute || c.Direction != p.Direction {
		t.Errorf("packet %d is %v old, %v and %v", c.Number, age, c.Direction, p.Direction)
	}
	return segment{p.Datagram.Src == client, p.Direction, h.Flags, p.Length - 20 - len(h.Options), slices.Clone(p.VLANs.All())}
}

// TestListen: both ends of a connection see the same handshake, and of the data what is pushed and acknowledged.
func TestListen(t *testing.T) {
	a, b := labtest.Pair(t)
	clientAddress := netip.MustParseAddr("10.0.0.1")
	server, err := b.Listen("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	atServer, _ := open(t, b, "eth0")
	atClient, _ := open(t, a, "eth0")
	go func() {
		c, err := server.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "hello\n")
		c.Close()
	}()
	c, err := a.Dial(t.Context(), "tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for place, l := range map[string]*listen.Listener{"server": atServer, "client": atClient} {
		out, in := capfile.Inbound, capfile.Outbound
		if place == "client" {
			out, in = in, out
		}
		for i, want := range []segment{
			{true, out, tcphdr.SYN, 0, nil}, {false, in, tcphdr.SYN | tcphdr.ACK, 0, nil}, {true, out, tcphdr.ACK, 0, nil}, {false, in, tcphdr.PSH | tcphdr.ACK, 6, nil},
		} {
			if got := next(t, l, clientAddress); got.client != want.client || got.out != want.out || got.flags != want.flags || got.data != want.data {
				t.Errorf("%s, segment %d: %+v, want %+v", place, i+1, got, want)
			}
		}
	}
	if i := atServer.Interface(); i.Name != "eth0" || i.LinkType != capfile.LinkLinuxSLL2 {
		t.Errorf("%+v", i)
	}
}

// TestLoopback: each packet is there once, though the kernel shows it twice.
func TestLoopback(t *testing.T) {
	a, _ := labtest.Pair(t)
	server, err := a.Listen("tcp", "127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l, _ := open(t, a, "lo")
	c, err := a.Dial(t.Context(), "tcp", "127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, want := range []tcphdr.Flags{tcphdr.SYN, tcphdr.SYN | tcphdr.ACK, tcphdr.ACK} {
		if got := next(t, l, netip.Addr{}); got.flags != want {
			t.Errorf("segment %d: %v, want %v", i+1, got.flags, want)
		}
	}
}

// everything passes every frame.
func everything(t *testing.T) []bpf.RawInstruction {
	t.Helper()
	program, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// sender sends frames of its own from eth0 of a host.
type sender struct {
	ring    *socket.Ring
	ifindex int
}

func newSender(t *testing.T, h *netlab.Host) (s sender) {
	t.Helper()
	err := h.Do(func() (err error) {
		device, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		s.ifindex = device.Index
		s.ring, err = socket.OpenRing(everything(t), stamp.NewClock(stamp.System))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ring.Close() })
	return s
}

func (s sender) send(t *testing.T, etherType uint16, octets []byte) {
	t.Helper()
	if err := s.ring.Send(s.ifindex, etherType, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, octets); err != nil {
		t.Fatal(err)
	}
}

// tcp is a datagram with a segment.
func tcp(t *testing.T, src, dst netip.AddrPort, flags tcphdr.Flags, data int) []byte {
	t.Helper()
	segment, err := tcphdr.Header{SrcPort: src.Port(), DstPort: dst.Port(), Flags: flags}.Append(nil, src.Addr(), dst.Addr(), make([]byte, data))
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	if src.Addr().Is4() {
		b, err = rawip.Header{TTL: 64, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, segment)
	} else {
		b, err = rawip.Header6{HopLimit: 64, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, segment)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVLAN: the tag that the kernel has taken off is there.
func TestVLAN(t *testing.T) {
	a, b := labtest.Pair(t)
	l, _ := open(t, b, "eth0")
	s := newSender(t, a)
	src, dst := netip.MustParseAddrPort("[2001:db8::1]:1000"), netip.MustParseAddrPort("[2001:db8::2]:80")
	s.send(t, unix.ETH_P_8021Q, append([]byte{0x20, 100, 0x86, 0xdd}, tcp(t, src, dst, tcphdr.SYN, 0)...))
	if _, err := s.ring.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, l, src.Addr()); !got.client || got.flags != tcphdr.SYN || !slices.Equal(got.vlans, []uint32{100}) {
		t.Errorf("%+v", got)
	}
}

// TestLoad: under 20,000 handshakes a second, and more than the ring holds while nobody looks, every packet is delivered or counted.
func TestLoad(t *testing.T) {
	a, b := labtest.Pair(t)
	l, _ := open(t, b, "eth0")
	s := newSender(t, a)
	const handshakes, slots = 40000, 32768
	client, server := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.2:80")
	packets := [][]byte{
		tcp(t, client, server, tcphdr.SYN, 0), tcp(t, server, client, tcphdr.SYN|tcphdr.ACK, 0),
		tcp(t, client, server, tcphdr.ACK, 0), tcp(t, client, server, tcphdr.ACK, 100), // the last one is none of ours
	}
	begin := make(chan struct{})
	ended := make(chan int, 1) // by which of the last segments it was that came through
	n := 0
	go func() {
		<-begin
		for p := new(capfile.Packet); l.Next(p) == nil; n++ {
			if segment := p.Data[20+20:]; tcphdr.Flags(segment[13]) == tcphdr.FIN {
				ended <- int(binary.BigEndian.Uint16(segment))
				return
			}
		}
	}()
	start := time.Now()
	for i := range handshakes {
		for _, p := range packets {
			binary.BigEndian.PutUint16(p[20:], uint16(i))
			s.send(t, unix.ETH_P_IP, p)
		}
		if i == 15000 { // by now there were 45,000
			close(begin)
		}
		if i > 15000 && i%200 == 0 { // 20,000 a second
			time.Sleep(time.Until(start.Add(time.Duration(i-15000) * 50 * time.Microsecond)))
		}
	}
	if _, err := s.ring.Flush(); err != nil {
		t.Fatal(err)
	}
	last := 0
	for number := uint16(1); last == 0; number++ {
		s.send(t, unix.ETH_P_IP, tcp(t, netip.AddrPortFrom(client.Addr(), number), server, tcphdr.FIN, 0))
		if _, err := s.ring.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case last = <-ended:
		case <-time.After(200 * time.Millisecond):
		}
	}
	drops, err := l.Drops()
	if err != nil || n+int(drops) != 3*handshakes+last-1 {
		t.Errorf("%d received, %d dropped, of %d: %v", n, drops, 3*handshakes+last-1, err)
	}
	if least := 44000 - slots; int(drops) < least {
		t.Errorf("%d dropped: nobody looked at the first 44,000, and there is room for %d", drops, slots)
	}
	t.Logf("%d received, %d dropped in %v", n, drops, time.Since(start))
}

// TestEnd: the listener ends with its context, and with its interface.
func TestEnd(t *testing.T) {
	a, b := labtest.Pair(t)
	l, stop := open(t, a, "eth0")
	ended := make(chan error)
	go func() { ended <- l.Next(new(capfile.Packet)) }()
	stop()
	if err := <-ended; err != io.EOF {
		t.Errorf("at its end: %v", err)
	}
	l, _ = open(t, b, "eth0")
	go func() { ended <- l.Next(new(capfile.Packet)) }()
	if err := b.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("after its interface: %v", err)
	}
	for name, want := range map[string]error{"eth0": unix.ENETDOWN, "eth9": unix.ENODEV} {
		err := b.Do(func() error {
			_, err := listen.Open(t.Context(), name)
			return err
		})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
