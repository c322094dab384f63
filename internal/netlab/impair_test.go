package netlab_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/tcphdr"
)

// A cable is two hosts, a with 10.0.0.1 and b with 10.0.0.2, and a third in between that is to impair what they send.
type cable struct{ a, b, middle *netlab.Host }

func newCable(t *testing.T) cable {
	t.Helper()
	lab := labtest.New(t)
	c := cable{newHost(t, lab, "a"), newHost(t, lab, "b"), newHost(t, lab, "middle")}
	none := netlab.NoChecksumOffload()
	check(t, lab.Link(c.a, "eth0", prefix("10.0.0.1/24"), c.middle, "eth0", netip.Prefix{}, none))
	check(t, lab.Link(c.b, "eth0", prefix("10.0.0.2/24"), c.middle, "eth1", netip.Prefix{}, none))
	return c
}

func (c cable) impair(t *testing.T, seed uint64, rules ...netlab.Impairment) *netlab.Impairer {
	t.Helper()
	i, err := c.middle.Impair("eth0", "eth1", seed, rules...)
	check(t, err)
	t.Cleanup(func() { i.Close() })
	return i
}

// connect opens a connection from a to b, and returns both ends.
func (c cable) connect(t *testing.T) (a, b net.Conn) {
	t.Helper()
	listener, err := c.b.Listen("tcp4", "10.0.0.2:0")
	check(t, err)
	defer listener.Close()
	a, err = c.a.Dial(t.Context(), "tcp4", listener.Addr().String())
	check(t, err)
	t.Cleanup(func() { a.Close() })
	b, err = listener.Accept()
	check(t, err)
	t.Cleanup(func() { b.Close() })
	return a, b
}

// A seen is a frame as a capture has it.
type seen struct {
	at    time.Time
	frame []byte
}

// frames returns what is in a capture, whose format is that of pcap-savefile(5).
func frames(t *testing.T, wire *labtest.Capture) (found []seen) {
	t.Helper()
	file, err := os.ReadFile(wire.Stop(t))
	check(t, err)
	for b := file[24:]; len(b) > 0; {
		n := 16 + binary.NativeEndian.Uint32(b[8:])
		at := time.Unix(int64(binary.NativeEndian.Uint32(b)), int64(binary.NativeEndian.Uint32(b[4:])))
		found = append(found, seen{at, b[16:n]})
		b = b[n:]
	}
	return found
}

// has reports whether in a frame there is a segment that has some control bits and lacks others.
func has(frame []byte, set, clear tcphdr.Flags) bool {
	p := netlab.Passage{Frame: frame}
	_, tcp, ok := p.Segment()
	return ok && tcp.Flags.Has(set) && tcp.Flags&clear == 0
}

// segments returns the frames of a capture with such segments.
func segments(t *testing.T, wire *labtest.Capture, set, clear tcphdr.Flags) []seen {
	t.Helper()
	return slices.DeleteFunc(frames(t, wire), func(s seen) bool { return !has(s.frame, set, clear) })
}

// passages returns those of such segments.
func passages(i *netlab.Impairer, set, clear tcphdr.Flags) []netlab.Passage {
	return slices.DeleteFunc(i.Log(), func(p netlab.Passage) bool { return !has(p.Frame, set, clear) })
}

func TestImpairNothing(t *testing.T) {
	c := newCable(t)
	i := c.impair(t, 1)
	atA, atB := labtest.Wire(t, c.a, "eth0"), labtest.Wire(t, c.b, "eth0")
	a, b := c.connect(t)
	_, err := io.WriteString(a, "over")
	check(t, err)
	buffer := make([]byte, 4)
	if _, err := io.ReadFull(b, buffer); err != nil || string(buffer) != "over" {
		t.Errorf("b read %q (%v)", buffer, err)
	}
	check(t, i.Close())

	// Before the impairer a frame is in one capture, behind it in the other.
	captures := map[netlab.Direction][2][]seen{
		netlab.FromA: {segments(t, atA, 0, 0), segments(t, atB, 0, 0)},
		netlab.FromB: {segments(t, atB, 0, 0), segments(t, atA, 0, 0)},
	}
	at := func(s []seen, frame []byte) time.Time {
		n := slices.IndexFunc(s, func(s seen) bool { return bytes.Equal(s.frame, frame) })
		if n < 0 {
			t.Fatalf("a frame in the log is in no capture: % x", frame)
		}
		return s[n].at
	}
	log := passages(i, 0, 0)
	if len(log) < 4 {
		t.Fatalf("%d segments passed, want at least SYN, SYN-ACK, ACK and data", len(log))
	}
	for _, p := range log {
		if p.Rule != -1 || len(p.Sent) != 1 {
			t.Errorf("rule %d acted, sent %d times; want -1, 1", p.Rule, len(p.Sent))
			continue
		}
		before, behind := at(captures[p.From][0], p.Frame), at(captures[p.From][1], p.Frame)
		if p.Received.Before(before) || p.Sent[0].Before(p.Received) || behind.Before(p.Sent[0]) {
			t.Errorf("the times do not increase: %v, received %v, sent %v, %v", before, p.Received, p.Sent[0], behind)
		}
	}
}

func TestImpairDrop(t *testing.T) {
	c := newCable(t)
	i := c.impair(t, 1, netlab.Impairment{From: netlab.FromA, Set: tcphdr.SYN, Nth: 1, Action: netlab.Drop})
	atA, atB := labtest.Wire(t, c.a, "eth0"), labtest.Wire(t, c.b, "eth0")
	c.connect(t)
	check(t, i.Close())
	if before, behind := segments(t, atA, tcphdr.SYN, tcphdr.ACK), segments(t, atB, tcphdr.SYN, tcphdr.ACK); len(before) != 2 || len(behind) != 1 {
		t.Errorf("of %d SYNs %d passed; want 2, 1", len(before), len(behind))
	}
	log := passages(i, tcphdr.SYN, tcphdr.ACK)
	if len(log) != 2 || len(log[0].Sent) != 0 || log[0].Rule != 0 || len(log[1].Sent) != 1 || log[1].Rule != -1 {
		t.Errorf("the log: %+v", log)
	}
}

func TestImpairDelay(t *testing.T) {
	const delay = 100 * time.Millisecond
	c := newCable(t)
	i := c.impair(t, 1, netlab.Impairment{From: netlab.FromA, Set: tcphdr.PSH, Nth: 1, Action: netlab.Delay, Time: delay})
	atB := labtest.Wire(t, c.b, "eth0")
	first, firstAtB := c.connect(t)
	second, secondAtB := c.connect(t)
	for _, conn := range []net.Conn{first, second} {
		_, err := conn.Write([]byte{1})
		check(t, err)
	}
	for _, conn := range []net.Conn{secondAtB, firstAtB} {
		_, err := io.ReadFull(conn, make([]byte, 1))
		check(t, err)
	}
	check(t, i.Close())
	log := passages(i, tcphdr.PSH, 0)
	if len(log) != 2 || log[0].Rule != 0 || log[1].Rule != -1 || len(log[0].Sent) != 1 || len(log[1].Sent) != 1 {
		t.Fatalf("the log: %+v", log)
	}
	if took := log[0].Sent[0].Sub(log[0].Received); took < delay {
		t.Errorf("delayed by %v, want at least %v", took, delay)
	}
	got := segments(t, atB, tcphdr.PSH, 0)
	if len(got) != 2 || !bytes.Equal(got[0].frame, log[1].Frame) || !bytes.Equal(got[1].frame, log[0].Frame) {
		t.Errorf("the frame behind the delayed one has waited for it: %+v", got)
	}
}

func TestImpairDuplicate(t *testing.T) {
	const delay = 20 * time.Millisecond
	c := newCable(t)
	i := c.impair(t, 1, netlab.Impairment{Set: tcphdr.SYN | tcphdr.ACK, Action: netlab.Duplicate, Time: delay},
		netlab.Impairment{From: netlab.FromA, Set: tcphdr.PSH, Action: netlab.Delay, Time: 2 * delay})
	atA := labtest.Wire(t, c.a, "eth0")
	a, b := c.connect(t)
	_, err := a.Write([]byte{1}) // by the time that it is through, both are
	check(t, err)
	_, err = io.ReadFull(b, make([]byte, 1))
	check(t, err)
	check(t, i.Close())
	log := passages(i, tcphdr.SYN|tcphdr.ACK, 0)
	if len(log) != 1 || len(log[0].Sent) != 2 {
		t.Fatalf("the log: %+v", log)
	}
	if took := log[0].Sent[1].Sub(log[0].Received); took < delay {
		t.Errorf("the second left after %v, want at least %v", took, delay)
	}
	got := segments(t, atA, tcphdr.SYN|tcphdr.ACK, 0)
	if len(got) != 2 || !bytes.Equal(got[0].frame, got[1].frame) {
		t.Errorf("a received: %+v", got)
	}
}

func TestImpairSwap(t *testing.T) {
	c := newCable(t)
	i := c.impair(t, 1, netlab.Impairment{From: netlab.FromA, Set: tcphdr.PSH, Nth: 1, Action: netlab.Swap})
	atB := labtest.Wire(t, c.b, "eth0")
	a, b := c.connect(t)
	for _, text := range []string{"first", "second"} {
		_, err := io.WriteString(a, text)
		check(t, err)
	}
	buffer := make([]byte, len("firstsecond"))
	if _, err := io.ReadFull(b, buffer); err != nil || string(buffer) != "firstsecond" {
		t.Errorf("b read %q (%v)", buffer, err)
	}
	check(t, i.Close())
	got := segments(t, atB, tcphdr.PSH, 0)
	if len(got) < 2 || !bytes.HasSuffix(got[0].frame, []byte("second")) || !bytes.HasSuffix(got[1].frame, []byte("first")) {
		t.Errorf("b received: %v", got)
	}
}

func TestImpairCorrupt(t *testing.T) {
	c := newCable(t)
	i := c.impair(t, 3, netlab.Impairment{From: netlab.FromA, Set: tcphdr.SYN, Nth: 1, Action: netlab.Corrupt})
	atB := labtest.Wire(t, c.b, "eth0")
	c.connect(t) // by the SYN that was sent again: b has dropped the first
	check(t, i.Close())
	log := passages(i, tcphdr.SYN, tcphdr.ACK)
	if len(log) != 2 || log[0].Rule != 0 || len(log[0].Sent) != 1 {
		t.Fatalf("the log: %+v", log)
	}
	sent := log[0].Frame
	for _, row := range frames(t, atB) {
		if len(row.frame) != len(sent) {
			continue
		}
		different := 0
		for n := range sent {
			different += bits.OnesCount8(sent[n] ^ row.frame[n])
		}
		if different == 1 && bytes.Equal(sent[:14], row.frame[:14]) {
			return
		}
	}
	t.Error("b received no frame with one bit changed")
}

// decisions returns which of 64 SYNs to a closed port were doubled.
func decisions(t *testing.T, seed uint64) (doubled []bool) {
	t.Helper()
	c := newCable(t)
	i := c.impair(t, seed, netlab.Impairment{From: netlab.FromA, Set: tcphdr.SYN, Clear: tcphdr.ACK, Chance: 0.5, Action: netlab.Duplicate})
	for range 64 {
		if _, err := c.a.Dial(t.Context(), "tcp4", "10.0.0.2:7"); err == nil {
			t.Fatal("connected to a closed port")
		}
	}
	check(t, i.Close())
	for _, p := range passages(i, tcphdr.SYN, tcphdr.ACK) {
		if len(p.Sent) != p.Rule+2 {
			t.Errorf("rule %d acted, sent %d times", p.Rule, len(p.Sent))
		}
		doubled = append(doubled, p.Rule == 0)
	}
	return doubled
}

func TestImpairDecidesByItsSeed(t *testing.T) {
	first, again, other := decisions(t, 7), decisions(t, 7), decisions(t, 8)
	if len(first) != 64 || !slices.Equal(first, again) {
		t.Errorf("with the same seed:\n%v\n%v", first, again)
	}
	if slices.Equal(first, other) {
		t.Errorf("with another seed the same: %v", other)
	}
	doubled := 0
	for _, d := range first {
		if d {
			doubled++
		}
	}
	if doubled < 16 || doubled > 48 {
		t.Errorf("of 64 frames %d were doubled, by a chance of one half", doubled)
	}
}

func TestImpairFirstRuleThatActs(t *testing.T) {
	c := newCable(t)
	i := c.impair(t, 1,
		netlab.Impairment{From: netlab.FromB, Action: netlab.Pass},
		netlab.Impairment{Set: tcphdr.SYN, Clear: tcphdr.ACK, Action: netlab.Pass},
		netlab.Impairment{Set: tcphdr.RST, Action: netlab.Drop},
		netlab.Impairment{Action: netlab.Pass})
	if _, err := c.a.Dial(t.Context(), "tcp4", "10.0.0.2:7"); err == nil {
		t.Fatal("connected to a closed port")
	}
	check(t, i.Close())
	var got []int
	for _, p := range i.Log() {
		got = append(got, p.Rule)
	}
	// ARP request and reply, SYN, RST of b.
	if want := []int{3, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("rules %v, want %v", got, want)
	}
}

func TestImpairLeavesNothingBehind(t *testing.T) {
	c := newCable(t)
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		check(t, err)
		return len(entries)
	}
	before := open()
	i := c.impair(t, 1, netlab.Impairment{From: netlab.FromA, Set: tcphdr.SYN, Action: netlab.Delay, Time: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.a.Dial(ctx, "tcp4", "10.0.0.2:7")
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Errorf("Dial with a SYN that is an hour late: %v", err)
	}
	check(t, i.Close())
	check(t, i.Close())
	if after := open(); after != before {
		t.Errorf("%d descriptors are open, there were %d", after, before)
	}
	log := passages(i, tcphdr.SYN, 0)
	if len(log) == 0 || len(log[0].Sent) != 0 {
		t.Errorf("the log: %+v", log)
	}
}

func TestImpairNoSuchInterface(t *testing.T) {
	c := newCable(t)
	if i, err := c.middle.Impair("eth0", "eth9", 1); err == nil {
		i.Close()
		t.Error("no error")
	}
}

// TestImpairReplace: a frame is written out as something else, and another goes back to where it came from.
func TestImpairReplace(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	replacement := func(frame []byte) (on, back []byte) {
		if i := bytes.Index(frame, []byte("swallow")); i >= 0 {
			return nil, nil
		}
		if i := bytes.Index(frame, []byte("request")); i >= 0 && len(frame) > 42 {
			on = bytes.Clone(frame)
			copy(on[i:], "REQUEST")
			on[40], on[41] = 0, 0 // no UDP checksum
			back = slices.Concat(frame[6:12], frame[:6], frame[12:26], frame[30:34], frame[26:30], frame[36:38], frame[34:36], frame[38:40], []byte{0, 0}, frame[42:])
			return on, back
		}
		return frame, nil
	}
	c.impair(t, 1, netlab.Impairment{From: netlab.FromA, Action: netlab.Replace, Replacement: replacement})
	a, err := c.a.ListenPacket("udp4", "10.0.0.1:7")
	check(t, err)
	defer a.Close()
	b, err := c.b.ListenPacket("udp4", "10.0.0.2:7")
	check(t, err)
	defer b.Close()
	for _, text := range []string{"swallow", "request"} {
		_, err = a.WriteTo([]byte(text), b.LocalAddr())
		check(t, err)
	}
	for conn, want := range map[net.PacketConn]string{a: "request", b: "REQUEST"} {
		check(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		buffer := make([]byte, 100)
		n, _, err := conn.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != want {
			t.Errorf("%q, %v; want %q", buffer[:n], err, want)
		}
	}
}
