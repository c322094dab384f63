package arp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/arp"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/route"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// The two hosts of labtest.Pair, and addresses on their link that neither has.
var (
	hostA    = netip.MustParseAddr("10.0.0.1")
	hostB    = netip.MustParseAddr("10.0.0.2")
	nobody   = netip.MustParseAddr("10.0.0.9")
	nobody2  = netip.MustParseAddr("10.0.0.10")
	hostBMAC = arp.MAC{0x02, 0x00, 10, 0, 0, 2}
)

// client is an arp.Client on a host, and the host's link.
type client struct {
	*arp.Client
	t    *testing.T
	host *netlab.Host
	link arp.Link
}

func open(t *testing.T, h *netlab.Host) *client {
	t.Helper()
	c := &client{t: t, host: h, link: linkOf(t, h, "eth0")}
	err := h.Do(func() (err error) {
		c.Client, err = arp.Open(stamp.NewClock(stamp.System))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func linkOf(t *testing.T, h *netlab.Host, ifname string) arp.Link {
	t.Helper()
	var link arp.Link
	err := h.Do(func() error {
		i, err := net.InterfaceByName(ifname)
		if err == nil {
			link = arp.Link{Index: i.Index, Name: i.Name, HardwareAddr: arp.MAC(i.HardwareAddr)}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// lookup asks on the host's thread, as a process in its namespace would.
func (c *client) lookup(ctx context.Context, target netip.Addr, observe func(arp.Event)) (arp.Result, error) {
	var result arp.Result
	err := c.host.Do(func() (err error) {
		result, err = c.Lookup(ctx, c.link, hostA, target, observe)
		return err
	})
	return result, err
}

// sender sends frames from a host, in any shape.
type sender struct {
	t    *testing.T
	fd   int
	link arp.Link
}

// newSender returns a sender whose Ethernet headers are made by hand too.
func newSender(t *testing.T, h *netlab.Host, ifname string) *sender {
	t.Helper()
	s := &sender{t: t, link: linkOf(t, h, ifname)}
	err := h.Do(func() (err error) {
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// send sends octets behind an Ethernet header, whose source is the host's own MAC. With a VLAN it has a tag.
func (s *sender) send(to arp.MAC, vlan uint16, octets []byte) {
	frame := append(to[:], s.link.HardwareAddr[:]...)
	if vlan != 0 {
		frame = binary.BigEndian.AppendUint16(frame, 0x8100)
		frame = binary.BigEndian.AppendUint16(frame, vlan)
	}
	frame = binary.BigEndian.AppendUint16(frame, 0x0806)
	frame = append(frame, octets...)
	if err := unix.Sendto(s.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: s.link.Index}); err != nil {
		s.t.Error("sendto:", err)
	}
}

// reply sends a reply.
func (s *sender) reply(to arp.MAC, p arp.Packet) {
	p.Operation = arp.Reply
	octets, err := p.Append(nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.send(to, 0, octets)
}

// respond calls f with each request that host A broadcasts, on host b and until the test ends.
func respond(t *testing.T, b *netlab.Host, f func(s *sender, request arp.Packet)) {
	t.Helper()
	s := newSender(t, b, "eth0")
	filter, err := bpf.Assemble(arp.Filter(hostA))
	if err != nil {
		t.Fatal(err)
	}
	var received *socket.Packet
	err = b.Do(func() (err error) {
		received, err = socket.OpenPacket(filter, stamp.NewClock(stamp.System))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiter, err := socket.NewWaiter(ctx, received.FD())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
		waiter.Close()
		received.Close()
	})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			buffer := make([]byte, 64)
			var frame socket.Frame
			octets, ok, err := received.Receive(buffer, &frame)
			switch {
			case err != nil:
				t.Error(err)
				return
			case !ok:
				if err := waiter.Wait(time.Time{}); err != nil {
					t.Error(err)
					return
				}
			case frame.Type == socket.ToBroadcast:
				request, err := arp.Parse(octets)
				if err != nil || request.Operation != arp.Request {
					t.Errorf("received %x: %v", octets, err)
					return
				}
				f(s, request)
			}
		}
	}()
}

// The kernel of the other host answers. The capture has our request and its reply, the kernel of our own host says
// nothing and learns nothing, and the times are those of the capture.
func TestLookup(t *testing.T) {
	a, _ := labtest.Pair(t)
	wire := labtest.Wire(t, a, "eth0") // has the kernel stamp packets before the Client asks for it
	c := open(t, a)
	var observed []arp.Event
	result, err := c.lookup(t.Context(), hostB, func(e arp.Event) { observed = append(observed, e) })
	if err != nil {
		t.Fatal(err)
	}
	if result.MAC != hostBMAC || result.Attempts != 1 || !slices.Equal(result.Answers, []arp.MAC{hostBMAC}) || len(result.Ignored) != 0 {
		t.Errorf("result %+v", result)
	}
	if result.Clock != stamp.Kernel || result.Duration <= 0 {
		t.Errorf("duration %v by the clock %v", result.Duration, result.Clock)
	}
	if !slices.Equal(observed, result.Events) || len(observed) != 2 {
		t.Fatalf("observed %+v, result has %+v", observed, result.Events)
	}
	request := arp.Packet{Operation: arp.Request, SenderHA: c.link.HardwareAddr, SenderPA: hostA, TargetPA: hostB}
	if e := observed[0]; !e.Out || e.Packet != request || e.EtherSource != c.link.HardwareAddr || e.Link != c.link {
		t.Errorf("first event %+v", e)
	}
	reply := arp.Packet{Operation: arp.Reply, SenderHA: hostBMAC, SenderPA: hostB, TargetHA: c.link.HardwareAddr, TargetPA: hostA}
	if e := observed[1]; e.Out || e.Packet != reply || e.EtherSource != hostBMAC || e.Verdict != arp.Accepted {
		t.Errorf("second event %+v", e)
	}

	var entry route.Neighbor
	err = a.Do(func() error {
		kernel, err := route.OpenCache()
		if err != nil {
			return err
		}
		defer kernel.Close()
		entry, err = kernel.Neighbor(c.link.Index, hostB)
		return err
	})
	if err != nil || entry.Known {
		t.Errorf("the kernel's neighbour entry: %+v, %v; want none", entry, err)
	}

	rows := wire.Tshark(t, "arp", "frame.time_epoch", "arp.opcode", "eth.src", "eth.dst", "arp.src.proto_ipv4", "arp.dst.proto_ipv4")
	ours := c.link.HardwareAddr.String()
	want := [][]string{
		{"1", ours, "ff:ff:ff:ff:ff:ff", "10.0.0.1", "10.0.0.2"},
		{"2", hostBMAC.String(), ours, "10.0.0.2", "10.0.0.1"},
	}
	if len(rows) != len(want) {
		t.Fatalf("the capture has %v", rows)
	}
	for i := range want {
		if !slices.Equal(rows[i][1:], want[i]) {
			t.Errorf("frame %d: %v, want %v", i+1, rows[i][1:], want[i])
		}
	}
	// The capture stamps a frame just before the driver does, and the processor may do other things in between.
	if off := (result.Duration - epoch(t, rows[1][0]).Sub(epoch(t, rows[0][0]))).Abs(); off > 2*time.Millisecond {
		t.Errorf("%v is %v off the capture's duration", result.Duration, off)
	}
}

// epoch reads a time as tshark writes it.
func epoch(t *testing.T, text string) time.Time {
	t.Helper()
	seconds, fraction, _ := strings.Cut(text, ".")
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	ns, err2 := strconv.ParseInt(fraction, 10, 64)
	if err := errors.Join(err1, err2); err != nil || len(fraction) != 9 {
		t.Fatalf("time %q: %v", text, err)
	}
	return time.Unix(s, ns)
}

func TestB92_SilentTarget(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	result, err := c.lookup(t.Context(), nobody, nil)
	var failed *arp.Error
	if !errors.Is(err, arp.ErrTimeout) || !errors.As(err, &failed) || failed.Target != nobody || failed.Interface != "eth0" {
		t.Fatalf("error %v", err)
	}
	if want := "nobody answered for 10.0.0.9 on eth0"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if result.Attempts != 3 || len(result.Events) != 3 || result.MAC != (arp.MAC{}) || result.Duration != 0 {
		t.Errorf("result %+v", result)
	}
	rows := wire.Tshark(t, "arp", "frame.time_epoch", "arp.opcode", "arp.dst.proto_ipv4")
	if len(rows) != 3 {
		t.Fatalf("the capture has %v", rows)
	}
	for i, row := range rows {
		if !slices.Equal(row[1:], []string{"1", "10.0.0.9"}) {
			t.Errorf("frame %d: %v", i+1, row)
		}
		if i == 0 {
			continue
		}
		apart := epoch(t, row[0]).Sub(epoch(t, rows[i-1][0]))
		if apart < 999*time.Millisecond || apart > 1500*time.Millisecond {
			t.Errorf("request %d came %v after the one before it", i+1, apart)
		}
		stamps, source := stamp.Between(result.Events[i-1].At, result.Events[i].At)
		if off := (stamps - apart).Abs(); source != stamp.Kernel || off > 2*time.Millisecond {
			t.Errorf("requests %d and %d: %v apart by the %v clock, %v in the capture", i, i+1, stamps, source, apart)
		}
	}
}

// Everything that is wrong comes before the answer, and from a station on the link.
func TestH04_ForgedAnswers(t *testing.T) {
	a, b := labtest.Pair(t)
	us := linkOf(t, a, "eth0").HardwareAddr
	respond(t, b, func(s *sender, request arp.Packet) {
		forged := arp.Packet{SenderHA: strangerHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA}
		change := func(f func(p *arp.Packet)) arp.Packet { p := forged; f(&p); return p }
		s.reply(us, change(func(p *arp.Packet) { p.SenderPA = nobody2 }))
		s.reply(us, change(func(p *arp.Packet) { p.TargetPA = nobody2 }))
		s.reply(us, change(func(p *arp.Packet) { p.TargetHA = strangerHA }))
		s.reply(us, change(func(p *arp.Packet) { p.SenderHA = arp.Broadcast }))
		s.reply(us, change(func(p *arp.Packet) { p.SenderHA = arp.MAC{} }))
		s.reply(strangerHA, forged)                                  // a frame to another station
		s.reply(arp.MAC{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}, forged) // to a group

		forged.Operation = arp.Reply
		octets, err := forged.Append(nil)
		if err != nil {
			t.Error(err)
			return
		}
		s.send(us, 100, octets) // in a VLAN
		s.send(us, 0, octets[:27])
		for i := range 6 { // other types and lengths
			wrong := slices.Clone(octets)
			wrong[i]++
			s.send(us, 0, wrong)
		}
		wrong := slices.Clone(octets)
		wrong[7] = 1 // operation
		s.send(us, 0, wrong)

		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	result, err := open(t, a).lookup(t.Context(), nobody, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.MAC != theirHA || !slices.Equal(result.Answers, []arp.MAC{theirHA}) || result.Attempts != 1 {
		t.Errorf("result %+v", result)
	}
	want := map[arp.Verdict]int{arp.NotForUs: 2, arp.BadSender: 2, arp.NotReply: 1}
	if len(result.Ignored) != len(want) {
		t.Errorf("ignored %v, want %v", result.Ignored, want)
	}
	for verdict, n := range want {
		if result.Ignored[verdict] != n {
			t.Errorf("ignored %d as %v, want %d", result.Ignored[verdict], verdict, n)
		}
	}
	last := result.Events[len(result.Events)-1]
	if last.Verdict != arp.Accepted || last.EtherSource != hostBMAC || last.Packet.SenderHA != theirHA {
		t.Errorf("the answer's event is %+v; want the frame's source beside another SenderHA", last)
	}
}

// Link-local addresses are answered by broadcast (RFC 3927 2.5).
func TestBroadcastAnswer(t *testing.T) {
	a, b := labtest.Pair(t)
	respond(t, b, func(s *sender, request arp.Packet) {
		s.reply(arp.Broadcast, arp.Packet{SenderHA: theirHA, SenderPA: request.TargetPA, TargetHA: request.SenderHA, TargetPA: request.SenderPA})
	})
	if result, err := open(t, a).lookup(t.Context(), nobody, nil); err != nil || result.MAC != theirHA {
		t.Errorf("result %+v, %v", result, err)
	}
}

// The answer to the second request counts as well, a second later.
func TestLostRequest(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	requests := 0
	respond(t, b, func(s *sender, request arp.Packet) {
		if requests++; requests == 2 {
			s.reply(request.SenderHA, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: request.SenderHA, TargetPA: hostA})
		}
	})
	result, err := open(t, a).lookup(t.Context(), nobody, nil)
	if err != nil || result.MAC != theirHA || result.Attempts != 2 || result.Duration < 999*time.Millisecond {
		t.Errorf("result %+v, %v", result, err)
	}
}

// A second station answers for the same address, while the next lookup is under way.
func TestB91_ConflictIsFoundLater(t *testing.T) {
	a, b := labtest.Pair(t)
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		if request.TargetPA == nobody2 {
			s.reply(us, arp.Packet{SenderHA: strangerHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
			s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
		}
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: request.TargetPA, TargetHA: us, TargetPA: hostA})
	})
	c := open(t, a)
	for _, target := range []netip.Addr{nobody, nobody2} {
		result, err := c.lookup(t.Context(), target, nil)
		if err != nil || result.MAC != theirHA || len(result.Answers) != 1 || len(result.Events) != 2 {
			t.Fatalf("%v: result %+v, %v", target, result, err)
		}
	}
	late, err := c.Conflicts()
	if err != nil || len(late) != 1 {
		t.Fatalf("late events %+v, %v", late, err)
	}
	if e := late[0]; e.Verdict != arp.Conflict || e.Packet.SenderPA != nobody || e.Packet.SenderHA != strangerHA || e.Link != c.link {
		t.Errorf("late event %+v", e)
	}
	if late, err := c.Conflicts(); err != nil || len(late) != 0 {
		t.Errorf("told again: %+v, %v", late, err)
	}
}

// A later lookup of the same address takes the place of the earlier one, so that nothing is told twice.
func TestB91_ConflictInTheSecondLookupOfTheSameAddress(t *testing.T) {
	a, b := labtest.Pair(t)
	requests := 0
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		if requests++; requests == 2 {
			s.reply(us, arp.Packet{SenderHA: strangerHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
			return
		}
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	c := open(t, a)
	for _, want := range []arp.MAC{theirHA, strangerHA} {
		if result, err := c.lookup(t.Context(), nobody, nil); err != nil || !slices.Equal(result.Answers, []arp.MAC{want}) {
			t.Fatalf("result %+v, %v; want the one answer %v", result, err, want)
		}
	}
	if late, err := c.Conflicts(); err != nil || len(late) != 0 {
		t.Errorf("late events %+v, %v", late, err)
	}
}

// A second station answers after the lookup, and nothing is looked up any more.
func TestB91_ConflictIsFoundAtTheEnd(t *testing.T) {
	a, b := labtest.Pair(t)
	c := open(t, a)
	if _, err := c.lookup(t.Context(), hostB, nil); err != nil {
		t.Fatal(err)
	}
	newSender(t, b, "eth0").reply(c.link.HardwareAddr, arp.Packet{SenderHA: strangerHA, SenderPA: hostB, TargetHA: c.link.HardwareAddr, TargetPA: hostA})
	for deadline := time.Now().Add(10 * time.Second); ; {
		late, err := c.Conflicts()
		if err != nil {
			t.Fatal(err)
		}
		if len(late) > 0 {
			if len(late) != 1 || late[0].Verdict != arp.Conflict || late[0].Packet.SenderHA != strangerHA {
				t.Errorf("late events %+v", late)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the second answer was not noticed")
		}
	}
}

// Both stations answer at once: the first is used, and both are listed.
func TestB91_ConflictDuringTheLookup(t *testing.T) {
	a, b := labtest.Pair(t)
	c := open(t, a)
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		octets := func(mac arp.MAC) []byte {
			p := arp.Packet{Operation: arp.Reply, SenderHA: mac, SenderPA: nobody, TargetHA: us, TargetPA: hostA}
			b, err := p.Append(nil)
			if err != nil {
				t.Error(err)
			}
			return b
		}
		s.send(us, 0, octets(theirHA))
		s.send(us, 0, octets(strangerHA))
	})
	result, err := c.lookup(t.Context(), nobody, nil)
	if err != nil || result.MAC != theirHA {
		t.Fatalf("result %+v, %v", result, err)
	}
	// Whether the second came before or after the lookup returned is up to the scheduler. It is told once, either way.
	found := len(result.Answers) - 1
	for deadline := time.Now().Add(10 * time.Second); found == 0; {
		late, err := c.Conflicts()
		if err != nil {
			t.Fatal(err)
		}
		found = len(late)
		if time.Now().After(deadline) {
			t.Fatal("the second answer was not noticed")
		}
	}
	if found != 1 {
		t.Errorf("the second answer was told %d times", found)
	}
}

func TestB91_AnotherStationHasOurAddress(t *testing.T) {
	a, b := labtest.Pair(t)
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		s.reply(arp.Broadcast, arp.Packet{SenderHA: strangerHA, SenderPA: hostA, TargetHA: arp.Broadcast, TargetPA: hostA})
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: request.TargetPA, TargetHA: us, TargetPA: hostA})
	})
	c := open(t, a)
	result, err := c.lookup(t.Context(), nobody, nil)
	if err != nil || result.MAC != theirHA || len(result.Events) != 3 {
		t.Fatalf("result %+v, %v", result, err)
	}
	if e := result.Events[1]; e.Verdict != arp.AddressConflict || e.Packet.SenderHA != strangerHA {
		t.Errorf("event %+v", e)
	}
	// Both lookups are in the name of the address. The second tells of what it meets; nothing is told twice.
	if result, err = c.lookup(t.Context(), nobody2, nil); err != nil || len(result.Events) != 3 {
		t.Fatalf("result %+v, %v", result, err)
	}
	if late, err := c.Conflicts(); err != nil || len(late) != 0 {
		t.Errorf("late events %+v, %v", late, err)
	}
}

// A host with two interfaces on one link hears itself.
func TestB91_OurOwnOtherInterfaceIsNoConflict(t *testing.T) {
	a, b := twoLinks(t)
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		s.reply(arp.Broadcast, arp.Packet{SenderHA: strangerHA, SenderPA: hostA, TargetPA: hostA})
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	result, err := open(t, a).lookup(t.Context(), nobody, nil)
	if err != nil || len(result.Events) != 2 || result.MAC != theirHA {
		t.Errorf("result %+v, %v", result, err)
	}
}

// A reply counts on the link of its request alone.
func TestB90_AnswerOnAnotherLink(t *testing.T) {
	a, b := twoLinks(t)
	elsewhere := newSender(t, b, "eth1")
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		elsewhere.reply(strangerHA, arp.Packet{SenderHA: arp.MAC{0x02, 9, 9, 9, 9, 9}, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	result, err := open(t, a).lookup(t.Context(), nobody, nil)
	if err != nil || result.MAC != theirHA || len(result.Answers) != 1 || len(result.Events) != 2 {
		t.Errorf("result %+v, %v", result, err)
	}
}

// twoLinks is labtest.Pair with a second link between the hosts, whose ends have the MACs strangerHA and theirHA.
func twoLinks(t *testing.T) (a, b *netlab.Host) {
	t.Helper()
	lab := labtest.New(t)
	var hosts [2]*netlab.Host
	for i, name := range []string{"a", "b"} {
		h, err := lab.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	a, b = hosts[0], hosts[1]
	err := errors.Join(
		lab.Link(a, "eth0", netip.MustParsePrefix("10.0.0.1/24"), b, "eth0", netip.MustParsePrefix("10.0.0.2/24")),
		lab.Link(a, "eth1", netip.Prefix{}, b, "eth1", netip.Prefix{}, netlab.MAC(strangerHA, theirHA)),
	)
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// What a flood leaves in memory is bounded, and the answer behind it counts.
func TestH04_FloodOfForgedAnswers(t *testing.T) {
	a, b := labtest.Pair(t)
	const forgeries = 100
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		for range forgeries {
			s.reply(us, arp.Packet{SenderHA: arp.Broadcast, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
		}
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	result, err := open(t, a).lookup(t.Context(), nobody, nil)
	if err != nil || result.MAC != theirHA || result.Ignored[arp.BadSender] != forgeries {
		t.Fatalf("result %+v, %v", result, err)
	}
	if n := len(result.Events); n != 65 || result.Events[n-1].Verdict != arp.Accepted {
		t.Errorf("%d events, the last %+v; want 64 and the answer", n, result.Events[n-1])
	}
}

func TestH11_InterfaceFails(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(h *netlab.Host) error
		want error
	}{
		{"down", func(h *netlab.Host) error { return h.SetLink("eth0", false) }, unix.ENETDOWN},
		{"gone", func(h *netlab.Host) error { return h.DeleteLink("eth0") }, unix.ENXIO},
	} {
		for _, request := range []int{0, 1, 3} {
			t.Run(test.name+" after request "+strconv.Itoa(request), func(t *testing.T) {
				t.Parallel()
				a, _ := labtest.Pair(t)
				c := open(t, a)
				fail := func() {
					if err := test.fail(a); err != nil {
						t.Error(err)
					}
				}
				if request == 0 {
					fail()
				}
				result, err := c.lookup(t.Context(), nobody, func(arp.Event) {
					if request--; request == 0 {
						fail()
					}
				})
				var op *net.OpError
				if !errors.Is(err, test.want) || errors.Is(err, arp.ErrTimeout) || !errors.As(err, &op) {
					t.Errorf("error %v after %d requests, want %v", err, result.Attempts, test.want)
				}
			})
		}
	}
}

func TestLookupEndsWithItsContext(t *testing.T) {
	a, _ := labtest.Pair(t)
	c := open(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	result, err := c.lookup(ctx, nobody, func(arp.Event) { cancel() })
	if !errors.Is(err, context.Canceled) || result.Attempts != 1 {
		t.Errorf("result %+v, error %v", result, err)
	}
	if result, err = c.lookup(ctx, nobody, nil); !errors.Is(err, context.Canceled) || result.Attempts != 0 {
		t.Errorf("with a context that has ended: result %+v, error %v", result, err)
	}
	if want := "ARP for 10.0.0.9 on eth0: context canceled"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLookupRefusesIPv6(t *testing.T) {
	a, _ := labtest.Pair(t)
	if _, err := open(t, a).lookup(t.Context(), netip.IPv6Loopback(), nil); !errors.Is(err, arp.ErrMalformed) {
		t.Errorf("error %v", err)
	}
}
