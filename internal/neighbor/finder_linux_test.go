package neighbor_test

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
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
	"tcpprobe/internal/neighbor"
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
	hostBMAC = [6]byte{0x02, 0x00, 10, 0, 0, 2}

	theirHA    = [6]byte{0x02, 0x21, 0x22, 0x23, 0x24, 0x25}
	strangerHA = [6]byte{0x02, 0x31, 0x32, 0x33, 0x34, 0x35}
)

// finder is a neighbor.Finder on a host, and the host's link.
type finder struct {
	*neighbor.Finder
	t    *testing.T
	host *netlab.Host
	link neighbor.Link
}

func open(t *testing.T, h *netlab.Host) *finder { return openWith(t, t.Context(), h) }

func openWith(t *testing.T, ctx context.Context, h *netlab.Host) *finder {
	t.Helper()
	f := &finder{t: t, host: h, link: linkOf(t, h, "eth0")}
	err := h.Do(func() (err error) {
		f.Finder, err = neighbor.Open(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// answer is how a question ended.
type answer struct {
	neighbor.Result
	events []neighbor.Event
	err    error
}

// ask begins a question, and returns where its end will be told.
func (f *finder) ask(target netip.Addr, observe func(neighbor.Event)) <-chan answer {
	ended := make(chan answer, 1)
	var events []neighbor.Event // which only the finder's goroutine appends to, until it tells the end
	f.Find(f.link, hostA, target, func(e neighbor.Event) {
		events = append(events, e)
		if observe != nil {
			observe(e)
		}
	}, func(r neighbor.Result, err error) { ended <- answer{r, events, err} })
	return ended
}

func (f *finder) lookup(target netip.Addr) answer { return <-f.ask(target, nil) }

// forget forgets a neighbour, as soon as that counts.
func (f *finder) forget(target netip.Addr) {
	for {
		if f.Forget(f.hop(target)); !f.knows(target) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (f *finder) knows(target netip.Addr) bool {
	_, ok := f.Known(f.hop(target))
	return ok
}

// hop is a neighbour on the finder's link.
func (f *finder) hop(address netip.Addr) neighbor.Hop {
	return neighbor.Hop{Index: f.link.Index, Address: address}
}

func linkOf(t *testing.T, h *netlab.Host, ifname string) neighbor.Link {
	t.Helper()
	var link neighbor.Link
	err := h.Do(func() error {
		i, err := net.InterfaceByName(ifname)
		if err == nil {
			link = neighbor.Link{Index: i.Index, Name: i.Name, HardwareAddr: [6]byte(i.HardwareAddr)}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// sender sends frames from a host, in any shape.
type sender struct {
	t    *testing.T
	fd   int
	link neighbor.Link
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
func (s *sender) send(to [6]byte, vlan uint16, octets []byte) {
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
func (s *sender) reply(to [6]byte, p arp.Packet) {
	p.Operation = arp.Reply
	octets, err := p.Append(nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.send(to, 0, octets)
}

// answerTo returns the octets of the answer of a faithful neighbour to a request.
func answerTo(t *testing.T, request arp.Packet) []byte {
	octets, err := arp.Packet{Operation: arp.Reply, SenderHA: theirHA, SenderPA: request.TargetPA, TargetHA: request.SenderHA, TargetPA: request.SenderPA}.Append(nil)
	if err != nil {
		t.Error(err)
	}
	return octets
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

// stampAll returns when the kernel stamps every packet, which it begins to do a moment after it was asked to.
func stampAll(t *testing.T) {
	t.Helper()
	stamping, err := socket.StartStamping()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stamping.Close() })
	if !stamping.Wait(5 * time.Second) {
		t.Fatal("the kernel stamps nothing")
	}
}

// packet is the ARP packet of an event.
func packet(t *testing.T, e neighbor.Event) arp.Packet {
	t.Helper()
	p, err := arp.Parse(e.Octets)
	if err != nil {
		t.Error(err)
	}
	return p
}

// The kernel of the other host answers. The capture has our request and its reply, the kernel of our own host says
// nothing and learns nothing, and the times are those of the capture.
func TestLookup(t *testing.T) {
	a, _ := labtest.Pair(t)
	stampAll(t)
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	result := c.lookup(hostB)
	if result.err != nil {
		t.Fatal(result.err)
	}
	if result.MAC != hostBMAC || result.Source != "arp" || result.Attempts != 1 || !slices.Equal(result.Answers, [][6]byte{hostBMAC}) || result.Ignored != 0 {
		t.Errorf("result %+v", result)
	}
	if result.Clock != stamp.Kernel || result.Duration <= 0 {
		t.Errorf("duration %v by the clock %v", result.Duration, result.Clock)
	}
	if len(result.events) != 2 {
		t.Fatalf("observed %+v", result.events)
	}
	request := arp.Packet{Operation: arp.Request, SenderHA: c.link.HardwareAddr, SenderPA: hostA, TargetPA: hostB}
	if e := result.events[0]; !e.Out || packet(t, e) != request || e.EtherSource != c.link.HardwareAddr || e.EtherDestination != arp.Broadcast || e.Link != c.link || e.Address != hostB || e.Peer != hostA || e.Attempt != 1 {
		t.Errorf("first event %+v", e)
	}
	reply := arp.Packet{Operation: arp.Reply, SenderHA: hostBMAC, SenderPA: hostB, TargetHA: c.link.HardwareAddr, TargetPA: hostA}
	if e := result.events[1]; e.Out || packet(t, e) != reply || e.EtherSource != hostBMAC || e.Address != hostB || e.Peer != hostA || e.MAC != hostBMAC || e.Verdict != neighbor.Accepted || e.Sent != result.events[0].At {
		t.Errorf("second event %+v", e)
	}
	if known, ok := c.Known(c.hop(hostB)); !ok || known != result.Entry {
		t.Errorf("known is %+v, %t", known, ok)
	}

	var entry route.Neighbor
	err := a.Do(func() error {
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
	ours := arp.MAC(c.link.HardwareAddr).String()
	want := [][]string{
		{"1", ours, "ff:ff:ff:ff:ff:ff", "10.0.0.1", "10.0.0.2"},
		{"2", arp.MAC(hostBMAC).String(), ours, "10.0.0.2", "10.0.0.1"},
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
	stampAll(t)
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	result := c.lookup(nobody)
	var failed *neighbor.Error
	if !errors.Is(result.err, neighbor.ErrTimeout) || !errors.As(result.err, &failed) || failed.Target != nobody || failed.Interface != "eth0" {
		t.Fatalf("error %v", result.err)
	}
	if want := "nobody answered for 10.0.0.9 on eth0"; result.err.Error() != want {
		t.Errorf("error %q, want %q", result.err, want)
	}
	if result.Attempts != 3 || len(result.events) != 3 || result.MAC != ([6]byte{}) || result.Duration != 0 {
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
		// The first may have left late by what a busy machine takes from the decision to the wire.
		if apart < 950*time.Millisecond || apart > 1500*time.Millisecond {
			t.Errorf("request %d came %v after the one before it", i+1, apart)
		}
		stamps, source := stamp.Between(result.events[i-1].At, result.events[i].At)
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
		s.reply(us, change(func(p *arp.Packet) { p.SenderHA = [6]byte{} }))
		s.reply(strangerHA, forged)                                  // a frame to another station
		s.reply([6]byte{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}, forged) // to a group

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

		s.send(us, 0, append(answerTo(t, request), make([]byte, 18)...)) // padded, as frames are that need to be
	})
	result := open(t, a).lookup(nobody)
	if result.err != nil {
		t.Fatal(result.err)
	}
	if result.MAC != theirHA || !slices.Equal(result.Answers, [][6]byte{theirHA}) || result.Attempts != 1 {
		t.Errorf("result %+v", result)
	}
	want := map[string]int{"a reply to another station": 2, "SenderHA is zero": 1, "not a reply": 1}
	notes := make(map[string]int)
	for _, e := range result.events {
		if !e.Out && e.Verdict == neighbor.Ignored {
			notes[e.Note]++
		}
	}
	if !maps.Equal(notes, want) || result.Ignored != 4 {
		t.Errorf("ignored %d: %v, want %v", result.Ignored, notes, want)
	}
	last := result.events[len(result.events)-1]
	if len(last.Octets) != arp.Size {
		t.Errorf("the answer has %d octets, want it without the padding", len(last.Octets))
	}
	if last.Verdict != neighbor.Accepted || last.EtherSource != hostBMAC || last.MAC != theirHA {
		t.Errorf("the answer's event is %+v; want the frame's source beside another SenderHA", last)
	}
}

// Link-local addresses are answered by broadcast (RFC 3927 2.5).
func TestBroadcastAnswer(t *testing.T) {
	a, b := labtest.Pair(t)
	respond(t, b, func(s *sender, request arp.Packet) {
		s.reply(arp.Broadcast, arp.Packet{SenderHA: theirHA, SenderPA: request.TargetPA, TargetHA: request.SenderHA, TargetPA: request.SenderPA})
	})
	if result := open(t, a).lookup(nobody); result.err != nil || result.MAC != theirHA {
		t.Errorf("result %+v, %v", result, result.err)
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
	result := open(t, a).lookup(nobody)
	if result.err != nil || result.MAC != theirHA || result.Attempts != 2 || result.Duration < 999*time.Millisecond {
		t.Errorf("result %+v, %v", result, result.err)
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
		result := c.lookup(target)
		if result.err != nil || result.MAC != theirHA || len(result.Answers) != 1 || len(result.events) != 2 {
			t.Fatalf("%v: result %+v, %v", target, result, result.err)
		}
	}
	late := c.Conflicts()
	if len(late) != 1 {
		t.Fatalf("late events %+v", late)
	}
	if e := late[0]; e.Verdict != neighbor.Conflict || e.Address != nobody || e.MAC != strangerHA || e.Link != c.link {
		t.Errorf("late event %+v", e)
	}
	if late := c.Conflicts(); len(late) != 0 {
		t.Errorf("told again: %+v", late)
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
	for _, want := range [][6]byte{theirHA, strangerHA} {
		c.forget(nobody)
		if result := c.lookup(nobody); result.err != nil || !slices.Equal(result.Answers, [][6]byte{want}) {
			t.Fatalf("result %+v, %v; want the one answer %v", result, result.err, want)
		}
	}
	if late := c.Conflicts(); len(late) != 1 || late[0].Verdict != neighbor.Moved || late[0].Address != nobody || late[0].MAC != strangerHA {
		t.Errorf("late events %+v", late)
	}
}

// A second station answers after the lookup, and nothing is looked up any more.
func TestB91_ConflictIsFoundAtTheEnd(t *testing.T) {
	a, b := labtest.Pair(t)
	c := open(t, a)
	if result := c.lookup(hostB); result.err != nil {
		t.Fatal(result.err)
	}
	newSender(t, b, "eth0").reply(c.link.HardwareAddr, arp.Packet{SenderHA: strangerHA, SenderPA: hostB, TargetHA: c.link.HardwareAddr, TargetPA: hostA})
	for deadline := time.Now().Add(10 * time.Second); ; {
		late := c.Conflicts()
		if len(late) > 0 {
			if len(late) != 1 || late[0].Verdict != neighbor.Conflict || late[0].MAC != strangerHA {
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
		octets := func(mac [6]byte) []byte {
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
	result := c.lookup(nobody)
	if result.err != nil || result.MAC != theirHA {
		t.Fatalf("result %+v, %v", result, result.err)
	}
	// Whether the second came before or after the lookup returned is up to the scheduler. It is told once, either way.
	found := len(result.Answers) - 1
	for deadline := time.Now().Add(10 * time.Second); found == 0; {
		late := c.Conflicts()
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
	result := c.lookup(nobody)
	if result.err != nil || result.MAC != theirHA || len(result.events) != 3 {
		t.Fatalf("result %+v, %v", result, result.err)
	}
	if e := result.events[1]; e.Verdict != neighbor.AddressConflict || e.MAC != strangerHA {
		t.Errorf("event %+v", e)
	}
	// Both lookups are in the name of the address. The second tells of what it meets; nothing is told twice.
	if result = c.lookup(nobody2); result.err != nil || len(result.events) != 3 {
		t.Fatalf("result %+v, %v", result, result.err)
	}
	if late := c.Conflicts(); len(late) != 0 {
		t.Errorf("late events %+v", late)
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
	result := open(t, a).lookup(nobody)
	if result.err != nil || len(result.events) != 2 || result.MAC != theirHA {
		t.Errorf("result %+v, %v", result, result.err)
	}
}

// A reply counts on the link of its request alone.
func TestB90_AnswerOnAnotherLink(t *testing.T) {
	a, b := twoLinks(t)
	elsewhere := newSender(t, b, "eth1")
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		elsewhere.reply(strangerHA, arp.Packet{SenderHA: [6]byte{0x02, 9, 9, 9, 9, 9}, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	result := open(t, a).lookup(nobody)
	if result.err != nil || result.MAC != theirHA || len(result.Answers) != 1 || len(result.events) != 2 {
		t.Errorf("result %+v, %v", result, result.err)
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

// However many ask for a neighbour, it is asked once, and whoever asks again later is told what is known.
func TestOneQuestionForAll(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	var ends []<-chan answer
	for range 100 {
		ends = append(ends, c.ask(hostB, nil), c.ask(nobody, nil))
	}
	observed := 0
	for i, ended := range ends {
		result := <-ended
		observed += len(result.events)
		if i%2 == 0 && (result.err != nil || result.MAC != hostBMAC) || i%2 == 1 && !errors.Is(result.err, neighbor.ErrTimeout) {
			t.Errorf("question %d: %+v", i, result)
		}
	}
	for target, want := range map[netip.Addr]error{hostB: nil, nobody: neighbor.ErrTimeout} {
		if again := c.lookup(target); len(again.events) != 0 || !errors.Is(again.err, want) {
			t.Errorf("asked again for %v: %+v", target, again)
		}
	}
	if rows := wire.Tshark(t, "arp.opcode == 1", "frame.number"); len(rows) != 4 || observed != 2+3 {
		t.Errorf("%d requests left, and %d packets were observed; want 4 and 5", len(rows), observed)
	}
}

// A neighbour that seems to be gone is asked once a second, however often it is forgotten (RFC 1122 2.3.2.1).
func TestForgetAsksOnceASecond(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	requests := 0
	for begun := time.Now(); time.Since(begun) < 2500*time.Millisecond; time.Sleep(5 * time.Millisecond) {
		result := c.lookup(hostB)
		if result.err != nil || result.MAC != hostBMAC {
			t.Fatalf("result %+v", result)
		}
		requests += len(result.events) / 2
		c.Forget(c.hop(hostB))
	}
	rows := wire.Tshark(t, "arp.opcode == 1", "frame.time_epoch")
	if len(rows) != 3 || requests != 3 {
		t.Fatalf("%d requests left and %d were observed in 2.5 s, want 3", len(rows), requests)
	}
	for i := range rows[1:] {
		if apart := epoch(t, rows[i+1][0]).Sub(epoch(t, rows[i][0])); apart < 999*time.Millisecond {
			t.Errorf("requests %d and %d are %v apart", i+1, i+2, apart)
		}
	}
}

// What a flood leaves in memory is bounded, and the answer behind it counts.
func TestH04_FloodOfForgedAnswers(t *testing.T) {
	a, b := labtest.Pair(t)
	const forgeries = 100
	respond(t, b, func(s *sender, request arp.Packet) {
		us := request.SenderHA
		for range forgeries {
			s.reply(us, arp.Packet{SenderPA: nobody, TargetHA: us, TargetPA: hostA})
		}
		s.reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	})
	result := open(t, a).lookup(nobody)
	if result.err != nil || result.MAC != theirHA || result.Ignored != forgeries {
		t.Fatalf("result %+v, %v", result, result.err)
	}
	if n := len(result.events); n != 65 || result.events[n-1].Verdict != neighbor.Accepted {
		t.Errorf("%d events, the last %+v; want 64 and the answer", n, result.events[n-1])
	}
}

func TestH11_InterfaceFails(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(a, b *netlab.Host) error
		want error
	}{
		{"down", func(a, b *netlab.Host) error { return a.SetLink("eth0", false) }, unix.ENETDOWN},
		{"without a carrier", func(a, b *netlab.Host) error { return b.SetLink("eth0", false) }, unix.ENETDOWN},
		{"gone", func(a, b *netlab.Host) error { return a.DeleteLink("eth0") }, unix.ENXIO},
	} {
		for _, request := range []int{0, 1, 3} {
			t.Run(test.name+" after request "+strconv.Itoa(request), func(t *testing.T) {
				t.Parallel()
				a, b := labtest.Pair(t)
				c := open(t, a)
				fail := func() {
					if err := test.fail(a, b); err != nil {
						t.Error(err)
					}
				}
				if request == 0 {
					fail()
				}
				result := <-c.ask(nobody, func(neighbor.Event) {
					if request--; request == 0 {
						fail()
					}
				})
				var op *net.OpError
				if !errors.Is(result.err, test.want) || errors.Is(result.err, neighbor.ErrTimeout) || !errors.As(result.err, &op) {
					t.Errorf("error %v after %d requests, want %v", result.err, result.Attempts, test.want)
				}
			})
		}
	}
}

func TestQuestionsEndWithTheContext(t *testing.T) {
	a, _ := labtest.Pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := openWith(t, ctx, a)
	result := <-c.ask(nobody, func(neighbor.Event) { cancel() })
	if !errors.Is(result.err, context.Canceled) || result.Attempts != 1 {
		t.Errorf("result %+v, error %v", result, result.err)
	}
	if result = c.lookup(nobody); !errors.Is(result.err, context.Canceled) || result.Attempts != 0 {
		t.Errorf("with a context that has ended: result %+v, error %v", result, result.err)
	}
	if want := "ARP for 10.0.0.9 on eth0: context canceled"; result.err == nil || result.err.Error() != want {
		t.Errorf("error %v, want %s", result.err, want)
	}
}

// Questions that wait for their turn end with the Finder, too, each once.
func TestClose(t *testing.T) {
	a, _ := labtest.Pair(t)
	c := &finder{t: t, host: a, link: linkOf(t, a, "eth0")}
	err := a.Do(func() (err error) {
		c.Finder, err = neighbor.Open(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const questions = 300 // more than are asked at once
	var ends []<-chan answer
	for i := range questions {
		ends = append(ends, c.ask(netip.AddrFrom4([4]byte{10, 0, 1 + byte(i>>8), byte(i)}), nil))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for i, ended := range ends {
		if result := <-ended; !errors.Is(result.err, context.Canceled) {
			t.Errorf("question %d ended with %v", i, result.err)
		}
	}
}
