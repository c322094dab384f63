package socket_test

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

const experimental = 0x88b5 // EtherType for local experiments (IEEE 802)

// onEtherType passes frames of the EtherType of these tests.
func onEtherType(t *testing.T) []bpf.RawInstruction {
	t.Helper()
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: experimental, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.RetConstant{Val: 1 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// openRing opens a Ring on a host, and finds its eth0.
func openRing(t *testing.T, h *netlab.Host) (r *socket.Ring, clock *stamp.Clock, ifindex int) {
	t.Helper()
	clock = stamp.NewClock(stamp.System)
	err := h.Do(func() (err error) {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		ifindex = link.Index
		r, err = socket.OpenRing(onEtherType(t), clock)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, clock, ifindex
}

var everybody = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// TestRing: what the batch sends, the ring on the other side receives, in order, octet by octet and stamped, for longer
// than once around.
func TestRing(t *testing.T) {
	a, b := labtest.Pair(t)
	sender, _, ifindex := openRing(t, a)
	receiver, clock, _ := openRing(t, b)
	const rounds, each = 100, 200 // of 8192 slots
	last := clock.Now()
	for round := range rounds {
		for i := range each {
			octets := make([]byte, 8+(round+i)%400)
			binary.BigEndian.PutUint64(octets, uint64(round*each+i))
			if err := sender.Send(ifindex, experimental, everybody, octets); err != nil {
				t.Fatal(err)
			}
		}
		if sent, err := sender.Flush(); err != nil || sent != each-128 {
			t.Fatalf("round %d: %d packets were left to send, %v", round, sent, err)
		}
		for i := range each {
			var f socket.Frame
			octets, ok, err := receiver.Receive(nil, &f)
			if !ok || err != nil {
				t.Fatalf("packet %d of round %d: %t, %v", i, round, ok, err)
			}
			if n := binary.BigEndian.Uint64(octets); n != uint64(round*each+i) || len(octets) != 8+(round+i)%400 || f.Length != len(octets) {
				t.Fatalf("packet %d of round %d is number %d, with %d octets of %d", i, round, n, len(octets), f.Length)
			}
			if f.Type != socket.ToBroadcast || f.Protocol != experimental || f.Source == ([6]byte{}) {
				t.Fatalf("%+v", f)
			}
			if f.Stamp.Source() != stamp.Kernel || f.Stamp.Kernel.Before(last) {
				t.Fatalf("packet %d of round %d: stamp %v, after one of %v", i, round, f.Stamp, last)
			}
			last = f.Stamp.Kernel
		}
		var f socket.Frame
		if _, ok, err := receiver.Receive(nil, &f); ok || err != nil {
			t.Fatalf("one more than was sent: %t, %v", ok, err)
		}
	}
	if n, err := receiver.Drops(); n != 0 || err != nil {
		t.Errorf("%d drops, %v", n, err)
	}
	// The sender's own ring has seen them leave.
	var f socket.Frame
	if _, ok, err := sender.Receive(nil, &f); !ok || err != nil || f.Type != socket.FromHost {
		t.Errorf("of what left it sees %t, %v, %+v", ok, err, f)
	}
}

// TestRingLongPackets: of a longer packet than a slot holds, the beginning is received.
func TestRingLongPackets(t *testing.T) {
	a, b := labtest.Pair(t)
	receiver, _, _ := openRing(t, b)
	clock := stamp.NewClock(stamp.System)
	err := a.Do(func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		p, err := socket.OpenPacket(onEtherType(t), clock)
		if err != nil {
			return err
		}
		defer p.Close()
		return p.Send(link.Index, experimental, everybody, make([]byte, 1400))
	})
	if err != nil {
		t.Fatal(err)
	}
	var f socket.Frame
	octets, ok, err := receiver.Receive(nil, &f)
	if !ok || err != nil || len(octets) != 432 || f.Length != 1400 {
		t.Errorf("%t, %v: %d octets of %d", ok, err, len(octets), f.Length)
	}
}

// TestRingOverflow: what finds no room is counted, and what was there is still there.
func TestRingOverflow(t *testing.T) {
	a, b := labtest.Pair(t)
	sender, _, ifindex := openRing(t, a)
	receiver, _, _ := openRing(t, b)
	const slots, more = 8192, 1000
	for i := range slots + more {
		if err := sender.Send(ifindex, experimental, everybody, binary.BigEndian.AppendUint64(nil, uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sender.Flush(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; ; n++ {
		var f socket.Frame
		octets, ok, err := receiver.Receive(nil, &f)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if number := binary.BigEndian.Uint64(octets); number != uint64(n) {
			t.Fatalf("packet %d is number %d", n, number)
		}
	}
	if drops, err := receiver.Drops(); err != nil || n+drops != slots+more || n != slots {
		t.Errorf("%d received, %d dropped, %v", n, drops, err)
	}
}

// TestBatchOnALinkThatIsDown: the error says how many are lost, and by which interface, and the next batch is another.
func TestBatchOnALinkThatIsDown(t *testing.T) {
	a, _ := labtest.Pair(t)
	sender, _, ifindex := openRing(t, a)
	if err := a.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := sender.Send(ifindex, experimental, everybody, make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
	}
	sent, err := sender.Flush()
	lost, ok := errors.AsType[*socket.SendError](err)
	if sent != 0 || !ok || lost.Lost != 5 || lost.Interface != ifindex || !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("%d sent: %v", sent, err)
	}
	if sent, err := sender.Flush(); sent != 0 || err != nil {
		t.Errorf("and then %d sent: %v", sent, err)
	}
	if err := sender.Send(ifindex, experimental, everybody, make([]byte, 513)); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a packet that is too long: %v", err)
	}
}
