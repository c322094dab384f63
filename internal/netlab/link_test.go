package netlab_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// showLink returns an interface as the host itself sees it.
func showLink(t *testing.T, h *netlab.Host, ifname string) (ifi *net.Interface) {
	t.Helper()
	check(t, h.Do(func() (err error) {
		ifi, err = net.InterfaceByName(ifname)
		return err
	}))
	return ifi
}

func TestLinkOptions(t *testing.T) {
	lab := labtest.New(t)
	a, b := newHost(t, lab, "a"), newHost(t, lab, "b")
	none := netip.Prefix{}
	check(t, lab.Link(a, "eth0", prefix("10.11.12.13/24"), b, "eth0", prefix("10.11.12.14/24")))
	check(t, lab.Link(a, "eth1", prefix("10.1.0.1/24"), b, "eth1", none, netlab.MTU(1280),
		netlab.MAC([6]byte{2, 3, 4, 5, 6, 7}, [6]byte{8, 9, 10, 11, 12, 13})))
	tests := []struct {
		host   *netlab.Host
		ifname string
		mtu    int
		mac    string
	}{
		{a, "eth0", 1500, "02:00:0a:0b:0c:0d"},
		{b, "eth0", 1500, "02:00:0a:0b:0c:0e"},
		{a, "eth1", 1280, "02:03:04:05:06:07"},
		{b, "eth1", 1280, "08:09:0a:0b:0c:0d"},
	}
	for _, test := range tests {
		ifi := showLink(t, test.host, test.ifname)
		if ifi.MTU != test.mtu || ifi.HardwareAddr.String() != test.mac || ifi.Flags&net.FlagRunning == 0 {
			t.Errorf("%s of %s: %+v, want MTU %d, MAC %s", test.ifname, test.host.Name(), ifi, test.mtu, test.mac)
		}
	}
	if addresses, err := showLink(t, b, "eth1").Addrs(); len(addresses) != 0 {
		t.Errorf("eth1 of b has addresses %v (%v)", addresses, err)
	}
}

func TestLinkTwiceIsAnError(t *testing.T) {
	lab := labtest.New(t)
	a, b := newHost(t, lab, "a"), newHost(t, lab, "b")
	none := netip.Prefix{}
	check(t, lab.Link(a, "eth0", none, b, "eth0", none))
	for _, names := range [][2]string{{"eth0", "eth1"}, {"eth1", "eth0"}} {
		err := lab.Link(a, names[0], none, b, names[1], none)
		if _, ok := errors.AsType[*net.OpError](err); !ok || !errors.Is(err, syscall.EEXIST) {
			t.Errorf("%q: %v", names, err)
		}
	}
}

func TestNoChecksumOffload(t *testing.T) {
	tests := []struct {
		name    string
		options []netlab.LinkOption
		want    string // of tshark: 1 is a good checksum, 0 a bad one
	}{
		{"with offload", nil, "0"},
		{"without", []netlab.LinkOption{netlab.NoChecksumOffload()}, "1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := labtest.Pair(t, test.options...)
			wire := labtest.Wire(t, b, "eth0")
			if _, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:7"); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
			got := wire.Tshark(t, "tcp.flags == 0x002", "tcp.checksum.status")
			if want := [][]string{{test.want}}; !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("checksum status of the SYN is %q, want %q", got, want)
			}
		})
	}
}

func TestSetLinkDown(t *testing.T) {
	a, _ := labtest.Pair(t)
	check(t, a.SetLink("eth0", false))
	if _, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:7"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("interface down: %v", err)
	}
	if err := a.SetLink("eth7", true); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("no such interface: %v", err)
	}
}

func TestSetMTU(t *testing.T) {
	a, b := labtest.Pair(t)
	check(t, a.SetMTU("eth0", 1400))
	if inA, inB := showLink(t, a, "eth0").MTU, showLink(t, b, "eth0").MTU; inA != 1400 || inB != 1500 {
		t.Errorf("MTU %d and %d, want 1400 and 1500", inA, inB)
	}
}

func TestDeleteLink(t *testing.T) {
	a, b := labtest.Pair(t)
	check(t, a.DeleteLink("eth0"))
	for _, h := range []*netlab.Host{a, b} {
		if err := h.SetLink("eth0", true); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("%s: %v", h.Name(), err)
		}
	}
}
