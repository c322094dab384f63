package neighbor_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/netlab/labtest"
)

// Our requests name the same sender as those that the kernel makes for a datagram from the same source.
func TestSenderIsTheKernels(t *testing.T) {
	for _, setting := range []struct{ all, eth0 string }{{"0", "0"}, {"1", "0"}, {"0", "1"}, {"2", "0"}, {"0", "2"}, {"1", "2"}} {
		t.Run("all="+setting.all+" eth0="+setting.eth0, func(t *testing.T) {
			t.Parallel()
			a, _ := labtest.Pair(t)
			for _, args := range [][]string{
				{"address", "add", "10.255.0.1/32", "dev", "lo"},
				{"address", "add", "10.0.0.77/24", "dev", "eth0"}, // a secondary one
				{"address", "add", "172.16.0.1/24", "dev", "eth0"},
				{"route", "add", "172.31.0.0/24", "dev", "eth0"}, // in no network of ours
			} {
				if out, err := a.Command(t.Context(), "ip", args...).CombinedOutput(); err != nil {
					t.Fatalf("ip %q: %v\n%s", args, err, out)
				}
			}
			for name, value := range map[string]string{"all": setting.all, "eth0": setting.eth0} {
				if err := a.Sysctl("net/ipv4/conf/"+name+"/arp_announce", value); err != nil {
					t.Fatal(err)
				}
			}
			wire := labtest.Wire(t, a, "eth0")
			c := open(t, a)
			var want [][]string
			for _, source := range []string{"10.0.0.1", "10.0.0.77", "10.255.0.1", "172.16.0.1"} {
				for i, network := range []string{"10.0.0", "172.16.0", "172.31.0"} {
					host := byte(100 + 10*len(want)%100 + i)
					prefix := netip.MustParseAddr(network + ".0").As4()
					kernels, ours := prefix, prefix
					kernels[3], ours[3] = host, host+100
					send(t, a.Do, source, netip.AddrFrom4(kernels).String())
					begun := make(chan struct{}, neighbor.Attempts)
					c.Find(c.link, netip.MustParseAddr(source), netip.AddrFrom4(ours), func(neighbor.Event) { begun <- struct{}{} }, func(neighbor.Result, error) {})
					<-begun
					want = append(want, []string{source, netip.AddrFrom4(kernels).String(), netip.AddrFrom4(ours).String()})
				}
			}
			sender := make(map[string]string)
			for _, row := range wire.Tshark(t, "arp.opcode == 1", "arp.dst.proto_ipv4", "arp.src.proto_ipv4") {
				sender[row[0]] = row[1]
			}
			var named []string
			for _, w := range want {
				kernels, ours := sender[w[1]], sender[w[2]]
				if kernels == "" || ours != kernels {
					t.Errorf("from %s for %s we ask as %q, the kernel as %q", w[0], w[1], ours, kernels)
				}
				if kernels != w[0] && !slices.Contains(named, kernels) {
					named = append(named, kernels)
				}
			}
			if level := setting.all + setting.eth0; (level == "00") != (len(named) == 0) {
				t.Errorf("senders other than the source: %q", named)
			}
		})
	}
}

// send has a host send a datagram from a source, so that its kernel asks for the target.
func send(t *testing.T, do func(func() error) error, source, target string) {
	t.Helper()
	err := do(func() error {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(source)}, &net.UDPAddr{IP: net.ParseIP(target), Port: 9})
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("x"))
		return err
	})
	if err != nil {
		t.Fatalf("from %s to %s: %v", source, target, err)
	}
}
