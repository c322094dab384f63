package neighbor_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/stamp"
	"tcpprobe/ndp"
)

// The addresses of the two hosts of pair6, and one that neither has.
var (
	hostA6  = netip.MustParseAddr("2001:db8::1")
	linkA   = netip.MustParseAddr("fe80::a")
	hostB6  = netip.MustParseAddr("2001:db8::2")
	linkB   = netip.MustParseAddr("fe80::b")
	nobody6 = netip.MustParseAddr("2001:db8::9")
)

// pair6 is labtest.Pair with IPv6 beside IPv4.
func pair6(t *testing.T) (a, b *netlab.Host) {
	t.Helper()
	a, b = labtest.Pair(t)
	for h, addresses := range map[*netlab.Host][]netip.Addr{a: {hostA6, linkA}, b: {hostB6, linkB}} {
		if err := h.EnableIPv6(); err != nil {
			t.Fatal(err)
		}
		for _, address := range addresses {
			if err := h.Address("eth0", netip.PrefixFrom(address, 64)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a, b
}

// lookup6 finds a target for datagrams from a source.
func (f *finder) lookup6(source, target netip.Addr) answer {
	ended := make(chan answer, 1)
	var events []neighbor.Event
	f.Find(f.link, source, target, func(e neighbor.Event) { events = append(events, e) },
		func(r neighbor.Result, err error) { ended <- answer{r, events, err} })
	return <-ended
}

// advertise sends an advertisement to host A.
func (s *sender) advertise(target netip.Addr, mac [6]byte, to netip.Addr, flags ndp.Flags) {
	p := ndp.Packet{
		Src: target, Dst: to, HopLimit: ndp.HopLimit, Type: ndp.Advertisement, Flags: flags, Target: target,
		Options: []ndp.Option{{Type: ndp.TargetMAC, Data: mac[:]}},
	}
	octets, err := p.Append(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	frame := append([]byte{0x02, 0, 10, 0, 0, 1}, s.link.HardwareAddr[:]...)
	if to.IsMulticast() {
		group := ndp.GroupMAC(to)
		copy(frame, group[:])
	}
	frame = binary.BigEndian.AppendUint16(frame, ndp.EtherType)
	if err := unix.Sendto(s.fd, append(frame, octets...), 0, &unix.SockaddrLinklayer{Ifindex: s.link.Index}); err != nil {
		s.t.Error("sendto:", err)
	}
}

// The kernel of the other host answers for its addresses, whatever our datagrams come from: the next hop of IPv4 may have an
// address of IPv6.
func TestNDP(t *testing.T) {
	a, _ := pair6(t)
	stampAll(t)
	wire := labtest.Wire(t, a, "eth0")
	c := open(t, a)
	for _, test := range []struct{ source, target, asks netip.Addr }{
		{hostA6, hostB6, hostA6},
		{linkA, linkB, linkA},
		{hostA, netip.MustParseAddr("fe80::b"), linkA}, // known by now
	} {
		result := c.lookup6(test.source, test.target)
		if result.err != nil || result.MAC != hostBMAC || result.Source != "ndp" {
			t.Fatalf("%v: %+v, %v", test.target, result.Result, result.err)
		}
		if test.source == hostA {
			continue
		}
		if result.Attempts != 1 || !slices.Equal(result.Answers, [][6]byte{hostBMAC}) || result.Router || !result.Override {
			t.Errorf("%v: %+v", test.target, result.Result)
		}
		if result.Clock != stamp.Kernel || result.Duration <= 0 || len(result.events) != 2 {
			t.Fatalf("%v by the clock %v, events %+v", result.Duration, result.Clock, result.events)
		}
		ask, told := result.events[0], result.events[1]
		if !ask.Out || ask.Address != test.target || ask.Peer != test.asks || ask.EtherDestination != ndp.GroupMAC(ndp.SolicitedNode(test.target)) {
			t.Errorf("asked %+v", ask)
		}
		if told.Out || told.Address != test.target || told.MAC != hostBMAC || told.Verdict != neighbor.Accepted || !told.Override || told.Sent != ask.At {
			t.Errorf("told %+v", told)
		}
		if p, _, err := ndp.Parse(told.Octets); err != nil || p.Size() != len(told.Octets) || p.Dst != test.source {
			t.Errorf("%x: %v", told.Octets, err)
		}
	}
	rows := wire.Tshark(t, "icmpv6.type == 135 && eth.src == 02:00:0a:00:00:01", "eth.dst", "ipv6.hlim", "icmpv6.nd.ns.target_address", "icmpv6.checksum.status")
	want := [][]string{{"33:33:ff:00:00:02", "255", "2001:db8::2", "1"}, {"33:33:ff:00:00:0b", "255", "fe80::b", "1"}}
	if !slices.EqualFunc(rows, want, slices.Equal) {
		t.Errorf("the capture has %q, want %q", rows, want)
	}
}

// IPv4 by a next hop of IPv6 is asked for in the name of the interface's link-local address.
func TestNDPForIPv4(t *testing.T) {
	a, _ := pair6(t)
	c := open(t, a)
	result := c.lookup6(hostA, linkB)
	if result.err != nil || result.MAC != hostBMAC || len(result.events) == 0 || !result.events[0].Peer.IsLinkLocalUnicast() {
		t.Errorf("%+v, %v", result, result.err)
	}
}

// A router says that it is one.
func TestNDPRouter(t *testing.T) {
	a, b := pair6(t)
	if err := b.Sysctl("net/ipv6/conf/all/forwarding", "1"); err != nil {
		t.Fatal(err)
	}
	if result := open(t, a).lookup6(hostA6, linkB); result.err != nil || !result.Router || !result.Override {
		t.Errorf("%+v, %v", result.Result, result.err)
	}
}

func TestNDPSilence(t *testing.T) {
	a, _ := pair6(t)
	result := open(t, a).lookup6(hostA6, nobody6)
	var failed *neighbor.Error
	if !errors.As(result.err, &failed) || failed.Protocol != "NDP" || !errors.Is(result.err, neighbor.ErrTimeout) {
		t.Fatal(result.err)
	}
	if result.Attempts != 3 || len(result.events) != 3 || result.err.Error() != "nobody answered for 2001:db8::9 on eth0" {
		t.Errorf("%+v, %v", result.Result, result.err)
	}
}

// Two stations that answer for one address, both with Override, are in conflict; a proxy and the owner are not.
func TestNDPConflict(t *testing.T) {
	const solicited = ndp.Solicited
	for name, test := range map[string]struct {
		flags []ndp.Flags
		want  []neighbor.Verdict
	}{
		"conflict": {[]ndp.Flags{solicited | ndp.Override, solicited | ndp.Override}, []neighbor.Verdict{neighbor.Accepted, neighbor.Conflict}},
		"proxy":    {[]ndp.Flags{solicited, solicited | ndp.Override}, []neighbor.Verdict{neighbor.Accepted, neighbor.Stronger}},
		"moved":    {[]ndp.Flags{solicited | ndp.Override, ndp.Override}, []neighbor.Verdict{neighbor.Accepted, neighbor.Moved}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair6(t)
			c := open(t, a)
			s := newSender(t, b, "eth0")
			asked, ended := make(chan bool, 3), make(chan answer, 1)
			c.Find(c.link, hostA6, nobody6, func(e neighbor.Event) {
				if e.Out {
					asked <- true
				}
			}, func(r neighbor.Result, err error) { ended <- answer{Result: r, err: err} })
			<-asked
			s.advertise(nobody6, theirHA, hostA6, test.flags[0])
			if first := <-ended; first.err != nil || first.MAC != theirHA {
				t.Fatalf("%+v, %v", first.Result, first.err)
			}
			to := hostA6
			if !test.flags[1].Has(solicited) {
				to = netip.MustParseAddr("ff02::1")
			}
			s.advertise(nobody6, strangerHA, to, test.flags[1])
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				late := c.Conflicts()
				known, _ := c.Known(c.hop(nobody6))
				if known.MAC == strangerHA {
					if test.want[1] != neighbor.Stronger && (len(late) != 1 || late[0].Verdict != test.want[1]) {
						t.Errorf("late events %+v", late)
					}
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("known is %+v, late %+v", known, late)
				}
			}
		})
	}
}

// Another station that has our own address is told of.
func TestNDPAddressConflict(t *testing.T) {
	a, b := pair6(t)
	c := open(t, a)
	if result := c.lookup6(hostA6, hostB6); result.err != nil {
		t.Fatal(result.err)
	}
	newSender(t, b, "eth0").advertise(hostA6, strangerHA, netip.MustParseAddr("ff02::1"), ndp.Override)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if late := c.Conflicts(); len(late) > 0 {
			if late[0].Verdict != neighbor.AddressConflict || late[0].Address != hostA6 || late[0].MAC != strangerHA {
				t.Errorf("%+v", late)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no conflict is told of")
		}
	}
}
