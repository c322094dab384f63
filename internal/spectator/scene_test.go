package spectator_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/spectator"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

const ms = time.Millisecond

// The ends of a scene.
var (
	clientEnd = netip.MustParseAddrPort("192.0.2.1:40000")
	serverEnd = netip.MustParseAddrPort("198.51.100.80:443")
	router    = netip.MustParseAddr("203.0.113.1")
)

// scene plays packets to a spectator.
type scene struct {
	t         *testing.T
	spectator *spectator.Spectator
	told      []*spectator.Handshake
	number    int
	id        uint16
	client    netip.AddrPort
	server    netip.AddrPort
	latest    []byte
}

// newScene returns a scene in which nothing has happened.
func newScene(t *testing.T, c spectator.Config) *scene {
	s := &scene{t: t, client: clientEnd, server: serverEnd}
	c.Tell = func(h *spectator.Handshake) { s.told = append(s.told, h) }
	s.spectator = spectator.New(c)
	return s
}

// epoch is when scenes begin.
var epoch = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// show shows a datagram at a time since the beginning.
func (s *scene) show(at time.Duration, datagram []byte) *scene {
	s.t.Helper()
	var ip rawip.Datagram
	if err := ip.Parse(datagram); err != nil {
		s.t.Fatal(err)
	}
	s.number++
	s.latest = datagram
	s.spectator.Packet(spectator.Packet{Number: s.number, Time: epoch.Add(at).UnixNano(), IP: &ip, Length: len(ip.Payload), Octets: datagram})
	return s
}

// again shows the latest datagram once more.
func (s *scene) again(at time.Duration) *scene { return s.show(at, s.latest) }

// segment shows a segment from one end to the other. Flags are as "SYN,ACK"; data is a number of octets.
func (s *scene) segment(at time.Duration, from, to netip.AddrPort, flags tcphdr.Flags, seq, ack uint32, options tcphdr.Options, data int) *scene {
	s.t.Helper()
	h := tcphdr.Header{SrcPort: from.Port(), DstPort: to.Port(), Seq: tcphdr.SeqNum(seq), Ack: tcphdr.SeqNum(ack), Flags: flags, Window: 64240, Options: options}
	segment, err := h.Append(nil, from.Addr(), to.Addr(), make([]byte, data))
	if err != nil {
		s.t.Fatal(err)
	}
	s.id++
	datagram, err := rawip.Header{TTL: 60, Protocol: rawip.ProtocolTCP, ID: s.id, Src: from.Addr(), Dst: to.Addr()}.Append(nil, segment)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.show(at, datagram)
}

func (s *scene) fromClient(at time.Duration, flags tcphdr.Flags, seq, ack uint32) *scene {
	s.t.Helper()
	return s.segment(at, s.client, s.server, flags, seq, ack, nil, 0)
}

func (s *scene) fromServer(at time.Duration, flags tcphdr.Flags, seq, ack uint32) *scene {
	s.t.Helper()
	return s.segment(at, s.server, s.client, flags, seq, ack, nil, 0)
}

// rejected shows an ICMP error that quotes the latest datagram.
func (s *scene) rejected(at time.Duration, code icmp.Code) *scene {
	s.t.Helper()
	var quoted rawip.Datagram
	if err := quoted.Parse(s.latest); err != nil {
		s.t.Fatal(err)
	}
	message := icmp.Message{Type: icmp.DestinationUnreachable, Code: code, Body: s.latest}.Append(nil)
	datagram, err := rawip.Header{TTL: 60, Protocol: rawip.ProtocolICMP, Src: router, Dst: quoted.Src}.Append(nil, message)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.show(at, datagram)
}

// end ends the scene, and returns what was told.
func (s *scene) end() []*spectator.Handshake {
	s.spectator.Finish(false)
	return s.told
}

// one ends the scene, and returns the only handshake.
func (s *scene) one() *spectator.Handshake {
	s.t.Helper()
	if told := s.end(); len(told) != 1 {
		s.t.Fatalf("%d handshakes are told", len(told))
	}
	return s.told[0]
}

const (
	syn, ack, rst, fin = tcphdr.SYN, tcphdr.ACK, tcphdr.RST, tcphdr.FIN
	synACK             = tcphdr.SYN | tcphdr.ACK
)

// TestVerdicts: what packets say of a handshake, kind by kind.
func TestVerdicts(t *testing.T) {
	type want struct {
		outcome  probe.Outcome
		findings []probe.Finding
		rtt      time.Duration // 0 for none
		client   time.Duration
		closing  string
		syns     int
		answered int
	}
	ended := spectator.FindingEnded
	for _, test := range []struct {
		name string
		play func(s *scene)
		want want
	}{
		{"established and closed", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501)
			s.fromClient(20*ms, fin|ack, 101, 501).fromServer(30*ms, fin|ack, 501, 102).fromClient(31*ms, ack, 102, 502)
		}, want{probe.OutcomeEstablished, nil, 10 * ms, ms, "fin", 1, 1}},
		{"across the end of sequence numbers", func(s *scene) {
			s.fromClient(0, syn, 1<<32-1, 0).fromServer(10*ms, synACK, 1<<32-1, 0).fromClient(11*ms, ack, 0, 0)
		}, want{probe.OutcomeEstablished, nil, 10 * ms, ms, "none", 1, 1}},
		{"refused", func(s *scene) { s.fromClient(0, syn, 100, 0).fromServer(7*ms, rst|ack, 0, 101) },
			want{probe.OutcomeRefused, nil, 7 * ms, 0, "none", 1, 1}},
		{"a RST that proves nothing", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(7*ms, rst|ack, 0, 99).fromServer(8*ms, rst, 0, 0)
		},
			want{probe.OutcomeTimeout, []probe.Finding{probe.FindingRSTIgnored, ended}, 0, 0, "none", 1, 0}},
		{"a RST, and yet a SYN-ACK", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(7*ms, rst|ack, 0, 101).fromServer(9*ms, synACK, 500, 101).fromClient(10*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingRSTIgnored}, 9 * ms, ms, "none", 1, 1}},
		{"no answer, long enough", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromClient(time.Second, syn, 100, 0).fromClient(3*time.Second, syn, 100, 0)
			s.spectator.Advance(epoch.Add(time.Minute).UnixNano())
		}, want{probe.OutcomeTimeout, []probe.Finding{probe.FindingSYNRetransmitted, spectator.FindingSYNLost}, 0, 0, "none", 3, 0}},
		{"the first SYN is lost", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromClient(time.Second, syn, 100, 0).fromServer(1010*ms, synACK, 500, 101).fromClient(1011*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingSYNRetransmitted, spectator.FindingSYNLost}, 10 * ms, ms, "none", 2, 0}},
		{"the SYN-ACK is lost", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(time.Second, syn, 100, 0)
			s.fromServer(1010*ms, synACK, 500, 101).fromClient(1012*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingSYNRetransmitted, probe.FindingDuplicateSYNACK, spectator.FindingSYNACKLost}, 10 * ms, 1002 * ms, "none", 2, 1}},
		{"the ACK is lost", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501).fromServer(1010*ms, synACK, 500, 101)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingDuplicateSYNACK, spectator.FindingACKLost}, 10 * ms, ms, "none", 1, 1}},
		{"half open", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromServer(1010*ms, synACK, 500, 101)
		}, want{probe.OutcomeHalfOpen, []probe.Finding{probe.FindingDuplicateSYNACK, spectator.FindingNoACK, ended}, 10 * ms, 0, "none", 1, 1}},
		{"half open, and reset", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, rst, 101, 0)
		}, want{probe.OutcomeHalfOpen, nil, 10 * ms, 0, "rst_by_client", 1, 1}},
		{"reset after established", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501).fromServer(20*ms, rst, 501, 0)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingResetAfterEstablished}, 10 * ms, ms, "rst_by_server", 1, 1}},
		{"reset after data", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501)
			s.segment(12*ms, s.client, s.server, ack, 101, 501, nil, 5).segment(20*ms, s.server, s.client, ack, 501, 106, nil, 5).fromServer(21*ms, rst, 506, 0)
		}, want{probe.OutcomeEstablished, nil, 10 * ms, ms, "rst_by_server", 1, 1}},
		{"the server speaks first", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501).segment(12*ms, s.server, s.client, ack, 501, 101, nil, 5)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingPeerSpeaksFirst}, 10 * ms, ms, "none", 1, 1}},
		{"an old connection", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(10*ms, ack, 9000, 7000).fromClient(11*ms, rst, 7000, 0)
			s.fromClient(time.Second, syn, 100, 0).fromServer(1010*ms, synACK, 500, 101).fromClient(1011*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingSYNRetransmitted, probe.FindingStalePeerState, spectator.FindingSYNLost}, 10 * ms, ms, "none", 2, 0}},
		{"simultaneous open", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(ms, syn, 500, 0).fromClient(10*ms, synACK, 100, 501).fromServer(11*ms, synACK, 500, 101)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingSimultaneousOpen}, 11 * ms, 0, "none", 1, 1}},
		{"split handshake", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromServer(ms, ack, 500, 101).fromServer(2*ms, syn, 500, 0).fromClient(10*ms, synACK, 100, 501).fromServer(11*ms, ack, 501, 101)
		}, want{probe.OutcomeEstablished, []probe.Finding{spectator.FindingSplitHandshake}, 0, 0, "none", 1, 0}},
		{"prohibited", func(s *scene) { s.fromClient(0, syn, 100, 0).rejected(5*ms, 13) },
			want{probe.OutcomeUnreachable, nil, 5 * ms, 0, "none", 1, 1}},
		{"prohibited, and yet answered", func(s *scene) {
			s.fromClient(0, syn, 100, 0).rejected(5*ms, 13).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, []probe.Finding{probe.FindingICMPThenAnswer}, 10 * ms, ms, "none", 1, 1}},
		{"the client alone", func(s *scene) {
			s.fromClient(0, syn, 100, 0).fromClient(11*ms, ack, 101, 501).segment(12*ms, s.client, s.server, ack, 101, 501, nil, 5)
		}, want{probe.OutcomeUnknown, []probe.Finding{spectator.FindingOneDirection, spectator.FindingMissing}, 0, 0, "none", 1, 0}},
		{"the SYN is not there", func(s *scene) { s.fromServer(0, synACK, 500, 101).fromClient(ms, ack, 101, 501) },
			want{probe.OutcomeUnknown, []probe.Finding{spectator.FindingBegan}, 0, ms, "none", 0, 0}},
		{"the SYN comes behind its answer", func(s *scene) {
			s.fromServer(10*ms, synACK, 500, 101).fromClient(9*ms, syn, 100, 0).fromClient(11*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, nil, ms, ms, "none", 1, 1}},
		{"every frame twice", func(s *scene) {
			s.fromClient(0, syn, 100, 0).again(50*1000).fromServer(10*ms, synACK, 500, 101).again(10*ms+50*1000).fromClient(11*ms, ack, 101, 501).again(11 * ms)
		}, want{probe.OutcomeEstablished, []probe.Finding{spectator.FindingDuplicateFrames}, 10 * ms, ms, "none", 1, 1}},
		{"the times go back", func(s *scene) {
			s.fromClient(10*ms, syn, 100, 0).fromServer(20*ms, synACK, 500, 101).fromClient(19*ms, ack, 101, 501)
		}, want{probe.OutcomeEstablished, []probe.Finding{spectator.FindingTimeBack}, 10 * ms, 0, "none", 1, 1}},
		{"fast open", func(s *scene) {
			s.segment(0, s.client, s.server, syn, 100, 0, nil, 10).fromServer(10*ms, synACK, 500, 111).fromClient(11*ms, ack, 111, 501)
		}, want{probe.OutcomeEstablished, nil, 10 * ms, ms, "none", 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t, spectator.Config{})
			test.play(s)
			h := s.one()
			r := h.Result
			got := want{r.Outcome, r.Findings, r.TCP.RTT, h.ClientRTT, h.Close, r.TCP.SYNSent, r.TCP.AnsweredSYN}
			if got.outcome != test.want.outcome || got.rtt != test.want.rtt || got.client != test.want.client || got.closing != test.want.closing ||
				got.syns != test.want.syns || got.answered != test.want.answered || !slices.Equal(got.findings, test.want.findings) {
				t.Errorf("%+v\nwant %+v", got, test.want)
			}
			if r.Time.Before(epoch) || r.Time.After(epoch.Add(time.Minute)) {
				t.Errorf("it began at %v", r.Time)
			}
		})
	}
}

// TestTimeStampsTell: where SYNs are repeated, their time stamps say which was answered.
func TestTimeStampsTell(t *testing.T) {
	for echo, want := range map[uint32]int{1000: 1, 2000: 2, 7: 0} {
		s := newScene(t, spectator.Config{})
		for i := range uint32(2) {
			s.segment(time.Duration(i)*time.Second, s.client, s.server, syn, 100, 0, tcphdr.AppendTimestamps(nil, 1000*(i+1), 0), 0)
		}
		s.segment(1200*ms, s.server, s.client, synACK, 500, 101, tcphdr.AppendTimestamps(nil, 5, echo), 0)
		h := s.one()
		rtt := map[int]time.Duration{0: 200 * ms, 1: 1200 * ms, 2: 200 * ms}[want]
		if tcp := h.Result.TCP; tcp.AnsweredSYN != want || tcp.RTTAmbiguous != (want == 0) || tcp.RTT != rtt {
			t.Errorf("echo of %d: SYN %d, ambiguous %t, %v", echo, tcp.AnsweredSYN, tcp.RTTAmbiguous, tcp.RTT)
		}
		if got := slices.Contains(h.Result.Findings, probe.FindingTimestampsMismatch); got != (want == 0) {
			t.Errorf("echo of %d: %v", echo, h.Result.Findings)
		}
	}
}

// TestPortReused: a SYN with another sequence number is another attempt, whether the one before has ended or not.
func TestPortReused(t *testing.T) {
	s := newScene(t, spectator.Config{})
	s.fromClient(0, syn, 100, 0)
	s.fromClient(5*time.Second, syn, 7000, 0).fromServer(5010*ms, synACK, 500, 7001).fromClient(5011*ms, ack, 7001, 501)
	s.fromClient(5020*ms, fin|ack, 7001, 501).fromServer(5030*ms, fin|ack, 501, 7002)
	s.fromClient(9*time.Second, syn, 90000, 0).fromServer(9010*ms, rst|ack, 0, 90001)
	told := s.end()
	if len(told) != 3 {
		t.Fatalf("%d are told", len(told))
	}
	for i, want := range []probe.Outcome{probe.OutcomeTimeout, probe.OutcomeEstablished, probe.OutcomeRefused} {
		if h := told[i]; h.Result.Outcome != want || h.Stream != i+1 || slices.Contains(h.Result.Findings, spectator.FindingPortReused) != (i == 0) {
			t.Errorf("%d: %v, stream %d, %v", i, h.Result.Outcome, h.Stream, h.Result.Findings)
		}
	}
	if told[0].Waited != 5*time.Second {
		t.Errorf("the first waited for %v", told[0].Waited)
	}
}

// TestCookies: four SYN-ACKs of a server in a row whose time stamps hold the options of the SYN are a hint, and three are not.
func TestCookies(t *testing.T) {
	s := newScene(t, spectator.Config{})
	for i := range uint16(6) {
		s.client = netip.AddrPortFrom(clientEnd.Addr(), 40000+i)
		offer := tcphdr.AppendWindowScale(tcphdr.AppendTimestamps(tcphdr.AppendSACKPermitted(nil), 1, 0), 7)
		cookie := uint32(i)<<6 | 0x10 | 7
		if i == 5 {
			cookie ^= 1
		}
		s.segment(time.Duration(i)*ms, s.client, s.server, syn, 100, 0, offer, 0)
		s.segment(time.Duration(i)*ms, s.server, s.client, synACK, 500, 101, tcphdr.AppendTimestamps(nil, cookie, 1), 0)
	}
	for i, h := range s.end() {
		if got := slices.Contains(h.Result.Findings, spectator.FindingSYNCookies); got != (i == 3 || i == 4) {
			t.Errorf("%d: %v", i, h.Result.Findings)
		}
	}
}

// TestMost: the oldest are judged by what is known where there are too many, and that is said.
func TestMost(t *testing.T) {
	s := newScene(t, spectator.Config{Most: 10})
	for i := range 25 {
		s.client = netip.AddrPortFrom(clientEnd.Addr(), uint16(40000+i))
		s.fromClient(time.Duration(i)*ms, syn, 100, 0)
	}
	if len(s.told) != 15 || s.spectator.Counts().Early != 15 {
		t.Errorf("%d are told before the end, %d of them early", len(s.told), s.spectator.Counts().Early)
	}
	for i, h := range s.end() {
		early := slices.Contains(h.Result.Findings, spectator.FindingJudgedEarly)
		if h.Stream != i+1 || early != (i < 15) || h.Result.Outcome != probe.OutcomeTimeout {
			t.Errorf("%d: stream %d, %v, %v", i, h.Stream, h.Result.Outcome, h.Result.Findings)
		}
	}
}

// TestLive: verdicts are told when they are final, and what is waited for is not judged where the reading is broken off.
func TestLive(t *testing.T) {
	s := newScene(t, spectator.Config{Live: true})
	s.fromClient(0, syn, 100, 0).fromServer(10*ms, synACK, 500, 101).fromClient(11*ms, ack, 101, 501)
	s.spectator.Advance(epoch.Add(time.Second).UnixNano())
	if len(s.told) != 0 {
		t.Fatal("told before a probe would have ended")
	}
	s.spectator.Advance(epoch.Add(1600 * ms).UnixNano())
	if len(s.told) != 1 || s.told[0].Result.Outcome != probe.OutcomeEstablished {
		t.Fatalf("%d are told after 1.6 s", len(s.told))
	}
	s.client = netip.AddrPortFrom(clientEnd.Addr(), 40001)
	s.fromClient(2*time.Second, syn, 100, 0)
	s.spectator.Advance(epoch.Add(5100 * ms).UnixNano())
	if len(s.told) != 2 || s.told[1].Result.Outcome != probe.OutcomeTimeout {
		t.Fatalf("%d are told after 3.1 s of silence", len(s.told))
	}
	s.client = netip.AddrPortFrom(clientEnd.Addr(), 40002)
	s.fromClient(6*time.Second, syn, 100, 0)
	s.spectator.Finish(true)
	if len(s.told) != 3 || s.told[2].Result.Outcome != probe.OutcomeUnknown {
		t.Fatalf("broken off: %d are told", len(s.told))
	}
}

// TestLostBetween: what was lost between two places shows by the repetitions, and those are no changes.
func TestLostBetween(t *testing.T) {
	play := func(skip int, ttl time.Duration) []*spectator.Handshake {
		s := newScene(t, spectator.Config{})
		for i := skip; i < 2; i++ {
			s.segment(ttl+time.Duration(i)*time.Second, s.client, s.server, syn, 100, 0, tcphdr.AppendTimestamps(nil, uint32(1000*(i+1)), 0), 0)
		}
		s.segment(1020*ms-ttl, s.server, s.client, synACK, 500, 101, tcphdr.AppendTimestamps(nil, 5, 2000), 0).fromClient(1030*ms+ttl, ack, 101, 501)
		return s.end()
	}
	c := spectator.Compare(play(0, 0), play(1, 2*ms))
	if len(c.Pairs) != 1 || c.OnlyA+c.OnlyB != 0 {
		t.Fatalf("%+v", c)
	}
	if p := c.Pairs[0]; p.LostSYNs != 1 || p.LostSYNACKs != 0 || len(p.Changes) != 0 || p.ClientAtB {
		t.Errorf("%d SYNs and %d SYN-ACKs are lost, %+v", p.LostSYNs, p.LostSYNACKs, p.Changes)
	}
}
