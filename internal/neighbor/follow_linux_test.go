package neighbor_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tcpprobe/arp"
	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/netlab/labtest"
)

// await waits until a neighbour is known at a MAC.
func (f *finder) await(target netip.Addr, mac [6]byte) {
	f.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		known, ok := f.Known(f.hop(target))
		if ok && known.MAC == mac {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("known is %v, %t; want %v", known, ok, mac)
		}
	}
}

// awaitLate waits for what makes the answers doubtful.
func (f *finder) awaitLate() []neighbor.Event {
	f.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if late := f.Conflicts(); len(late) > 0 {
			return late
		}
		if time.Now().After(deadline) {
			f.t.Fatal("nothing was noticed")
		}
	}
}

// An address that is announced at another MAC is there at once, as for the kernel.
func TestAnnouncementIsFollowed(t *testing.T) {
	a, b := labtest.Pair(t)
	c := open(t, a)
	if result := c.lookup(hostB); result.err != nil {
		t.Fatal(result.err)
	}
	announcement, err := arp.Packet{Operation: arp.Request, SenderHA: strangerHA, SenderPA: hostB, TargetPA: hostB}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	newSender(t, b, "eth0").send(arp.Broadcast, 0, announcement)
	c.await(hostB, strangerHA)
	late := c.awaitLate()
	if len(late) != 1 || late[0].Verdict != neighbor.Moved || late[0].Address != hostB || late[0].MAC != strangerHA {
		t.Errorf("late events %+v", late)
	}
	if again := c.lookup(hostB); again.MAC != strangerHA || len(again.events) != 0 {
		t.Errorf("asked again: %+v", again)
	}
}

// The first of several answers counts for a second. Who answers later than that has taken over, and is a conflict all the same.
func TestLaterAnswerTakesOver(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	c := open(t, a)
	if result := c.lookup(hostB); result.err != nil {
		t.Fatal(result.err)
	}
	s := newSender(t, b, "eth0")
	other := arp.Packet{SenderHA: strangerHA, SenderPA: hostB, TargetHA: c.link.HardwareAddr, TargetPA: hostA}
	s.reply(c.link.HardwareAddr, other)
	if late := c.awaitLate(); late[0].Verdict != neighbor.Conflict {
		t.Errorf("late events %+v", late)
	}
	c.await(hostB, hostBMAC)
	time.Sleep(1100 * time.Millisecond)
	s.reply(c.link.HardwareAddr, other)
	c.await(hostB, strangerHA)
	if late := c.awaitLate(); late[0].Verdict != neighbor.Conflict || late[0].MAC != strangerHA {
		t.Errorf("late events %+v", late)
	}
}

// What the kernel has confirmed, or an administrator has set, is followed.
func TestKernelsEntryIsFollowed(t *testing.T) {
	for _, permanent := range []bool{false, true} {
		a, _ := labtest.Pair(t)
		c := open(t, a)
		if result := c.lookup(hostB); result.err != nil {
			t.Fatal(result.err)
		}
		if err := a.Neighbor("eth0", hostB, strangerHA, permanent); err != nil {
			t.Fatal(err)
		}
		c.await(hostB, strangerHA)
		if late := c.awaitLate(); len(late) != 1 || late[0].Verdict != neighbor.Moved || late[0].MAC != strangerHA || late[0].Octets != nil {
			t.Errorf("late events %+v", late)
		}
	}
}

// A neighbour that moves without a word is found again by asking, during which it stays known.
func TestVerify(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	requests := 0
	respond(t, b, func(s *sender, request arp.Packet) {
		mac := theirHA
		if requests++; requests > 1 {
			mac = strangerHA
		}
		s.reply(request.SenderHA, arp.Packet{SenderHA: mac, SenderPA: nobody, TargetHA: request.SenderHA, TargetPA: hostA})
	})
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	c.Verify(c.hop(nobody)) // of whom nothing is known
	if result := c.lookup(nobody); result.MAC != theirHA {
		t.Fatalf("result %+v", result)
	}
	for begun := time.Now(); time.Since(begun) < 1500*time.Millisecond; time.Sleep(time.Millisecond) {
		c.Verify(c.hop(nobody))
		if !c.knows(nobody) {
			t.Fatal("the neighbour is not known meanwhile")
		}
	}
	c.await(nobody, strangerHA)
	if late := c.awaitLate(); len(late) != 1 || late[0].Verdict != neighbor.Moved || late[0].MAC != strangerHA {
		t.Errorf("late events %+v", late)
	}
	rows := wire.Tshark(t, "arp.opcode == 1", "frame.time_epoch")
	// The first may leave late where the processor is busy, and the second on time.
	if len(rows) != 2 || epoch(t, rows[1][0]).Sub(epoch(t, rows[0][0])) < 900*time.Millisecond {
		t.Errorf("the requests left at %v, want two that are a second apart", rows)
	}
}

// A neighbour that is asked again and answers no more is not known any more.
func TestVerifyInVain(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	c := open(t, a)
	if result := c.lookup(hostB); result.err != nil {
		t.Fatal(result.err)
	}
	labtest.Nft(t, b, "table arp deaf {\n chain input {\n type filter hook input priority 0; policy drop;\n }\n}\n")
	for deadline := time.Now().Add(10 * time.Second); c.knows(hostB); time.Sleep(10 * time.Millisecond) {
		c.Verify(c.hop(hostB))
		if time.Now().After(deadline) {
			t.Fatal("the neighbour is still known")
		}
	}
	if result := c.lookup(hostB); !errors.Is(result.err, neighbor.ErrTimeout) {
		t.Errorf("result %+v", result)
	}
}

// A neighbour that hears no broadcast is asked alone, at the MAC that the kernel knows.
func TestBroadcastIsNotHeard(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, "table arp deaf {\n chain input {\n type filter hook input priority 0\n meta pkttype broadcast drop\n }\n}\n")
	if err := a.Neighbor("eth0", hostB, hostBMAC, false); err != nil {
		t.Fatal(err)
	}
	result := open(t, a).lookup(hostB)
	if result.err != nil || result.MAC != hostBMAC || result.Source != "arp" || result.Attempts != 2 || len(result.events) != 3 {
		t.Fatalf("result %+v", result)
	}
	for i, want := range [][6]byte{arp.Broadcast, hostBMAC} {
		if e := result.events[i]; !e.Out || e.EtherDestination != want {
			t.Errorf("request %d: %+v, want it to go to %v", i+1, e, want)
		}
	}
}

// If nobody answers, the kernel's word counts where it was confirmed lately, and only there.
func TestKernelsWord(t *testing.T) {
	for _, test := range []struct {
		state string
		known bool
	}{{"reachable", true}, {"stale", false}} {
		t.Run(test.state, func(t *testing.T) {
			t.Parallel()
			a, _ := labtest.Pair(t)
			set := a.Command(t.Context(), "ip", "neighbor", "add", nobody.String(), "lladdr", arp.MAC(theirHA).String(), "dev", "eth0", "nud", test.state)
			if out, err := set.CombinedOutput(); err != nil {
				t.Fatalf("ip: %v\n%s", err, out)
			}
			c := open(t, a)
			result := c.lookup(nobody)
			if result.Attempts != 3 || len(result.events) != 3 || result.events[1].EtherDestination != theirHA {
				t.Errorf("result %+v", result)
			}
			want := neighbor.Entry{MAC: theirHA, Source: "kernel"}
			if test.known && (result.err != nil || result.Entry != want || len(result.Answers) != 0 || !c.knows(nobody)) ||
				!test.known && !errors.Is(result.err, neighbor.ErrTimeout) {
				t.Errorf("result %+v", result)
			}
		})
	}
}

// A tag with a priority and no VLAN changes nothing.
func TestPriorityTag(t *testing.T) {
	a, b := labtest.Pair(t)
	respond(t, b, func(s *sender, request arp.Packet) {
		foreign := answerTo(t, request)
		copy(foreign[8:14], strangerHA[:])
		s.send(request.SenderHA, 0xa001, foreign)
		s.send(request.SenderHA, 0xa000, answerTo(t, request))
	})
	if result := open(t, a).lookup(nobody); result.MAC != theirHA || len(result.events) != 2 {
		t.Errorf("result %+v", result)
	}
}

// Linux takes the MACs of groups, and of its own interface.
func TestOddMACs(t *testing.T) {
	a, b := labtest.Pair(t)
	c := open(t, a)
	odd := map[netip.Addr][6]byte{nobody: {0x03, 0xbf, 10, 0, 0, 9}, nobody2: c.link.HardwareAddr}
	respond(t, b, func(s *sender, request arp.Packet) {
		s.reply(request.SenderHA, arp.Packet{SenderHA: odd[request.TargetPA], SenderPA: request.TargetPA, TargetHA: request.SenderHA, TargetPA: hostA})
	})
	for target, mac := range odd {
		result := c.lookup(target)
		if result.err != nil || !slices.Equal(result.Answers, [][6]byte{mac}) || result.MAC != mac || result.IsGroup() != (target == nobody) {
			t.Errorf("%v: %+v", target, result)
		}
	}
}

// An answer that comes after all waiting is an answer.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	c := open(t, a)
	if result := c.lookup(nobody); !errors.Is(result.err, neighbor.ErrTimeout) {
		t.Fatalf("result %+v", result)
	}
	us := c.link.HardwareAddr
	newSender(t, b, "eth0").reply(us, arp.Packet{SenderHA: theirHA, SenderPA: nobody, TargetHA: us, TargetPA: hostA})
	c.await(nobody, theirHA)
}
