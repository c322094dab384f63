package probe_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestSYNOptions: the options of each kind of SYN, octet by octet but for the time stamp.
func TestSYNOptions(t *testing.T) {
	for _, test := range []struct {
		syn  probe.SYN
		want string
	}{
		{probe.SYNBare, ""},
		{probe.SYNLinux, "020405b4" + "0402" + "080afffffff000000000" + "01" + "030307"},
		{probe.SYNNoTimestamps, "020405b4" + "0402" + "01" + "030307" + "0000"},
		{probe.SYNLargeMSS, "02042300" + "0402" + "080afffffff000000000" + "01" + "030307"},
		{probe.SYNFastOpen, "020405b4" + "0402" + "080afffffff000000000" + "01" + "030307" + "0101" + "2202"},
	} {
		t.Run(test.syn.String(), func(t *testing.T) {
			w := probetest.NewWire()
			var got string
			w.OnSend = func(_ rawip.Path, b []byte) error {
				if got == "" {
					got = hex.EncodeToString(b[40:])
				}
				return nil
			}
			c := probetest.LinuxConfig()
			c.SYN, c.Retries = test.syn, 0
			probetest.Run(t, w, probetest.NewFlow(c))
			if got != test.want {
				t.Errorf("options %s, want %s", got, test.want)
			}
			if syn, err := probe.ParseSYN(test.syn.String()); err != nil || syn != test.syn {
				t.Errorf("%v becomes %v, %v", test.syn, syn, err)
			}
		})
	}
}

// TestNoTimestampsUnasked: a peer that sends time stamps which we did not offer gets none (RFC 7323 3.2).
func TestNoTimestampsUnasked(t *testing.T) {
	w := probetest.NewWire()
	stamped := tcphdr.AppendTimestamps(nil, 7, 0)
	w.OnSend = func(p rawip.Path, b []byte) error {
		_, h := probetest.Parse(t, b)
		if _, _, ok := h.Options.Timestamps(); ok {
			t.Errorf("%v has time stamps", h.Flags)
		}
		if h.Flags == tcphdr.SYN {
			reply := tcphdr.Header{Seq: probetest.PeerISS, Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK, Options: stamped}
			w.Deliver(ms, rawip.Packet{Octets: probetest.Datagram(probetest.Remote, probetest.Local, reply, 0), Interface: p.Interface})
		}
		return nil
	}
	c := probetest.LinuxConfig()
	c.SYN, c.Close = probe.SYNNoTimestamps, probe.CloseRST
	f := probetest.NewFlow(c)
	probetest.Run(t, w, f)
	if f.Result.Outcome != probe.OutcomeEstablished {
		t.Errorf("%v", f.Result.Outcome)
	}
}

// TestPadding: data in a SYN makes its datagram larger, and whether the peer takes it or not, its SYN-ACK and its RST
// count; what was never sent does not (RFC 9293 3.10.7.3).
func TestPadding(t *testing.T) {
	const padding = 1440
	for _, test := range []struct {
		taken int
		flags tcphdr.Flags
		want  probe.Outcome
	}{
		{0, tcphdr.SYN | tcphdr.ACK, probe.OutcomeEstablished},
		{3, tcphdr.SYN | tcphdr.ACK, probe.OutcomeEstablished},
		{padding, tcphdr.SYN | tcphdr.ACK, probe.OutcomeEstablished},
		{-1, tcphdr.SYN | tcphdr.ACK, probe.OutcomeTimeout},
		{padding + 1, tcphdr.SYN | tcphdr.ACK, probe.OutcomeTimeout},
		{0, tcphdr.RST | tcphdr.ACK, probe.OutcomeRefused},
		{padding, tcphdr.RST | tcphdr.ACK, probe.OutcomeRefused},
		{padding + 1, tcphdr.RST | tcphdr.ACK, probe.OutcomeTimeout},
	} {
		t.Run(fmt.Sprintf("%v %d", test.flags, test.taken), func(t *testing.T) {
			w := probetest.NewWire()
			var sizes []int
			var reset tcphdr.SeqNum
			w.OnSend = func(p rawip.Path, b []byte) error {
				_, segment, err := rawip.Parse(b)
				if err != nil {
					t.Fatal(err)
				}
				h, _, err := tcphdr.Parse(segment)
				if err != nil {
					t.Fatal(err)
				}
				sizes = append(sizes, len(b))
				if h.Flags == tcphdr.RST {
					reset = h.Seq
				}
				if h.Flags == tcphdr.SYN {
					reply := tcphdr.Header{Seq: probetest.PeerISS, Ack: h.Seq.Add(1 + test.taken), Flags: test.flags}
					w.Deliver(ms, rawip.Packet{Octets: probetest.Datagram(probetest.Remote, probetest.Local, reply, 0), Interface: p.Interface})
				}
				return nil
			}
			c := probetest.LinuxConfig()
			c.Padding, c.Retries, c.Close = padding, 0, probe.CloseHalf
			f := probetest.NewFlow(c)
			probetest.Run(t, w, f)
			if f.Result.Outcome != test.want {
				t.Errorf("%v, want %v", f.Result.Outcome, test.want)
			}
			if sizes[0] != 60+padding {
				t.Errorf("a SYN of %d octets", sizes[0])
			}
			if want := c.ISS.Add(1 + test.taken); test.want == probe.OutcomeEstablished && (len(sizes) != 2 || sizes[1] != 40 || reset != want) {
				t.Errorf("datagrams of %v octets, reset at %d, want it at %d", sizes, reset, want)
			}
		})
	}
}
