package probe_test

import (
	"net/netip"
	"testing"

	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
)

// TestSourceRoutedChecksum: under a source route that is not used up, the checksum is over the last address of it.
func TestSourceRoutedChecksum(t *testing.T) {
	last := netip.MustParseAddr("203.0.113.7")
	for _, test := range []struct {
		pointer byte
		over    netip.Addr
		damaged bool
	}{
		{4, last, false},
		{8, probetest.Local.Addr(), false}, // used up
		{4, probetest.Local.Addr(), true},
		{8, last, true},
	} {
		w := probetest.NewWire()
		w.OnSend = func(p rawip.Path, b []byte) error {
			_, h := probetest.Parse(t, b)
			reply, ok := probetest.Polite(h)
			if !ok {
				return nil
			}
			reply.SrcPort, reply.DstPort = probetest.Remote.Port(), probetest.Local.Port()
			segment, err := reply.Append(nil, probetest.Remote.Addr(), test.over, nil)
			if err != nil {
				t.Fatal(err)
			}
			ip := rawip.Header{TTL: 60, Protocol: rawip.ProtocolTCP, Src: probetest.Remote.Addr(), Dst: probetest.Local.Addr(),
				Options: []byte{131, 7, test.pointer, 203, 0, 113, 7}}
			datagram, err := ip.Append(nil, segment)
			if err != nil {
				t.Fatal(err)
			}
			w.Deliver(20*ms, rawip.Packet{Octets: datagram, Interface: p.Interface})
			return nil
		}
		f := probetest.NewFlow(probetest.LinuxConfig())
		probetest.Run(t, w, f)
		if damaged := f.Result.Outcome != probe.OutcomeEstablished; damaged != test.damaged {
			t.Errorf("pointer %d, over %v: %v, %v", test.pointer, test.over, f.Result.Outcome, f.Result.Findings)
		}
	}
}
