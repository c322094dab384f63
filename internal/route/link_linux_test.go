package route_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
)

// TestB95 is about links on which nobody is asked for a MAC.
func TestB95_TunnelUsesNoARP(t *testing.T) {
	h := newHost(t)
	tun, err := h.Tun("tun0")
	if errors.Is(err, os.ErrPermission) && os.Getenv("TCPPROBE_LAB") == "user" {
		return // some systems let root alone open the device
	}
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	err = errors.Join(
		h.Address("tun0", prefix("10.7.0.1/24")),
		h.SetLink("tun0", true),
		h.Route(netlab.Route{NextHop: addr("10.7.0.2")}),
	)
	if err != nil {
		t.Fatal(err)
	}
	r, err := lookup(h, tcp("10.9.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := summary(r), "via 10.7.0.2 dev tun0 src 10.7.0.1 mtu 1500"; got != want || got != oracle(t, h, tcp("10.9.0.1")) {
		t.Errorf("route %s, want %s", got, want)
	}
	const arphrdNone = 65534
	if r.AsksForMAC() || !r.NoARP || !r.PointToPoint || r.HardwareType != arphrdNone || r.HardwareAddr != [6]byte{} {
		t.Errorf("route %+v", r)
	}
}

func TestB95_ARPSwitchedOff(t *testing.T) {
	h := newHost(t)
	ip(t, h, "link set eth0 arp off")
	if r, err := lookup(h, tcp("10.1.0.1")); err != nil || r.AsksForMAC() || !r.NoARP {
		t.Errorf("route %+v, %v", r, err)
	}
}

func TestInterface(t *testing.T) {
	h := newHost(t)
	r, err := lookup(h, tcp("10.2.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	const arphrdEther = 1
	if r.HardwareType != arphrdEther || r.HardwareAddr != [6]byte{0x02, 0x00, 10, 2, 0, 2} || r.LinkMTU != 1500 || r.NoARP || r.PointToPoint || r.Loopback {
		t.Errorf("route %+v", r)
	}
	var eth1 *net.Interface
	err = h.Do(func() (err error) {
		eth1, err = net.InterfaceByName("eth1")
		return err
	})
	if err != nil || r.Index != eth1.Index {
		t.Errorf("index %d, want %d, %v", r.Index, eth1.Index, err)
	}
}

// The next hop of a datagram of IPv4 can have an address of IPv6 alone, whose MAC NDP finds.
func TestIPv6NextHop(t *testing.T) {
	h := newHost(t)
	if err := h.Sysctl("net/ipv6/conf/eth0/disable_ipv6", "0"); err != nil {
		t.Fatal(err)
	}
	ip(t, h, "route add 10.9.0.0/24 via inet6 fe80::99 dev eth0")
	r, err := lookup(h, tcp("10.9.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := summary(r), "via fe80::99 dev eth0 src 10.1.0.2 mtu 1500"; got != want || got != oracle(t, h, tcp("10.9.0.1")) {
		t.Errorf("route %s, want %s", got, want)
	}
	if !r.AsksForMAC() || r.OnLink || r.TakesFrames() != nil {
		t.Errorf("route %+v", r)
	}
}

// Frames that nobody can receive, or that would miss what the kernel does on the way, are not to be sent.
func TestTakesFrames(t *testing.T) {
	for _, test := range []struct {
		name  string
		setUp []string
		dst   string
		want  string // part of the reason; empty if it takes frames
	}{
		{"Ethernet", []string{"route add default via 10.1.0.1"}, "10.9.0.1", ""},
		{"loopback", nil, "127.0.0.1", "lo takes no frames"},
		{"ARP switched off", []string{"link set eth0 arp off"}, "10.1.0.1", "eth0 does without ARP"},
		{"ARP switched off, permanent entry", []string{"link set eth0 arp off", "neighbor add 10.1.0.1 lladdr 02:61:62:63:64:65 dev eth0 nud permanent"}, "10.1.0.1", ""},
		{"encapsulation", []string{"route add 10.9.0.0/24 encap ip id 5 dst 10.2.0.1 via 10.1.0.1"}, "10.9.0.1", "the kernel encapsulates what takes this route (ip)"},
		{"external tunnel", []string{"link add v0 type vxlan external dstport 4789", "link set v0 up", "route add 10.9.0.0/24 dev v0"}, "10.9.0.1", "v0 is a tunnel"},
		{"tunnel with ends", []string{"link add v0 type vxlan id 5 remote 10.2.0.1 dev eth1 dstport 4789", "link set v0 up", "route add 10.9.0.0/24 dev v0"}, "10.9.0.1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			for _, arguments := range test.setUp {
				ip(t, h, arguments)
			}
			r, err := lookup(h, tcp(test.dst))
			if err != nil {
				t.Fatal(err)
			}
			err = r.TakesFrames()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// Where the cable is out, or the other end is down, the kernel drops what is sent, and says nothing.
func TestNoCarrier(t *testing.T) {
	h := newHost(t)
	if err := h.Route(viaFirst); err != nil {
		t.Fatal(err)
	}
	ip(t, h, "link add v0 type veth peer name v1")
	ip(t, h, "address add 10.8.0.1/24 dev v0")
	ip(t, h, "link set v0 up")
	for _, dst := range []string{"10.8.0.2", "10.8.0.9"} {
		_, err := lookup(h, tcp(dst))
		want := "the interface v0 has no carrier: the cable is out, or its other end is down"
		if !errors.Is(err, unix.ENETDOWN) || err.Error() != want {
			t.Errorf("to %s: %v, want %q", dst, err, want)
		}
	}
	if r, err := lookup(h, tcp("10.8.0.1")); err != nil || !r.Local {
		t.Errorf("to its own address: %+v, %v", r, err)
	}
	ip(t, h, "link set v1 up")
	if r, err := lookup(h, tcp("10.8.0.2")); err != nil || r.Interface != "v0" {
		t.Errorf("with a carrier: %+v, %v", r, err)
	}
}

// The loopback network by another link, where policy routing sends it there: a virtual machine that shares the loopback
// addresses of its host does so, and connect(2) follows.
func TestLoopbackByAnotherLink(t *testing.T) {
	h := newHost(t)
	for _, name := range []string{"route_localnet", "accept_local"} {
		if err := h.Sysctl("net/ipv4/conf/eth0/"+name, "1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range []string{
		"route add 127.0.0.1 via 10.1.0.1 dev eth0 onlink src 127.0.0.1 table 127",
		"rule add pref 2 to 127.0.0.1 ipproto tcp lookup 127",
		"rule add pref 3 lookup local",
		"rule del pref 0",
	} {
		ip(t, h, arguments)
	}
	f := tcp("127.0.0.1")
	r, err := lookup(h, f)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := summary(r), "via 10.1.0.1 dev eth0 src 127.0.0.1 mtu 1500"; got != want || got != oracle(t, h, f) {
		t.Errorf("route %s, want %s; ip route get says %s", got, want, oracle(t, h, f))
	}
	if source, err := connect(h, f); err != nil || source != addr("127.0.0.1") {
		t.Errorf("connect(2) goes from %v, %v", source, err)
	}
	if !r.AsksForMAC() || r.TakesFrames() != nil {
		t.Errorf("route %+v takes frames: %v", r, r.TakesFrames())
	}
}
