package probe_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// TestB40_Schedule: a SYN that gets no answer is sent again after 1 s, then 2, 4, … but never waits more than a minute.
func TestB40_Schedule(t *testing.T) {
	b := newBench(t, func(c *probe.Config) { c.Timeout, c.Retries = 300*time.Second, 8 })
	var at []time.Duration
	for !b.h.Done() {
		if got := b.sent(); got == "SYN 0" {
			at = append(at, b.now.Sub(benchStart))
		} else if got != "" {
			t.Errorf("sent %q", got)
		}
		if deadline, ok := b.h.Deadline(); ok {
			b.now = deadline
		}
	}
	const s = time.Second
	want := []time.Duration{0, 1 * s, 3 * s, 7 * s, 15 * s, 31 * s, 63 * s, 123 * s, 183 * s}
	if !slices.Equal(at, want) {
		t.Errorf("SYNs after %v, want %v", at, want)
	}
	if end := b.now.Sub(benchStart); end != 300*s {
		t.Errorf("gave up after %v", end)
	}
	b.is(probe.StateClosed, probe.OutcomeTimeout, true)
	b.found(probe.FindingSYNRetransmitted)
}

// TestB40_NoRetransmissionAtTheEnd: the third SYN would leave at the moment in which nobody waits for its answer any more.
func TestB40_NoRetransmissionAtTheEnd(t *testing.T) {
	b := newBench(t)
	b.wants("SYN 0")
	b.at(time.Second).wants("SYN 0")
	b.at(3 * time.Second).wants("")
	b.is(probe.StateClosed, probe.OutcomeTimeout, true)
	if r := b.h.Result(); r.SYNSent != 2 || r.Answered || r.Connected {
		t.Errorf("result %+v", r)
	}
}

// TestB41_SameSYN: only the time stamp, and the ECN bits, differ between two transmissions.
func TestB41_SameSYN(t *testing.T) {
	b := newBench(t, func(c *probe.Config) { c.Timeout, c.Retries = time.Minute, 3 })
	want := []uint32{benchTS, benchTS + 1000, benchTS + 3000, benchTS + 7000} // the clock wraps in between
	for i, d := range []time.Duration{0, 1, 3, 7} {
		b.at(d * time.Second).wants("SYN 0")
		val, ecr, ok := b.last().Options.Timestamps()
		if !ok || val != want[i] || ecr != 0 {
			t.Errorf("SYN %d has TSval %#x TSecr %d, want %#x and 0", i+1, val, ecr, want[i])
		}
		golden := []byte{
			2, 4, 0x05, 0xb4, // MSS 1460
			4, 2, // SACK permitted
			8, 10, byte(val >> 24), byte(val >> 16), byte(val >> 8), byte(val), 0, 0, 0, 0, // time stamps
			1, 3, 3, 7, // window scale 7
		}
		if got := b.last(); !slices.Equal(got.Options, golden) || got.Window != benchWindow || got.Seq != benchISS {
			t.Errorf("SYN %d is %+v", i+1, got)
		}
	}
}

func TestBareSYN(t *testing.T) {
	b := newBench(t, func(c *probe.Config) { c.SYN = probe.SYNBare })
	b.wants("SYN 0")
	if len(b.last().Options) != 0 {
		t.Errorf("options % x", b.last().Options)
	}
	// What we did not offer is not used, whatever the peer says.
	o := tcphdr.AppendWindowScale(timestamps(benchPeer, benchTS), 9)
	if v := b.receiveWith(o, "SYN,ACK", 0, 1, 0); v != probe.VerdictOpened {
		t.Errorf("verdict %v", v)
	}
	b.wants("ACK 1 1")
	if got := b.last(); len(got.Options) != 0 || got.Window != benchWindow {
		t.Errorf("ACK with options % x and window %d", got.Options, got.Window)
	}
	b.found()
}

// TestB42_WhichSYN: the time stamp that is echoed says which SYN was answered, and the order of the times does if there
// was only one.
func TestB42_WhichSYN(t *testing.T) {
	const ms = time.Millisecond
	at := func(d time.Duration) stamp.Stamp { return stamp.Stamp{User: benchStart.Add(d)} }
	kernel := func(user, kernel time.Duration) stamp.Stamp {
		return stamp.Stamp{User: benchStart.Add(user), Kernel: benchStart.Add(kernel)}
	}
	tests := []struct {
		name      string
		syns      int
		kernel    []time.Duration // the kernel's stamps of the SYNs
		options   tcphdr.Options
		at        stamp.Stamp
		answered  int
		rtt       time.Duration
		ambiguous bool // or, if another SYN left before the answer came, a SYN-ACK may be a repetition
		clock     stamp.Source
	}{
		{"one SYN, no time stamps", 1, nil, nil, at(40 * ms), 1, 40 * ms, false, stamp.User},
		{"two SYNs, echo of the first", 2, nil, timestamps(1, benchTS), at(1040 * ms), 1, 1040 * ms, false, stamp.User},
		{"two SYNs, echo of the second", 2, nil, timestamps(1, benchTS+1000), at(1040 * ms), 2, 40 * ms, false, stamp.User},
		{"three SYNs, echo of the second", 3, nil, timestamps(1, benchTS+1000), at(3500 * ms), 2, 2500 * ms, false, stamp.User},
		{"two SYNs, no time stamps", 2, nil, nil, at(1040 * ms), 0, 40 * ms, true, stamp.User},
		{"two SYNs, echo of neither", 2, nil, timestamps(1, benchTS+500), at(1040 * ms), 0, 40 * ms, true, stamp.User},
		{"two SYNs, zero echo", 2, nil, timestamps(1, 0), at(1040 * ms), 0, 40 * ms, true, stamp.User},
		{"read after the second SYN, but arrived before it", 2, []time.Duration{1 * ms, 1001 * ms}, nil,
			kernel(1002*ms, 999*ms), 1, 998 * ms, false, stamp.Kernel},
		{"the kernel stamped only the answer", 1, nil, nil, kernel(40*ms, 39*ms), 1, 40 * ms, false, stamp.User},
		{"the kernel stamped only the SYN", 1, []time.Duration{2 * ms}, nil, at(40 * ms), 1, 40 * ms, false, stamp.User},
		{"both stamped", 1, []time.Duration{2 * ms}, nil, kernel(40*ms, 39*ms), 1, 37 * ms, false, stamp.Kernel},
		{"the kernel's stamps in the wrong order", 1, []time.Duration{50 * ms}, nil, kernel(60*ms, 49*ms), 1, 60 * ms, false, stamp.User},
	}
	for _, test := range tests {
		for _, flags := range []string{"SYN,ACK", "RST,ACK"} {
			t.Run(test.name+" "+flags, func(t *testing.T) {
				b := newBench(t, func(c *probe.Config) { c.Timeout, c.Retries = 10*time.Second, 5 })
				for i, d := range []time.Duration{0, 1, 3}[:test.syns] {
					b.at(d * time.Second).wants("SYN 0")
					if test.kernel != nil {
						b.h.Stamped(i, benchStart.Add(test.kernel[i]))
					}
				}
				a := b.arrival(flags, 0, 1, 0)
				a.Header.Options, a.At = test.options, test.at
				verdict := b.h.HandleSegment(a)
				if flags == "RST,ACK" && verdict == probe.VerdictTimestampUnproven {
					t.Fatal("a RST whose echo is plausible was not believed")
				}
				r := b.h.Result()
				ambiguous := test.ambiguous || flags == "SYN,ACK" && test.kernel == nil && test.answered < test.syns
				if !r.Answered || r.AnsweredSYN != test.answered || r.RTT != test.rtt || r.RTTAmbiguous != ambiguous || r.Clock != test.clock {
					t.Errorf("SYN %d, %v, ambiguous %t, %v clock; want SYN %d, %v, %t, %v",
						r.AnsweredSYN, r.RTT, r.RTTAmbiguous, r.Clock, test.answered, test.rtt, ambiguous, test.clock)
				}
				if r.TTL != 57 || r.SYNSent != test.syns {
					t.Errorf("TTL %d, %d SYNs", r.TTL, r.SYNSent)
				}
			})
		}
	}
}

// TestH09_EchoOfAnUnsentSYN: a peer that foresees the time stamp of a SYN which the system has not let out does not make
// the RTT that of the year 1.
func TestH09_EchoOfAnUnsentSYN(t *testing.T) {
	b := newBench(t)
	b.wants("SYN 0")
	b.at(time.Second)
	if _, ok := b.h.Next(b.now); !ok { // and it is not Sent
		t.Fatal("no second SYN")
	}
	b.at(1100*time.Millisecond).receiveWith(timestamps(1, benchTS+1000), "SYN,ACK", 0, 1, 0)
	if r := b.h.Result(); r.RTT != 1100*time.Millisecond || r.SYNSent != 1 {
		t.Errorf("RTT %v of %d SYNs", r.RTT, r.SYNSent)
	}
}

// TestSentLate: what waits for room in the system takes nothing off the time that the peer has for an answer.
func TestSentLate(t *testing.T) {
	b := newBench(t, func(c *probe.Config) { c.Timeout = 300 * time.Millisecond })
	if _, ok := b.h.Next(b.now); !ok {
		t.Fatal("no SYN")
	}
	b.at(511 * time.Millisecond).h.Sent(b.stamp())
	b.wants("")
	b.at(810 * time.Millisecond).wants("")
	b.is(probe.StateSYNSent, probe.OutcomePending, false)
	b.at(811 * time.Millisecond).wants("")
	b.is(probe.StateClosed, probe.OutcomeTimeout, true)
}

// TestB87_ECN and its fallback (B-87, B-88).
func TestB87_ECN(t *testing.T) {
	const (
		ecn  = "SYN,ECE,CWR 0"
		acc  = "SYN,ECE,CWR,AE 0"
		bare = "SYN 0"
	)
	tests := []struct {
		name    string
		syn     probe.SYN
		sent    []string // the SYNs, after 0, 1, 3 s
		options tcphdr.Options
		answer  string
		want    probe.ECN
	}{
		{"not asked for", probe.SYNLinux, []string{bare}, nil, "SYN,ACK,ECE", probe.ECNOff},
		{"classic", probe.SYNECN, []string{ecn}, nil, "SYN,ACK,ECE", probe.ECNClassic},
		{"classic refused", probe.SYNECN, []string{ecn}, nil, "SYN,ACK", probe.ECNRefused},
		{"classic reflected", probe.SYNECN, []string{ecn}, nil, "SYN,ACK,ECE,CWR", probe.ECNReflected},
		{"classic withdrawn", probe.SYNECN, []string{ecn, bare, bare}, nil, "SYN,ACK,ECE", probe.ECNOff},
		{"the withdrawn offer was answered", probe.SYNECN, []string{ecn, bare}, timestamps(1, benchTS), "SYN,ACK,ECE", probe.ECNClassic},
		{"accurate, Not-ECT", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,CWR", probe.ECNAccurate},
		{"accurate, ECT(1)", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,CWR,ECE", probe.ECNAccurate},
		{"accurate, ECT(0)", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,AE", probe.ECNAccurate},
		{"accurate, CE", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,AE,CWR", probe.ECNAccurate},
		{"accurate asked, classic answered", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,ECE", probe.ECNClassic},
		{"accurate asked, the reserved bits answered", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,AE,ECE", probe.ECNAccurate},
		{"accurate refused", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK", probe.ECNRefused},
		{"accurate reflected", probe.SYNAccECN, []string{acc}, nil, "SYN,ACK,AE,ECE,CWR", probe.ECNReflected},
		{"accurate asked twice, then withdrawn", probe.SYNAccECN, []string{acc, acc, bare}, nil, "SYN,ACK,CWR", probe.ECNAccurate},
		{"accurate asked twice, then withdrawn, nothing answered", probe.SYNAccECN, []string{acc, acc, bare}, nil, "SYN,ACK", probe.ECNOff},
		{"accurate at the second try", probe.SYNAccECN, []string{acc, acc, bare}, timestamps(1, benchTS+1000), "SYN,ACK,CWR", probe.ECNAccurate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, func(c *probe.Config) { c.SYN, c.Timeout = test.syn, 10*time.Second })
			for i, want := range test.sent {
				b.at([]time.Duration{0, 1, 3}[i] * time.Second).wants(want)
			}
			b.receiveWith(test.options, test.answer, 0, 1, 0)
			if got := b.h.Result().Peer.ECN; got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// TestB88_ACE: our ACK says how the SYN-ACK's datagram was marked, and what follows counts Congestion Experienced from 5 on.
func TestB88_ACE(t *testing.T) {
	tests := []struct {
		codepoint uint8
		ack, then string
	}{
		{0, "ACK,CWR 1 1", "ACK,ECE,AE 1 6; ACK,CWR,AE 1 11; ACK,ECE,CWR,AE 1 16; ACK 1 21"},
		{1, "ACK,ECE,CWR 1 1", "ACK,ECE,AE 1 6; ACK,CWR,AE 1 11; ACK,ECE,CWR,AE 1 16; ACK 1 21"},
		{2, "ACK,AE 1 1", "ACK,ECE,AE 1 6; ACK,CWR,AE 1 11; ACK,ECE,CWR,AE 1 16; ACK 1 21"},
		{3, "ACK,CWR,AE 1 1", "ACK,CWR,AE 1 6; ACK,ECE,CWR,AE 1 11; ACK 1 16; ACK,ECE 1 21"},
	}
	for _, test := range tests {
		b := newBench(t, func(c *probe.Config) { c.SYN = probe.SYNAccECN })
		b.sent()
		a := b.arrival("SYN,ACK,CWR", 0, 1, 0)
		a.ECN = test.codepoint
		b.h.HandleSegment(a)
		b.wants(test.ack)
		got := ""
		for i := range 4 { // of data: one unmarked, three with Congestion Experienced
			a := b.arrival("ACK", 1+5*i, 1, 5)
			if i > 0 {
				a.ECN = 3
				got += "; "
			}
			b.h.HandleSegment(a)
			got += b.sent()
		}
		if got != test.then {
			t.Errorf("codepoint %d: %q, want %q", test.codepoint, got, test.then)
		}
	}
}

// TestB84_TimestampsOnEverySegment once both sides have sent them, and the latest of the peer's is echoed.
func TestB84_TimestampsOnEverySegment(t *testing.T) {
	b := newBench(t, closing(probe.CloseFIN))
	b.sent()
	b.at(20*time.Millisecond).receiveWith(timestamps(benchPeer, benchTS), "SYN,ACK", 0, 1, 0)
	b.wants("ACK 1 1; FIN,ACK 1 1")
	check := func(name string, h tcphdr.Header, val, ecr uint32) {
		t.Helper()
		want := append(tcphdr.Options{1, 1}, timestamps(val, ecr)...)
		if !slices.Equal(h.Options, want) {
			t.Errorf("%s: options % x, want % x", name, h.Options, want)
		}
	}
	check("ACK", b.out[1], benchTS+20, benchPeer)
	check("FIN", b.out[2], benchTS+20, benchPeer)
	b.at(300 * time.Millisecond)
	b.receiveWith(timestamps(benchPeer+250, benchTS+20), "ACK", 1, 2, 0)
	b.receiveWith(timestamps(benchPeer+260, benchTS+20), "ACK", 9, 2, 4) // out of order: its time stamp is not to be echoed
	b.wants("ACK 2 1")
	check("ACK of data out of order", b.last(), benchTS+300, benchPeer+250)
	b.receiveWith(timestamps(benchPeer+300, benchTS+20), "ACK", 1, 2, 8)
	b.wants("ACK 2 9")
	check("ACK of data", b.last(), benchTS+300, benchPeer+300)
	b.receiveWith(timestamps(benchPeer+200, benchTS+20), "FIN,ACK", 9, 2, 0) // an older one is not echoed
	b.wants("ACK 2 10")
	check("ACK of the FIN", b.last(), benchTS+300, benchPeer+300)
}

// TestB14_TimestampEcho: a RST must echo a time stamp that we may have sent, or none; a SYN-ACK that does not is noted.
func TestB14_TimestampEcho(t *testing.T) {
	tests := []struct {
		name    string
		options tcphdr.Options
		rst     probe.Verdict
		finding []probe.Finding // of a SYN-ACK
	}{
		{"none", nil, probe.VerdictRefused, nil},
		{"of our SYN", timestamps(1, benchTS), probe.VerdictRefused, nil},
		{"zero", timestamps(1, 0), probe.VerdictRefused, []probe.Finding{probe.FindingTimestampsMismatch}},
		{"between the SYN and now", timestamps(1, benchTS+15), probe.VerdictRefused, []probe.Finding{probe.FindingTimestampsMismatch}},
		{"now", timestamps(1, benchTS+30), probe.VerdictRefused, []probe.Finding{probe.FindingTimestampsMismatch}},
		{"in a moment", timestamps(1, benchTS+31), probe.VerdictTimestampUnproven, []probe.Finding{probe.FindingTimestampsMismatch}},
		{"signed", append(tcphdr.Options{19, 18}, make([]byte, 18)...), probe.VerdictRefused, []probe.Finding{probe.FindingMD5Signature}},
		{"a moment before", timestamps(1, benchTS-1), probe.VerdictTimestampUnproven, []probe.Finding{probe.FindingTimestampsMismatch}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.sent()
			b.at(30 * time.Millisecond)
			if v := b.receiveWith(test.options, "RST,ACK", 0, 1, 0); v != test.rst {
				t.Errorf("RST: %q, want %q", v, test.rst)
			}
			if test.rst == probe.VerdictTimestampUnproven {
				b.found(probe.FindingRSTIgnored)
				b.is(probe.StateSYNSent, probe.OutcomePending, false)
			}
			b = newBench(t)
			b.sent()
			b.at(30 * time.Millisecond)
			if v := b.receiveWith(test.options, "SYN,ACK", 0, 1, 0); v != probe.VerdictOpened {
				t.Errorf("SYN-ACK: %q", v)
			}
			b.found(test.finding...)
		})
	}
}

// TestB80_OptionsMalformed: what stands before the fault is used, and the segment counts.
func TestB80_OptionsMalformed(t *testing.T) {
	tests := []struct {
		name    string
		options tcphdr.Options
		mss     uint16
		bad     bool
	}{
		{"length 0", tcphdr.Options{2, 4, 0x05, 0xa0, 8, 0, 0, 0}, 1440, true},
		{"length 1", tcphdr.Options{2, 4, 0x05, 0xa0, 99, 1, 0, 0}, 1440, true},
		{"over the end", tcphdr.Options{2, 4, 0x05, 0xa0, 8, 10, 0, 0}, 1440, true},
		{"a lone kind", tcphdr.Options{2, 4, 0x05, 0xa0, 1, 1, 1, 3}, 1440, true},
		{"before everything", tcphdr.Options{99, 0, 2, 4, 0x05, 0xa0, 1, 1}, 0, true},
		{"unknown kind", tcphdr.Options{99, 4, 7, 7, 2, 4, 0x05, 0xa0}, 1440, false},
		{"after the end of the list", tcphdr.Options{2, 4, 0x05, 0xa0, 0, 8, 0, 9}, 1440, false},
		{"MSS of length 3", tcphdr.Options{2, 3, 0x05, 1}, 0, false},
		{"window scale 15", tcphdr.Options{2, 4, 0x05, 0xa0, 1, 3, 3, 15}, 1440, false},
		{"MSS 0", tcphdr.Options{2, 4, 0, 0}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.sent()
			if v := b.receiveWith(test.options, "SYN,ACK", 0, 1, 0); v != probe.VerdictOpened {
				t.Errorf("verdict %q", v)
			}
			b.wants("ACK 1 1")
			if p := b.h.Result().Peer; p.MSS != test.mss {
				t.Errorf("MSS %d, want %d", p.MSS, test.mss)
			}
			if got := slices.Contains(b.h.Findings(), probe.FindingOptionsMalformed); got != test.bad {
				t.Errorf("options malformed: %t, want %t", got, test.bad)
			}
		})
	}
}

// TestB83_WindowScale: our windows are scaled only if both SYNs say so, and never that of a SYN. A small one does not
// become none.
func TestB83_WindowScale(t *testing.T) {
	for _, test := range []struct {
		window  int
		options tcphdr.Options
		want    uint16
	}{
		{64240, tcphdr.Options{3, 3, 0, 1}, 502}, // 501.875, as Linux has it
		{64240, nil, 64240},
		{65535, tcphdr.Options{3, 3, 14, 1}, 512},
		{65700, tcphdr.Options{3, 3, 0, 1}, 514}, // more than a SYN can say
		{128, tcphdr.Options{3, 3, 0, 1}, 1},
		{100, tcphdr.Options{3, 3, 0, 1}, 1},
		{0, tcphdr.Options{3, 3, 0, 1}, 0},
	} {
		b := newBench(t, func(c *probe.Config) { c.Window = test.window })
		b.wants("SYN 0")
		if w := int(b.last().Window); w != min(test.window, 65535) {
			t.Errorf("the SYN has window %d, want %d", w, test.window)
		}
		b.receiveWith(test.options, "SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1")
		if w := b.last().Window; w != test.want {
			t.Errorf("window %d, then %d; want %d", test.window, w, test.want)
		}
	}
}

// TestWindowZero: a SYN without a window can be answered, and what acknowledges and resets is heard.
func TestWindowZero(t *testing.T) {
	zero := func(c *probe.Config) { c.Window, c.Close = 0, probe.CloseFIN }
	b := newBench(t, zero)
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	b.wants("ACK 1 1; FIN,ACK 1 1")
	if v := b.receive("ACK", 1, 2, 0); v != probe.VerdictAcknowledged {
		t.Errorf("verdict %q", v)
	}
	if v := b.receive("RST", 1, 0, 0); v != probe.VerdictReset {
		t.Errorf("verdict %q", v)
	}
}

// TestSimultaneousOpen with data in the crossing SYN: it is acknowledged when the connection is established, and the SYN-ACK
// offers what the peer offered.
func TestSimultaneousOpen(t *testing.T) {
	b := newBench(t, func(c *probe.Config) { c.Timeout = time.Minute })
	b.sent()
	b.at(5*time.Millisecond).receiveWith(timestamps(benchPeer, 0), "SYN", 0, 0, 5)
	b.wants("SYN,ACK 0 1")
	want := append(tcphdr.Options{2, 4, 0x05, 0xb4}, timestamps(benchTS+5, benchPeer)...)
	if got := b.last(); !slices.Equal(got.Options, want) || got.Window != benchWindow {
		t.Errorf("SYN-ACK %+v, want options % x", got, want)
	}
	b.at(1005 * time.Millisecond).wants("SYN,ACK 0 1")
	b.at(1010 * time.Millisecond)
	b.is(probe.StateSYNReceived, probe.OutcomePending, false)
	if v := b.receiveWith(timestamps(benchPeer+9, benchTS+1005), "ACK", 1, 1, 3); v != probe.VerdictOpened {
		t.Errorf("verdict %q", v)
	}
	b.wants("ACK 1 6") // not 4: what the SYN brought is not taken back
	b.is(probe.StateEstablished, probe.OutcomeEstablished, false)
	b.found(probe.FindingSimultaneousOpen, probe.FindingPeerSpeaksFirst)
}

// TestSimultaneousOpenUnanswered is a timeout, not a success.
func TestSimultaneousOpenUnanswered(t *testing.T) {
	b := newBench(t)
	b.sent()
	b.receive("SYN", 0, 0, 0)
	b.wants("SYN,ACK 0 1")
	b.at(time.Second).wants("SYN,ACK 0 1")
	b.at(3 * time.Second).wants("")
	b.is(probe.StateClosed, probe.OutcomeTimeout, true)
}

func TestCloses(t *testing.T) {
	t.Run("fin", func(t *testing.T) {
		b := newBench(t, closing(probe.CloseFIN))
		b.sent()
		b.at(10*time.Millisecond).receive("SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1; FIN,ACK 1 1")
		b.is(probe.StateFINWait1, probe.OutcomeEstablished, false)
		b.at(1010 * time.Millisecond).wants("FIN,ACK 1 1") // not acknowledged: again
		b.receive("ACK", 1, 2, 0)
		b.at(1510 * time.Millisecond).wants("RST 2") // Linger after the SYN-ACK
		b.is(probe.StateClosed, probe.OutcomeEstablished, true)
		b.found(probe.FindingCloseUnanswered)
	})
	t.Run("fin, the peer first", func(t *testing.T) {
		b := newBench(t, closing(probe.CloseFIN))
		b.sent()
		b.receive("SYN,FIN,ACK", 0, 1, 4)
		b.wants("ACK 1 6; FIN,ACK 1 6")
		b.is(probe.StateLastACK, probe.OutcomeEstablished, false)
		b.receive("ACK", 6, 2, 0)
		b.wants("")
		b.is(probe.StateClosed, probe.OutcomeEstablished, true)
		b.found(probe.FindingPeerSpeaksFirst)
	})
	t.Run("fin, nothing in LAST-ACK", func(t *testing.T) {
		b := newBench(t, closing(probe.CloseFIN))
		b.sent()
		b.receive("SYN,FIN,ACK", 0, 1, 0)
		b.wants("ACK 1 2; FIN,ACK 1 2")
		b.at(time.Second).wants("FIN,ACK 1 2")
		b.at(1500 * time.Millisecond).wants("") // RFC 9293 3.10.5: no RST in CLOSING, LAST-ACK and TIME-WAIT
		b.is(probe.StateClosed, probe.OutcomeEstablished, true)
	})
	t.Run("rst", func(t *testing.T) {
		b := newBench(t, closing(probe.CloseRST))
		b.sent()
		b.receive("SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1; RST 1")
		if got := b.last(); got.Window != 0 || len(got.Options) != 0 {
			t.Errorf("RST %+v", got)
		}
		b.is(probe.StateClosed, probe.OutcomeEstablished, true)
	})
	t.Run("half", func(t *testing.T) {
		b := newBench(t, closing(probe.CloseHalf))
		b.sent()
		b.receiveWith(timestamps(benchPeer, benchTS), "SYN,ACK", 0, 1, 0)
		b.wants("RST 1")
		b.is(probe.StateClosed, probe.OutcomeEstablished, true)
		if r := b.h.Result(); r.Connected || !r.Answered {
			t.Errorf("connected %t, answered %t", r.Connected, r.Answered)
		}
	})
	t.Run("none", func(t *testing.T) {
		b := newBench(t, closing(probe.CloseNone))
		b.sent()
		b.receive("SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1")
		b.at(1499*time.Millisecond).receive("SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1") // B-30
		b.at(1500 * time.Millisecond).wants("")
		b.is(probe.StateEstablished, probe.OutcomeEstablished, true)
		b.found(probe.FindingDuplicateSYNACK)
	})
}

// TestB34_Flood: whatever arrives, and however often, few answers leave.
func TestB34_Flood(t *testing.T) {
	for _, state := range []probe.State{probe.StateSYNSent, probe.StateSYNReceived, probe.StateEstablished, probe.StateFINWait2} {
		t.Run(state.String(), func(t *testing.T) {
			long := func(c *probe.Config) { c.Timeout, c.Linger, c.Retries = time.Minute, time.Minute, 5 }
			how := closing(probe.CloseNone)
			if state == probe.StateFINWait2 {
				how = closing(probe.CloseFIN)
			}
			b := newBench(t, long, how)
			b.sent()
			switch state {
			case probe.StateSYNReceived:
				b.receive("SYN", 0, 0, 0)
			case probe.StateEstablished:
				b.receive("SYN,ACK", 0, 1, 0)
			case probe.StateFINWait2:
				b.receive("SYN,ACK", 0, 1, 0)
				b.receive("ACK", 1, 2, 0)
			}
			b.sent()
			before := len(b.out)
			outcome := b.h.Outcome()
			// In each of four states a quarter of a million segments, 25 000 a second, of which none says anything.
			random := rand.New(rand.NewPCG(1, 2))
			perSecond := make(map[time.Duration]int)
			for i := range 250_000 {
				b.at(time.Duration(i) * 40 * time.Microsecond)
				flags := []string{"ACK", "SYN,ACK", "RST,ACK", "RST", "FIN,ACK"}[i%5]
				b.h.HandleSegment(b.arrival(flags, 1<<20+int(random.Uint32()>>2), 1<<20+int(random.Uint32()>>2), 0))
				n := len(b.out)
				b.sent()
				perSecond[b.now.Sub(benchStart)/time.Second] += len(b.out) - n
			}
			for second, n := range perSecond {
				if n > 10 {
					t.Errorf("%d segments left in second %d", n, second)
				}
			}
			if b.h.State() != state || b.h.Outcome() != outcome {
				t.Errorf("%v, %v", b.h.State(), b.h.Outcome())
			}
			if n := len(b.out) - before; n == 0 || n > 32 {
				t.Errorf("%d segments were sent", n)
			}
			// For a minute of it there is still a verdict, and the SYN was sent as often as it may be.
			for i := range 500 {
				b.at(10*time.Second + time.Duration(i)*100*time.Millisecond)
				b.h.HandleSegment(b.arrival("ACK", 1<<20, 1<<20, 0))
				b.sent()
			}
			b.at(2 * time.Minute).sent()
			if !b.h.Done() || b.h.Outcome() == probe.OutcomePending || len(b.out) > 64 {
				t.Errorf("at the end: %v, %d segments", b.h.Outcome(), len(b.out))
			}
			if syns := b.h.Result().SYNSent; state == probe.StateSYNSent && syns != 6 {
				t.Errorf("%d SYNs left, want 6", syns)
			}
		})
	}
}

// TestH19_MaximumSegments: a peer that goes on and on is reset in the end.
func TestH19_MaximumSegments(t *testing.T) {
	b := newBench(t, func(c *probe.Config) { c.Linger = time.Hour })
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	b.sent()
	for i := range 1000 {
		b.receive("ACK", 1+i, 1, 1)
		b.sent()
	}
	b.is(probe.StateClosed, probe.OutcomeEstablished, true)
	if len(b.out) != 64 || b.last().Flags != tcphdr.RST || b.last().Seq != benchISS.Add(1) {
		t.Errorf("%d segments, the last %v %d", len(b.out), b.last().Flags, b.last().Seq)
	}
}

// TestFullQueue: what waits to be sent tells the latest, however much has come since.
func TestFullQueue(t *testing.T) {
	b := newBench(t)
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	for i := range 20 {
		b.receive("ACK", 1+i, 1, 1)
	}
	b.wants("ACK 1 21; ACK 1 21; ACK 1 21; ACK 1 21")
	for i := range 4 {
		b.receive("ACK", 21+i, 1, 1)
	}
	b.h.Interrupt()
	b.wants("RST 1")
}

func TestInterrupt(t *testing.T) {
	tests := []struct {
		in   probe.State
		sent string
		want probe.Outcome
	}{
		{probe.StateSYNSent, "", probe.OutcomeInterrupted},
		{probe.StateSYNReceived, "RST 1", probe.OutcomeInterrupted},
		{probe.StateEstablished, "RST 1", probe.OutcomeEstablished},
		{probe.StateFINWait1, "RST 1", probe.OutcomeEstablished},
		{probe.StateFINWait2, "RST 2", probe.OutcomeEstablished},
		{probe.StateCloseWait, "RST 1", probe.OutcomeEstablished},
		{probe.StateClosing, "", probe.OutcomeEstablished},
		{probe.StateLastACK, "", probe.OutcomeEstablished},
	}
	for _, test := range tests {
		b := enter(t, test.in)
		b.h.Interrupt()
		b.wants(test.sent)
		b.is(probe.StateClosed, test.want, true)
	}
	b := newBench(t)
	b.h.Interrupt() // before anything was sent
	b.wants("")
	b.is(probe.StateClosed, probe.OutcomeInterrupted, true)
}

func TestFail(t *testing.T) {
	cause := errors.New("no")
	b := enter(t, probe.StateSYNSent)
	b.h.Fail(cause)
	b.wants("")
	b.is(probe.StateSYNSent, probe.OutcomeLocalError, true)
	if b.h.Err() != cause {
		t.Errorf("error %v", b.h.Err())
	}
	b = enter(t, probe.StateEstablished)
	b.h.Fail(cause)
	b.is(probe.StateEstablished, probe.OutcomeEstablished, true)
}

// TestSuspended: a process that wakes hours later gives up at once, and sends nothing that it should have sent meanwhile.
func TestSuspended(t *testing.T) {
	b := newBench(t)
	b.sent()
	b.at(5 * time.Hour).wants("")
	b.is(probe.StateClosed, probe.OutcomeTimeout, true)

	b = newBench(t, func(c *probe.Config) { c.Timeout, c.Retries = 24*time.Hour, 5 })
	b.sent()
	b.at(5 * time.Hour).wants("SYN 0")
	b.at(5*time.Hour + 1999*time.Millisecond).wants("")
	b.at(5*time.Hour + 2*time.Second).wants("SYN 0")

	b = newBench(t, closing(probe.CloseFIN))
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	b.sent()
	b.at(5 * time.Hour).wants("RST 1")
	b.is(probe.StateClosed, probe.OutcomeEstablished, true)
}

// TestNothingBeforeTheStart: a machine that has sent nothing has nothing to hear.
func TestNothingBeforeTheStart(t *testing.T) {
	b := newBench(t)
	for _, flags := range []string{"SYN,ACK", "RST,ACK", "SYN"} {
		if v := b.receive(flags, 0, 1, 0); v != probe.VerdictLate {
			t.Errorf("%s: %q", flags, v)
		}
	}
	b.wants("SYN 0")
}

// TestStatesAreTimed: the states that the connection went through, in order, each with the time of what caused it.
func TestStatesAreTimed(t *testing.T) {
	const ms = time.Millisecond
	b := newBench(t, closing(probe.CloseFIN))
	b.wants("SYN 0")
	b.h.Stamped(0, benchStart.Add(1*ms))
	b.at(20*ms).receive("SYN,ACK", 0, 1, 0)
	b.at(21 * ms).wants("ACK 1 1; FIN,ACK 1 1")
	b.h.Stamped(1, benchStart.Add(22*ms))
	b.at(40*ms).receive("ACK", 1, 2, 0)
	b.at(60*ms).receive("FIN,ACK", 1, 2, 0)
	b.sent()
	r := b.h.Result()
	want := []probe.StateChange{
		{State: probe.StateSYNSent, At: stamp.Stamp{User: benchStart, Kernel: benchStart.Add(1 * ms)}},
		{State: probe.StateEstablished, At: stamp.Stamp{User: benchStart.Add(20 * ms)}},
		{State: probe.StateFINWait1, At: stamp.Stamp{User: benchStart.Add(20 * ms)}},
		{State: probe.StateFINWait2, At: stamp.Stamp{User: benchStart.Add(40 * ms)}},
		{State: probe.StateTimeWait, At: stamp.Stamp{User: benchStart.Add(60 * ms)}},
	}
	if !slices.Equal(r.States, want) {
		t.Errorf("states %v,\nwant %v", r.States, want)
	}
	if !r.Connected || r.Connect != 21*ms || r.Turnaround != 1*ms {
		t.Errorf("connect %v, turnaround %v", r.Connect, r.Turnaround)
	}
}

// TestForgedSYN: a SYN forged by one who knows only addresses and ports does not keep the true answer from being heard. If
// the true peer is not in SYN-SENT, it resets our SYN-ACK, or the forger does: that undoes the crossing, and refuses
// nothing.
func TestForgedSYN(t *testing.T) {
	forged := func(t *testing.T) *bench {
		b := newBench(t, func(c *probe.Config) { c.Timeout, c.Retries = 10*time.Second, 5 })
		b.sent()
		if v := b.receiveWith(timestamps(benchPeer, 0), "SYN", 777_000, 0, 0); v != probe.VerdictCrossed {
			t.Errorf("verdict %q", v)
		}
		b.wants("SYN,ACK 0 777001")
		return b
	}
	t.Run("the answer comes all the same", func(t *testing.T) {
		b := forged(t)
		b.receive("SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1")
		b.is(probe.StateEstablished, probe.OutcomeEstablished, false)
		if len(b.last().Options) != 0 {
			t.Error("the forger's time stamps are used")
		}
	})
	t.Run("refused all the same", func(t *testing.T) {
		b := forged(t)
		b.receive("RST,ACK", 0, 1, 0)
		b.is(probe.StateClosed, probe.OutcomeRefused, true)
	})
	t.Run("taken back", func(t *testing.T) {
		b := forged(t)
		if v := b.at(50*ms).receive("RST", 777_001, 0, 0); v != probe.VerdictRSTUnproven {
			t.Errorf("verdict %q", v)
		}
		b.is(probe.StateSYNSent, probe.OutcomePending, false)
		b.found(probe.FindingSimultaneousOpen, probe.FindingRSTIgnored)
		b.at(time.Second).wants("SYN 0") // when it was due all along
		b.at(1500*ms).receiveWith(timestamps(benchPeer, benchTS+1000), "SYN,ACK", 0, 1, 0)
		b.wants("ACK 1 1")
		b.is(probe.StateEstablished, probe.OutcomeEstablished, false)
		if r := b.h.Result(); r.AnsweredSYN != 3 || r.SYNSent != 3 || r.RTT != 500*ms {
			t.Errorf("%+v", r)
		}
		if _, _, ok := b.last().Options.Timestamps(); !ok {
			t.Error("the true peer's time stamps are not used")
		}
	})
	t.Run("again and again", func(t *testing.T) {
		b := forged(t)
		for n := range 1000 {
			b.at(time.Duration(n)*5*ms).receive("RST", 777_001, 0, 0)
			b.receive("SYN", 777_000, 0, 0)
			b.sent()
		}
		if n := b.h.Result().SYNSent; n > 20 {
			t.Errorf("%d SYNs and SYN-ACKs were sent", n)
		}
		b.receive("RST", 777_001, 0, 0)
		b.at(9*time.Second).receive("SYN,ACK", 0, 1, 0)
		b.is(probe.StateEstablished, probe.OutcomeEstablished, false)
	})
	t.Run("without the last SYN's time being lost", func(t *testing.T) {
		b := forged(t)
		b.at(2 * time.Second).wants("SYN,ACK 0 777001")
		b.receive("RST", 777_001, 0, 0)
		b.wants("SYN 0")
	})
	t.Run("and then an ICMP error", func(t *testing.T) {
		b := forged(t)
		v := b.h.HandleICMP(probe.Notice{ICMP: &probe.ICMP{Type: 3, Code: 1, At: b.stamp()}, Seq: benchISS, Number: 0})
		if v != probe.VerdictRejectedByICMP {
			t.Errorf("verdict %q", v)
		}
		b.is(probe.StateClosed, probe.OutcomeUnreachable, true)
	})
}

// TestFarAway: over a long way nothing is sent again, and nobody given up, before an answer can be there.
func TestFarAway(t *testing.T) {
	const s = time.Second
	b := newBench(t, closing(probe.CloseFIN))
	b.sent()
	b.at(1 * s).wants("SYN 0")
	b.at(2*s).receiveWith(timestamps(benchPeer, benchTS), "SYN,ACK", 0, 1, 0)
	b.wants("ACK 1 1; FIN,ACK 1 1")
	b.at(3*s).receiveWith(timestamps(benchPeer, benchTS+1000), "SYN,ACK", 0, 1, 0) // the answer to the second SYN
	b.wants("ACK 2 1")
	b.at(3999 * ms).wants("")
	b.at(4*s).receive("FIN,ACK", 1, 2, 0)
	b.wants("ACK 2 2")
	b.is(probe.StateTimeWait, probe.OutcomeEstablished, true)
	b.found(probe.FindingSYNRetransmitted, probe.FindingDuplicateSYNACK)
}

// TestDelayedACK: data that came with a crossing SYN is acknowledged soon after the connection is established.
func TestDelayedACK(t *testing.T) {
	b := newBench(t)
	b.sent()
	b.receive("SYN", 0, 0, 5)
	b.wants("SYN,ACK 0 1")
	b.at(10*ms).receive("ACK", 1, 1, 0)
	b.wants("")
	b.at(109 * ms).wants("")
	b.at(110 * ms).wants("ACK 1 6")
}

// TestStatesToTheEnd: CLOSE is a state too, and has its time.
func TestStatesToTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(b *bench)
		want time.Duration
	}{
		"refused": {func(b *bench) { b.at(30*ms).receive("RST,ACK", 0, 1, 0) }, 30 * ms},
		"timeout": {func(b *bench) { b.at(3 * time.Second).wants("") }, 3 * time.Second},
		"rejected": {func(b *bench) {
			b.at(20 * ms)
			b.h.HandleICMP(probe.Notice{ICMP: &probe.ICMP{Type: 3, Code: 1, At: b.stamp()}, Seq: benchISS, Number: 0})
		}, 20 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *probe.Config) { c.Timeout, c.Retries = 3*time.Second, 0 })
			b.wants("SYN 0")
			test.end(b)
			want := []probe.StateChange{
				{State: probe.StateSYNSent, At: stamp.Stamp{User: benchStart}},
				{State: probe.StateClosed, At: stamp.Stamp{User: benchStart.Add(test.want)}},
			}
			if got := b.h.Result().States; !slices.Equal(got, want) {
				t.Errorf("states %v, want %v", got, want)
			}
		})
	}
}
