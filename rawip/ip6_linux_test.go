package rawip_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"tcpprobe/internal/netlab"
	"tcpprobe/rawip"
)

// TestManyAddressesByIPv6: more local addresses than there are sockets are all received.
func TestManyAddressesByIPv6(t *testing.T) {
	a, b := pair6(t)
	listen(t, b, server6B.String())
	path := rawip.Path{V6: true, Interface: ifindex(t, a, "eth0")}
	w := openWire(t, a, path)
	var locals []netip.AddrPort
	for i := range 20 {
		address := host6A.As16()
		address[15] = byte(0x10 + i)
		local := netip.AddrPortFrom(netip.AddrFrom16(address), 40010)
		if err := a.Address("eth0", netip.PrefixFrom(local.Addr(), 64)); err != nil {
			t.Fatal(err)
		}
		guard := newGuard(t, a, local)
		defer guard.Close()
		locals = append(locals, local)
	}
	watch(t, w, locals...)
	for i, local := range locals {
		sendSYN(t, w, path, local, server6B, uint16(i))
		for received := false; !received; {
			p, ip, s := receive(t, w)
			received = !p.Sent && ip.Dst == local.Addr() && s.Flags == 0x12
		}
	}
}

// TestFlowLabelChoosesPath: of several next hops of the same cost, the kernel takes the one for the flow label, as it says that
// it will, and never that of another label.
func TestFlowLabelChoosesPath(t *testing.T) {
	a, b := pair6(t)
	network := netip.MustParsePrefix("2001:db8:77::/48")
	if err := b.Route(netlab.Route{Dst: network, Type: netlab.Blackhole}); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"link add veth0 type veth peer name veth1", "link set veth1 up", "link set veth0 up", "-6 addr add fd01::1/64 dev veth0 nodad",
		"-6 route add 2001:db8:77::/48 nexthop via fd00::2 nexthop via fd01::2 dev veth0",
	} {
		err := a.Do(func() error { return exec.Command("ip", strings.Fields(args)...).Run() })
		if err != nil {
			t.Fatalf("ip %s: %v", args, err)
		}
	}
	if err := a.Neighbor("veth0", netip.MustParseAddr("fd01::2"), [6]byte{2, 0, 0, 0, 0, 9}, true); err != nil {
		t.Fatal(err)
	}
	if err := a.Neighbor("eth0", host6B, macOfB, true); err != nil {
		t.Fatal(err)
	}
	eth0, veth0 := ifindex(t, a, "eth0"), ifindex(t, a, "veth0")
	// A second Wire sees the frames that leave.
	frames := openWire(t, a, rawip.Path{V6: true, Interface: eth0, Link: true})
	w := openWire(t, a, rawip.Path{V6: true})
	src, dst := netip.AddrPortFrom(host6A, 40012), netip.MustParseAddrPort("[2001:db8:77::80]:7")
	watch(t, w, src)
	watch(t, frames, src)
	left := make(map[int]map[uint32]bool)
	for label := range uint16(64) {
		var seen [2]int
		for i := range seen {
			sendSYN(t, w, rawip.Path{V6: true}, src, dst, label+1)
			for {
				p, ip, _ := receive(t, frames)
				if p.Sent && ip.FlowLabel == uint32(label+1) {
					seen[i] = p.Interface
					break
				}
			}
		}
		if seen[0] != seen[1] {
			t.Errorf("label %d left by %d and by %d", label+1, seen[0], seen[1])
		}
		if left[seen[0]] == nil {
			left[seen[0]] = make(map[uint32]bool)
		}
		left[seen[0]][uint32(label+1)] = true
	}
	if len(left[eth0]) < 10 || len(left[veth0]) < 10 {
		t.Errorf("%d of 64 labels left by eth0, %d by veth0", len(left[eth0]), len(left[veth0]))
	}
}
