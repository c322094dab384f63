package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

const ms = time.Millisecond

// sends returns the control bits of the segments that a result says were sent.
func sends(r *probe.Result) (flags []string) {
	for _, e := range r.Events {
		if e.Kind == probe.EventSegmentSent {
			flags = append(flags, e.Segment.Header.Flags.String())
		}
	}
	return flags
}

// inBothFamilies runs a test with flows over IPv4, and with flows over IPv6.
func inBothFamilies(t *testing.T, test func(t *testing.T, newFlow func(probe.Config) *probe.Flow)) {
	t.Run("IPv4", func(t *testing.T) { test(t, probetest.NewFlow) })
	t.Run("IPv6", func(t *testing.T) { test(t, probetest.NewFlow6) })
}

func TestEngine(t *testing.T) { inBothFamilies(t, engine) }

func engine(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	f := newFlow(probetest.LinuxConfig())
	done := 0
	f.Done = func() { done++ }
	if took := probetest.Run(t, w, f); took != 40*ms {
		t.Errorf("it took %v", took)
	}
	r := f.Result
	if r.Outcome != probe.OutcomeEstablished || r.TCP.State != probe.StateTimeWait || r.TCP.RTT != 20*ms || r.TCP.Connect != 20*ms || r.TCP.SYNSent != 1 {
		t.Errorf("%v, %+v", r.Outcome, r.TCP)
	}
	if r.TCP.Local != f.Local || r.TCP.Remote != f.Remote || r.TCP.Send != "link" || len(r.Findings) != 0 || done != 1 {
		t.Errorf("%+v, findings %v, done %d times", r.TCP, r.Findings, done)
	}
	if got := sends(r); !slices.Equal(got, []string{"SYN", "ACK", "FIN,ACK", "ACK"}) {
		t.Errorf("sent %q", got)
	}
}

// TestEngineDatagrams: every datagram has an Identification of its own, DF, and the TTL and TOS that were asked for.
func TestEngineDatagrams(t *testing.T) {
	w := probetest.NewWire()
	var ids []uint16
	probetest.ServeWith(t, w, ms, probetest.Polite)
	serve := w.OnSend
	w.OnSend = func(p rawip.Path, b []byte) error {
		ip, _, err := rawip.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, ip.ID)
		if !ip.DontFragment || ip.TTL != 3 || ip.TOS != 0xb8 || p != (rawip.Path{Interface: probetest.Interface, Link: true, NextHop: [6]byte{2}}) {
			t.Errorf("sent %+v by %+v", ip, p)
		}
		return serve(p, b)
	}
	f := probetest.NewFlow(probetest.LinuxConfig())
	f.TTL, f.TOS, f.ID = 3, 0xb8, 0xfffe
	probetest.Run(t, w, f)
	if !slices.Equal(ids, []uint16{0xfffe, 0xffff, 0, 1}) {
		t.Errorf("Identifications %#x", ids)
	}
}

// TestEngineManyFlows: thousands side by side, of which every third is refused and every third gets no answer.
func TestEngineManyFlows(t *testing.T) { inBothFamilies(t, engineManyFlows) }

func engineManyFlows(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	const n = 3000
	w := probetest.NewWire()
	underWay, most := 0, 0
	probetest.ServeWith(t, w, 0, func(h tcphdr.Header) (tcphdr.Header, bool) {
		switch h.DstPort % 3 {
		case 0:
			return probetest.Polite(h)
		case 1:
			return tcphdr.Header{Ack: h.Seq.Add(1), Flags: tcphdr.RST | tcphdr.ACK}, true
		}
		return tcphdr.Header{}, false
	})
	done := make([]int, n)
	var flows []*probe.Flow
	for i := range n {
		f := newFlow(probetest.LinuxConfig())
		f.Remote = netip.AddrPortFrom(f.Remote.Addr(), uint16(i))
		f.Handshake.RemotePort = uint16(i)
		f.Handshake.ISS = tcphdr.SeqNum(i) * 0x01010101
		f.Record = false
		if i%3 != 2 {
			f.Done = func() { done[i]++; underWay-- }
		} else {
			f.Done = func() { done[i]++ }
		}
		flows = append(flows, f)
	}
	start := probetest.StartAll(flows...)
	err := probe.NewEngine(w).Run(context.Background(), func(now time.Time) (*probe.Flow, time.Time, bool) {
		f, again, more := start(now)
		if f != nil && f.Remote.Port()%3 != 2 {
			underWay++
			most = max(most, underWay)
		}
		return f, again, more
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range flows {
		want := []probe.Outcome{probe.OutcomeEstablished, probe.OutcomeRefused, probe.OutcomeTimeout}[i%3]
		if f.Result.Outcome != want || done[i] != 1 || len(f.Result.Events) != 0 {
			t.Fatalf("flow %d: %v, done %d times, %d events; want %v", i, f.Result.Outcome, done[i], len(f.Result.Events), want)
		}
	}
	if most > 300 {
		t.Errorf("%d handshakes waited for answers that were there", most)
	}
	if took := w.Time.Sub(time.Unix(5_000, 0)); took != 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestEngineAsks: the next flow starts when it was said to start, not before and not after.
func TestEngineAsks(t *testing.T) { inBothFamilies(t, engineAsks) }

func engineAsks(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 30*ms, probetest.Polite)
	begin := w.Time
	var started []time.Duration
	f := 0
	err := probe.NewEngine(w).Run(context.Background(), func(now time.Time) (*probe.Flow, time.Time, bool) {
		due := begin.Add(time.Duration(f) * 100 * ms)
		switch {
		case f == 3:
			return nil, time.Time{}, false
		case now.Before(due):
			return nil, due, true
		}
		started = append(started, now.Sub(begin))
		f++
		return newFlow(probetest.LinuxConfig()), due, true
	})
	if err != nil || !slices.Equal(started, []time.Duration{0, 100 * ms, 200 * ms}) {
		t.Errorf("started after %v: %v", started, err)
	}
}

// TestH12_SendErrors: a SYN that was not sent is never a timeout, and room in the system may come back.
func TestH12_SendErrors(t *testing.T) { inBothFamilies(t, sendErrors) }

func sendErrors(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	sendError := func(err error) error { return fmt.Errorf("send: %w", os.NewSyscallError("sendto", err)) }
	tests := []struct {
		name    string
		failing func(n int, h tcphdr.Header) error // the nth try to send
		outcome probe.Outcome
		err     error
		took    time.Duration
		syns    int
	}{
		{"no room three times", func(n int, h tcphdr.Header) error {
			if n < 3 {
				return sendError(syscall.ENOBUFS)
			}
			return nil
		}, probe.OutcomeEstablished, nil, 7*ms + 40*ms, 1},
		{"no room for ever", func(int, tcphdr.Header) error { return sendError(syscall.ENOBUFS) },
			probe.OutcomeLocalError, syscall.ENOBUFS, 1023 * ms, 0},
		{"EAGAIN for ever", func(int, tcphdr.Header) error { return sendError(syscall.EAGAIN) },
			probe.OutcomeLocalError, syscall.EAGAIN, 1023 * ms, 0},
		{"no permission", func(int, tcphdr.Header) error { return sendError(syscall.EPERM) },
			probe.OutcomeLocalError, os.ErrPermission, 0, 0},
		{"no permission for the second SYN", func(n int, h tcphdr.Header) error {
			if n == 1 {
				return sendError(syscall.EPERM)
			}
			h.Flags = 0
			return nil
		}, probe.OutcomeLocalError, os.ErrPermission, time.Second, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			probetest.ServeWith(t, w, 20*ms, probetest.Polite)
			serve := w.OnSend
			n := 0
			var first []byte
			w.OnSend = func(p rawip.Path, b []byte) error {
				_, h := probetest.Parse(t, b)
				n++
				if err := test.failing(n-1, h); err != nil {
					if first == nil {
						first = slices.Clone(b)
					} else if n < 4 && !slices.Equal(first, b) {
						t.Errorf("try %d sends another datagram", n)
					}
					return err
				}
				if test.syns == 1 && test.outcome == probe.OutcomeLocalError {
					return nil // nobody answers
				}
				return serve(p, b)
			}
			f := newFlow(probetest.LinuxConfig())
			took := probetest.Run(t, w, f)
			r := f.Result
			if r.Outcome != test.outcome || !errors.Is(r.Err, test.err) || took != test.took || r.TCP.SYNSent != test.syns {
				t.Errorf("%v after %v with %d SYNs: %v", r.Outcome, took, r.TCP.SYNSent, r.Err)
			}
			if (r.Err == nil) != (test.err == nil) {
				t.Errorf("error %v", r.Err)
			}
		})
	}
}

// TestH12_ShortTimeout: room comes back after the timeout is over, which begins as the SYN leaves.
func TestH12_ShortTimeout(t *testing.T) { inBothFamilies(t, shortTimeout) }

func shortTimeout(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	serve, n := w.OnSend, 0
	w.OnSend = func(p rawip.Path, b []byte) error {
		if n++; n < 9 {
			return syscall.ENOBUFS
		}
		return serve(p, b)
	}
	c := probetest.LinuxConfig()
	c.Timeout = 100 * ms
	f := newFlow(c)
	probetest.Run(t, w, f)
	if r := f.Result; r.Outcome != probe.OutcomeEstablished || r.TCP.RTT != 20*ms {
		t.Errorf("%v, RTT %v", r.Outcome, r.TCP.RTT)
	}
}

// TestH12_ACKNotSent: the peer answered, and that stands, even if the system does not let our ACK out.
func TestH12_ACKNotSent(t *testing.T) { inBothFamilies(t, ackNotSent) }

func ackNotSent(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	serve := w.OnSend
	w.OnSend = func(p rawip.Path, b []byte) error {
		if _, h := probetest.Parse(t, b); !h.Flags.Has(tcphdr.SYN) {
			return syscall.EPERM
		}
		return serve(p, b)
	}
	f := newFlow(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if r := f.Result; r.Outcome != probe.OutcomeEstablished || r.TCP.Connected || !r.TCP.Answered {
		t.Errorf("%v, %+v", r.Outcome, r.TCP)
	}
}

// TestAddressLost ends the handshakes from an address that the interface has lost, and no others.
func TestAddressLost(t *testing.T) { inBothFamilies(t, addressLost) }

func addressLost(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	w.OnSend = func(rawip.Path, []byte) error { return nil }
	lost, other, elsewhere := newFlow(probetest.LinuxConfig()), newFlow(probetest.LinuxConfig()), newFlow(probetest.LinuxConfig())
	other.Local = netip.AddrPortFrom(other.Local.Addr().Next(), other.Local.Port())
	elsewhere.Local = netip.AddrPortFrom(lost.Local.Addr(), lost.Local.Port()+1)
	elsewhere.Path.Interface = 4
	w.Fail(100*ms, &rawip.LinkError{Interface: probetest.Interface, Address: lost.Local.Addr(), Err: syscall.EADDRNOTAVAIL})
	probetest.Run(t, w, lost, other, elsewhere)
	if r := lost.Result; r.Outcome != probe.OutcomeLocalError || !errors.Is(r.Err, syscall.EADDRNOTAVAIL) {
		t.Errorf("%v: %v", r.Outcome, r.Err)
	}
	for _, f := range []*probe.Flow{other, elsewhere} {
		if f.Result.Outcome != probe.OutcomeTimeout {
			t.Errorf("from %v by interface %d: %v, %v", f.Local, f.Path.Interface, f.Result.Outcome, f.Result.Err)
		}
	}
}

// TestH11_LinkLost ends the handshakes that leave by that interface, and no others.
func TestH11_LinkLost(t *testing.T) { inBothFamilies(t, linkLost) }

func linkLost(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	w.OnSend = func(rawip.Path, []byte) error { return nil }
	w.Fail(100*ms, &rawip.LinkError{Interface: probetest.Interface, Err: syscall.ENETDOWN})
	lost, other := newFlow(probetest.LinuxConfig()), newFlow(probetest.LinuxConfig())
	other.Local = netip.AddrPortFrom(other.Local.Addr().Next(), other.Local.Port())
	other.Path.Interface = 4
	var at time.Time
	lost.Done = func() { at = w.Time }
	probetest.Run(t, w, lost, other)
	if r := lost.Result; r.Outcome != probe.OutcomeLocalError || !errors.Is(r.Err, syscall.ENETDOWN) || at.Sub(time.Unix(5_000, 0)) != 100*ms {
		t.Errorf("%v at %v: %v", r.Outcome, at, r.Err)
	}
	if r := other.Result; r.Outcome != probe.OutcomeTimeout || r.TCP.SYNSent != 2 {
		t.Errorf("the other one: %v, %d SYNs", r.Outcome, r.TCP.SYNSent)
	}
}

// TestWireFails: an error of the wire that is not about a link ends the run.
func TestWireFails(t *testing.T) { inBothFamilies(t, wireFails) }

func wireFails(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	w.OnSend = func(rawip.Path, []byte) error { return nil }
	w.Fail(100*ms, syscall.EIO)
	if err := probe.NewEngine(w).Run(context.Background(), probetest.StartAll(newFlow(probetest.LinuxConfig()))); !errors.Is(err, syscall.EIO) {
		t.Errorf("error %v", err)
	}
}

// TestContextEnds: what is under way is broken off; a connection that is established is not left half open.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 20*ms, func(h tcphdr.Header) (tcphdr.Header, bool) {
		if h.SrcPort == probetest.Local.Port() {
			return tcphdr.Header{}, false
		}
		if h.Flags == tcphdr.ACK {
			cancel()
		}
		return probetest.Polite(h)
	})
	c := probetest.LinuxConfig()
	c.Close = probe.CloseNone
	pending, established := probetest.NewFlow(c), probetest.NewFlow(c)
	established.Local = netip.MustParseAddrPort("192.0.2.1:40002")
	established.Handshake.LocalPort = 40002
	if err := probe.NewEngine(w).Run(ctx, probetest.StartAll(pending, established)); err != nil {
		t.Fatal(err)
	}
	if r := pending.Result; r.Outcome != probe.OutcomeInterrupted || !slices.Equal(sends(r), []string{"SYN"}) {
		t.Errorf("%v, sent %q", r.Outcome, sends(r))
	}
	if r := established.Result; r.Outcome != probe.OutcomeEstablished || !slices.Equal(sends(r), []string{"SYN", "ACK", "RST"}) {
		t.Errorf("%v, sent %q", r.Outcome, sends(r))
	}
	if took := w.Time.Sub(time.Unix(5_000, 0)); took != 20*ms {
		t.Errorf("it took %v", took)
	}
}

// TestEvents: what happened, in order, with the time that each step took.
func TestEvents(t *testing.T) { inBothFamilies(t, events) }

func events(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	w.Stamped = true
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	serve := w.OnSend
	w.OnSend = func(p rawip.Path, b []byte) error {
		w.Seen(p, b, w.Time.Add(2*ms)) // each leaves 2 ms after it was handed over
		w.Deliver(0, rawip.Packet{Sent: true, Octets: b, Interface: 9, At: stamp.Stamp{Kernel: w.Time.Add(7 * ms)}})
		return serve(p, b)
	}
	f := newFlow(probetest.LinuxConfig())
	f.Result.Events = []probe.Event{{Kind: probe.EventRouteFound}} // from before
	type row struct {
		kind   probe.EventKind
		flags  string
		at     time.Duration // by the kernel
		step   time.Duration
		states probe.State
	}
	var got []row
	f.Observe = func(e *probe.Event) {
		got = append(got, row{e.Kind, e.Segment.Header.Flags.String(), e.At.Kernel.Sub(time.Unix(5_000, 0)), e.Step, e.Segment.State})
	}
	probetest.Run(t, w, f)
	want := []row{
		{probe.EventSegmentSent, "SYN", 2 * ms, 0, probe.StateSYNSent},
		{probe.EventSegmentReceived, "SYN,ACK", 20 * ms, 18 * ms, probe.StateFINWait1},
		{probe.EventSegmentSent, "ACK", 22 * ms, 2 * ms, probe.StateFINWait1},
		{probe.EventSegmentSent, "FIN,ACK", 22 * ms, 0, probe.StateFINWait1},
		{probe.EventSegmentReceived, "FIN,ACK", 40 * ms, 18 * ms, probe.StateTimeWait},
	}
	if len(got) != 6 || !slices.Equal(got[:5], want) || got[5].flags != "ACK" {
		t.Errorf("observed\n%v\nwant\n%v\nand an ACK", got, want)
	}
	if n := len(f.Result.Events); n != 7 {
		t.Errorf("%d events", n)
	}
	if r := f.Result.TCP; r.Clock != stamp.Kernel || r.RTT != 18*ms || r.Connect != 20*ms {
		t.Errorf("%+v", r)
	}
}

// TestStampsMissing: a datagram of ours that is seen, but not stamped, keeps the time at which it was handed over.
func TestStampsMissing(t *testing.T) { inBothFamilies(t, stampsMissing) }

func stampsMissing(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	serve := w.OnSend
	w.OnSend = func(p rawip.Path, b []byte) error {
		w.Deliver(15*ms, rawip.Packet{Sent: true, Octets: b, Interface: p.Interface})
		return serve(p, b)
	}
	f := newFlow(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if r := f.Result.TCP; r.RTT != 20*ms || r.Clock != stamp.User || r.States[0].At.User != time.Unix(5_000, 0) {
		t.Errorf("RTT %v by the %v clock", r.RTT, r.Clock)
	}
	if at := f.Result.Events[0].At.User; at != time.Unix(5_000, 0) {
		t.Errorf("the SYN left at %v", at)
	}
}

// TestTwoWays: where both frames and the kernel's IP are listened to, everything comes twice, and counts once.
func TestTwoWays(t *testing.T) {
	for _, link := range []bool{true, false} {
		w := probetest.NewWire()
		w.OnSend = func(p rawip.Path, b []byte) error {
			ip, h := probetest.Parse(t, b)
			if reply, ok := probetest.Polite(h); ok {
				src, dst := netip.AddrPortFrom(ip.Dst, h.DstPort), netip.AddrPortFrom(ip.Src, h.SrcPort)
				for _, byIP := range []bool{false, true} {
					w.Deliver(20*ms, rawip.Packet{Octets: probetest.Datagram(src, dst, reply, 0), Interface: 1, ByIP: byIP})
				}
			}
			return nil
		}
		f := probetest.NewFlow(probetest.LinuxConfig())
		f.Path.Link = link
		probetest.Run(t, w, f)
		if r := f.Result; r.Outcome != probe.OutcomeEstablished || len(r.Findings) != 0 || !slices.Equal(sends(r), []string{"SYN", "ACK", "FIN,ACK", "ACK"}) {
			t.Errorf("link %t: %v, findings %v, sent %q", link, r.Outcome, r.Findings, sends(r))
		}
		if want := map[bool]string{true: "link", false: "ip"}[link]; f.Result.TCP.Send != want {
			t.Errorf("sent by %s", f.Result.TCP.Send)
		}
	}
}

// TestArrivals: what a SYN-ACK may look like as the kernel hands it up.
func TestArrivals(t *testing.T) {
	synACK := func(data int) []byte {
		return probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: probetest.PeerISS, Ack: 0, Flags: tcphdr.SYN | tcphdr.ACK, Window: 65160}, data)
	}
	header := func(b []byte) { // writes the IP header's checksum anew
		b[10], b[11] = 0, 0
		sum := ^checksum.Fold(checksum.Sum(0, b[:20]))
		b[10], b[11] = byte(sum>>8), byte(sum)
	}
	tests := []struct {
		name       string
		change     func([]byte) []byte
		data       int
		noChecksum bool
		outcome    probe.Outcome
		sum        checksum.State
		findings   []probe.Finding
	}{
		{"as it should be", nil, 0, false, probe.OutcomeEstablished, checksum.Valid, nil},
		{"with Ethernet padding", func(b []byte) []byte { return append(b, 1, 2, 3, 4, 5, 6) }, 0, false, probe.OutcomeEstablished, checksum.Valid, nil},
		{"with data", nil, 3, false, probe.OutcomeEstablished, checksum.Valid, []probe.Finding{probe.FindingPeerSpeaksFirst}},
		{"B-15 checksum wrong", func(b []byte) []byte { b[36] ^= 1; return b }, 0, false, probe.OutcomeTimeout, 0, []probe.Finding{probe.FindingChecksumInvalid}},
		{"H-06 checksum not filled in, and said so", func(b []byte) []byte { b[36] ^= 1; return b }, 0, true, probe.OutcomeEstablished, checksum.Partial, nil},
		{"H-06 the pseudo-header's sum alone", func(b []byte) []byte {
			sum := checksum.Fold(checksum.PseudoHeader(probetest.Remote.Addr(), probetest.Local.Addr(), 6, 20))
			b[36], b[37] = byte(sum>>8), byte(sum)
			return b
		}, 0, false, probe.OutcomeEstablished, checksum.Partial, nil},
		{"B-71 IP checksum wrong", func(b []byte) []byte { b[10] ^= 1; return b }, 0, false, probe.OutcomeTimeout, 0, nil},
		{"B-73 the first fragment", func(b []byte) []byte { b[6] = 0x20; header(b); return b }, 0, false, probe.OutcomeTimeout, 0, []probe.Finding{probe.FindingFragmentIgnored}},
		{"B-73 a later fragment", func(b []byte) []byte { b[6], b[7] = 0, 1; header(b); return b }, 0, false, probe.OutcomeTimeout, 0, nil},
		{"B-70 cut off", func(b []byte) []byte { return b[:39] }, 0, false, probe.OutcomeTimeout, 0, nil},
		{"B-81 data offset 4", func(b []byte) []byte { b[32] = 0x40; return b }, 0, true, probe.OutcomeTimeout, 0, nil},
		{"a giant without a Total Length", func(b []byte) []byte {
			giant := append(b, make([]byte, 70_000)...)
			giant[2], giant[3], giant[36], giant[37] = 0, 0, 0, 0
			header(giant)
			sum := ^checksum.Fold(checksum.Sum(checksum.PseudoHeader(probetest.Remote.Addr(), probetest.Local.Addr(), 6, len(giant)-20), giant[20:]))
			giant[36], giant[37] = byte(sum>>8), byte(sum)
			return giant
		}, 0, false, probe.OutcomeEstablished, checksum.Valid, []probe.Finding{probe.FindingPeerSpeaksFirst}},
		{"H-22 our own SYN, coming back", func([]byte) []byte {
			return probetest.Datagram(probetest.Local, probetest.Remote, tcphdr.Header{Seq: 0xffffffff, Flags: tcphdr.SYN}, 0)
		}, 0, false, probe.OutcomeTimeout, 0, nil},
		{"B-17 from another port", func([]byte) []byte {
			from := netip.AddrPortFrom(probetest.Remote.Addr(), 81)
			return probetest.Datagram(from, probetest.Local, tcphdr.Header{Seq: probetest.PeerISS, Flags: tcphdr.SYN | tcphdr.ACK}, 0)
		}, 0, false, probe.OutcomeTimeout, 0, nil},
		{"B-16 from another host", func([]byte) []byte {
			from := netip.AddrPortFrom(probetest.Router, probetest.Remote.Port())
			return probetest.Datagram(from, probetest.Local, tcphdr.Header{Seq: probetest.PeerISS, Flags: tcphdr.SYN | tcphdr.ACK}, 0)
		}, 0, false, probe.OutcomeTimeout, 0, nil},
		{"nothing at all", func([]byte) []byte { return nil }, 0, false, probe.OutcomeTimeout, 0, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			w.OnSend = func(rawip.Path, []byte) error { return nil }
			b := synACK(test.data)
			if test.change != nil {
				b = test.change(b)
			}
			w.Deliver(20*ms, rawip.Packet{Octets: b, Interface: 5, NoChecksum: test.noChecksum}) // by another interface: H-21
			c := probetest.LinuxConfig()
			c.Close, c.Retries = probe.CloseRST, 0
			f := probetest.NewFlow(c)
			probetest.Run(t, w, f)
			r := f.Result
			if r.Outcome != test.outcome || !slices.Equal(r.Findings, test.findings) {
				t.Errorf("%v, findings %q; want %v, %q", r.Outcome, r.Findings, test.outcome, test.findings)
			}
			if r.Outcome == probe.OutcomeEstablished && r.Events[1].Segment.Checksum != test.sum {
				t.Errorf("checksum %v, want %v", r.Events[1].Segment.Checksum, test.sum)
			}
			if want := map[probe.Outcome][]string{probe.OutcomeEstablished: {"SYN", "ACK", "RST"}, probe.OutcomeTimeout: {"SYN"}}[test.outcome]; !slices.Equal(sends(r), want) {
				t.Errorf("sent %q", sends(r))
			}
		})
	}
}

// TestH10_AnswerInTheQueue: a process that was stopped finds the answer that came in time, however late it reads it.
func TestH10_AnswerInTheQueue(t *testing.T) { inBothFamilies(t, answerInTheQueue) }

func answerInTheQueue(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	w.Stamped = true
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	serve := w.OnSend
	w.OnSend = func(p rawip.Path, b []byte) error {
		w.Seen(p, b, w.Time)
		return serve(p, b)
	}
	stop := 2 * time.Hour
	w.Oversleep = func() (d time.Duration) { d, stop = stop, 0; return d }
	f := newFlow(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if r := f.Result; r.Outcome != probe.OutcomeEstablished || r.TCP.SYNSent != 1 || r.TCP.RTT != 20*ms || len(r.Findings) != 0 {
		t.Errorf("%v, %d SYNs, RTT %v, findings %v", r.Outcome, r.TCP.SYNSent, r.TCP.RTT, r.Findings)
	}
}

// floodWire always has something more to read.
type floodWire struct {
	*probetest.Wire
	octets []byte
}

func (w *floodWire) Receive() (rawip.Packet, bool, error) {
	w.Time = w.Time.Add(time.Microsecond)
	return rawip.Packet{Octets: w.octets, Interface: probetest.Interface, At: stamp.Stamp{User: w.Time}}, true, nil
}

// TestH07_Flood: what never stops arriving does not keep the engine from ending.
func TestH07_Flood(t *testing.T) {
	w := &floodWire{probetest.NewWire(), probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Ack: 77, Flags: tcphdr.ACK}, 0)}
	w.OnSend = func(rawip.Path, []byte) error { return nil }
	c := probetest.LinuxConfig()
	c.Timeout = time.Second / 4
	f := probetest.NewFlow(c)
	f.Record = false
	if err := probe.NewEngine(w).Run(context.Background(), probetest.StartAll(f)); err != nil {
		t.Fatal(err)
	}
	took := w.Time.Sub(time.Unix(5_000, 0))
	if f.Result.Outcome != probe.OutcomeTimeout || took > c.Timeout+10*ms {
		t.Errorf("%v after %v", f.Result.Outcome, took)
	}
}

// TestEngineICMP: an error ends the wait, or is noted, as was asked for.
func TestEngineICMP(t *testing.T) {
	for _, policy := range []probe.ICMPPolicy{probe.ICMPAbort, probe.ICMPReport} {
		w := probetest.NewWire()
		w.OnSend = func(p rawip.Path, b []byte) error {
			m := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.AdministrativelyProhibited, Body: slices.Clone(b[:28])}
			m.Body[8] = 61
			h := rawip.Header{TTL: 250, Protocol: rawip.ProtocolICMP, Src: probetest.Router, Dst: probetest.Local.Addr()}
			d, err := h.Append(nil, m.Append(nil))
			w.Deliver(20*ms, rawip.Packet{Octets: d, Interface: p.Interface})
			return err
		}
		c := probetest.LinuxConfig()
		c.ICMP = policy
		f := probetest.NewFlow(c)
		took := probetest.Run(t, w, f)
		r := f.Result
		if r.Outcome != probe.OutcomeUnreachable || r.TCP.RTT != 20*ms || !r.TCP.Answered || len(r.ICMP) != r.TCP.SYNSent {
			t.Errorf("%v: %v, %+v, %d errors", policy, r.Outcome, r.TCP, len(r.ICMP))
		}
		if want := map[probe.ICMPPolicy]time.Duration{probe.ICMPAbort: 20 * ms, probe.ICMPReport: 3 * time.Second}[policy]; took != want {
			t.Errorf("%v: it took %v", policy, took)
		}
		m := r.ICMP[0]
		if m.From != probetest.Router || m.Target != probetest.Remote.Addr() || m.Type != 3 || m.Code != 13 || m.TTL != 250 || m.QuotedTTL != 61 || m.SentTTL != 64 || m.Hops() != 3 {
			t.Errorf("%+v, %d hops", m, m.Hops())
		}
	}
}
