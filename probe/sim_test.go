package probe_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
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

// simSeeds is how many networks TestSim tries.
const simSeeds = 30_000

// TestSim runs the engine over thousands of networks that lose, repeat, delay, reorder and damage datagrams, in which
// forgers who know addresses and ports, but cannot see our segments, send whatever they like. The server is open, closed,
// silent or behind a router that rejects. The verdict must never be false, must be found if the network lets it through,
// and must come in time.
func TestSim(t *testing.T) {
	outcomes := make(map[string]int)
	for seed := range uint64(simSeeds) {
		s := newSim(seed, seed%3 == 0)
		if err := s.run(); err != nil {
			t.Fatalf("seed %d, %s: %v\n%s", seed, s, err, s.transcript())
		}
		outcomes[s.family()+" "+s.kind+" "+s.flow.Result.Outcome.String()]++
	}
	for _, family := range []string{"IPv4 ", "IPv6 "} {
		for _, want := range []string{
			"open established", "open timeout", "closed refused", "closed timeout", "silent timeout",
			"rejecting unreachable", "rejecting timeout",
		} {
			if outcomes[family+want] < 50 {
				t.Errorf("%q came up %d times only: the networks are not varied enough", family+want, outcomes[family+want])
			}
		}
	}
}

// sim is one network.
type sim struct {
	random *rand.Rand
	wire   *probetest.Wire
	flow   *probe.Flow
	kind   string // of server

	loss, repeat, damage float64
	quiet                time.Duration // from when on nothing of that happens
	delay, jitter        time.Duration // one way
	peerTS               bool          // the server uses time stamps
	forgeries            int

	start time.Time
	sent  int
	syns  []departure       // of SYNs, or SYN-ACKs, of ours
	said  map[uint32]answer // what the server and the router said, by Identification or flow label

	server struct {
		state            probe.State // Closed (listening), SynReceived, EstablishedState, LastAck
		irs, iss         tcphdr.SeqNum
		sndNxt, rcvNxt   tcphdr.SeqNum
		tsRecent, synTag int
		resent           int
	}
}

type departure struct{ user, kernel time.Time }

// answer is something that was said: which SYN of ours, from 1, it answers, and the code of the ICMP message that it is.
type answer struct {
	syn  int
	kind icmp.Type
	code icmp.Code
}

func newSim(seed uint64, v6 bool) *sim {
	s := &sim{random: rand.New(rand.NewPCG(seed, 20)), wire: probetest.NewWire(), said: make(map[uint32]answer)}
	r := s.random
	s.kind = []string{"open", "open", "closed", "silent", "rejecting"}[r.IntN(5)]
	if r.IntN(3) > 0 {
		s.loss, s.repeat, s.damage = r.Float64()*0.7, r.Float64()*0.4, r.Float64()*0.3
		s.quiet = time.Duration(r.IntN(12)) * time.Second
	}
	s.delay = time.Duration(r.ExpFloat64() * float64(40*time.Millisecond))
	if r.IntN(2) == 0 {
		s.jitter = time.Duration(r.IntN(300)) * time.Millisecond
	}
	if r.IntN(2) == 0 {
		s.forgeries = r.IntN(40)
	}
	s.peerTS = r.IntN(4) > 0
	s.wire.Stamped = r.IntN(2) == 0
	if r.IntN(2) == 0 {
		s.wire.Oversleep = func() time.Duration { return time.Duration(r.ExpFloat64() * float64(time.Millisecond)) }
	}
	s.wire.OnSend = s.send
	s.start = s.wire.Time
	s.server.iss = tcphdr.SeqNum(r.Uint32())
	newFlow := probetest.NewFlow
	if v6 {
		newFlow = probetest.NewFlow6
	}
	s.flow = newFlow(probe.Config{
		ISS: tcphdr.SeqNum(r.Uint32()), TimestampBase: r.Uint32(),
		SYN: probe.SYN(r.IntN(4)), MSS: 1460, Window: 64240,
		Timeout: time.Duration(200+r.IntN(9000)) * time.Millisecond, Retries: r.IntN(5),
		Close: probe.Close(r.IntN(4)), Linger: probe.Linger, ICMP: probe.ICMPPolicy(r.IntN(2)),
	})
	if r.IntN(3) == 0 {
		s.flow.Handshake.Window = 1024
	}
	if v6 && r.IntN(3) == 0 {
		s.flow.Relabel = false
	}
	return s
}

// is6 reports whether the network is one of IPv6.
func (s *sim) is6() bool { return s.flow.Path.V6 }

func (s *sim) family() string {
	if s.is6() {
		return "IPv6"
	}
	return "IPv4"
}

// router returns the address of the router.
func (s *sim) router() netip.Addr {
	if s.is6() {
		return probetest.Router6
	}
	return probetest.Router
}

func (s *sim) String() string {
	return fmt.Sprintf("%s %s server, loss %.2f, repeat %.2f, damage %.2f until %v, delay %v + %v, %d forgeries, stamps %t, %+v",
		s.family(), s.kind, s.loss, s.repeat, s.damage, s.quiet, s.delay, s.jitter, s.forgeries, s.wire.Stamped, s.flow.Handshake)
}

func (s *sim) transcript() (text string) {
	for _, e := range s.flow.Result.Events {
		text += fmt.Sprintf("%12v kind %d", e.At.User.Sub(s.start), e.Kind)
		if g := e.Segment; g != nil {
			text += fmt.Sprintf(" %v seq %d ack %d id %#x: %v, %v", g.Header.Flags, g.Header.Seq, g.Header.Ack, g.ID, g.Verdict, g.State)
		}
		text += "\n"
	}
	return text
}

func (s *sim) run() error {
	for range s.forgeries {
		until := s.flow.Handshake.Timeout
		if s.random.IntN(2) == 0 { // before the first answer
			until = s.delay + s.jitter + time.Millisecond
		}
		s.forge(time.Duration(s.random.Int64N(int64(until))))
	}
	if s.random.IntN(4) == 0 { // a lone SYN, so that something else resets our SYN-ACK
		s.forgeSYN(time.Duration(s.random.Int64N(int64(s.delay + s.jitter + time.Millisecond))))
		s.forgeries++
	}
	if err := probe.NewEngine(s.wire).Run(context.Background(), probetest.StartAll(s.flow)); err != nil {
		return err
	}
	r, c := s.flow.Result, s.flow.Handshake
	took := s.wire.Time.Sub(s.start)
	if limit := c.Timeout + max(c.Linger, 3*r.TCP.RTT) + 100*time.Millisecond; took > limit {
		return fmt.Errorf("it took %v, and %v at the most were allowed", took, limit)
	}
	if s.sent > 64 || s.sent < 1 {
		return fmt.Errorf("%d segments were sent", s.sent)
	}
	if err := s.truth(r); err != nil {
		return err
	}
	right := map[string]probe.Outcome{
		"open": probe.OutcomeEstablished, "closed": probe.OutcomeRefused, "silent": probe.OutcomeTimeout, "rejecting": probe.OutcomeUnreachable,
	}[s.kind]
	switch {
	case r.Outcome == right:
	case r.Outcome != probe.OutcomeTimeout:
		return fmt.Errorf("the outcome is %v, and that is false", r.Outcome)
	case s.mustSucceed():
		return fmt.Errorf("the outcome is %v, and nothing stood in the way of %v", r.Outcome, right)
	}
	return nil
}

// mustSucceed reports whether some SYN and its answer met with no accident, in time.
func (s *sim) mustSucceed() bool {
	c := s.flow.Handshake
	roundTrip := 2*(s.delay+s.jitter) + 50*time.Millisecond
	for i, at := range []time.Duration{0, 1, 3, 7}[:min(c.Retries+1, 4)] {
		at *= time.Second
		if i > 0 && s.forgeries > 0 {
			break // a forged SYN may have changed the schedule
		}
		if at >= s.quiet && at+roundTrip < c.Timeout {
			return true
		}
	}
	return false
}

// truth compares what the result says with what the network did.
func (s *sim) truth(r *probe.Result) error {
	var decisive *probe.Event
	for i := range r.Events {
		switch e := &r.Events[i]; {
		case e.Kind == probe.EventSegmentReceived && (e.Segment.Verdict == probe.VerdictOpened || e.Segment.Verdict == probe.VerdictRefused),
			e.Kind == probe.EventICMPReceived && r.Outcome == probe.OutcomeUnreachable:
			decisive = e
		}
	}
	switch r.Outcome {
	case probe.OutcomeTimeout:
		return nil
	case probe.OutcomeEstablished, probe.OutcomeRefused, probe.OutcomeUnreachable:
	default:
		return fmt.Errorf("the outcome is %v: %v", r.Outcome, r.Err)
	}
	if decisive == nil {
		return fmt.Errorf("%v without a reason", r.Outcome)
	}
	var ip rawip.Datagram
	if err := ip.Parse(decisive.Octets); err != nil {
		return err
	}
	answer, ok := s.said[uint32(ip.ID)|ip.FlowLabel]
	if !ok {
		return fmt.Errorf("%v because of a forgery", r.Outcome)
	}
	if m := decisive.ICMP; m != nil && (m.Type != uint8(answer.kind) || m.Code != uint8(answer.code)) {
		return fmt.Errorf("type %d code %d, and not type %d code %d", m.Type, m.Code, answer.kind, answer.code)
	}
	t := r.TCP
	if !t.Answered || t.SYNSent != len(s.syns) {
		return fmt.Errorf("answered %t, %d SYNs of %d", t.Answered, t.SYNSent, len(s.syns))
	}
	if t.RTTAmbiguous {
		if len(s.syns) == 1 {
			return fmt.Errorf("ambiguous, with one SYN")
		}
		return nil
	}
	left := s.syns[answer.syn-1]
	want := decisive.At.User.Sub(left.user)
	if t.Clock == stamp.Kernel {
		want = decisive.At.Kernel.Sub(left.kernel)
	}
	if t.AnsweredSYN != answer.syn || t.RTT != want {
		return fmt.Errorf("SYN %d answered after %v, in truth it is SYN %d after %v", t.AnsweredSYN, t.RTT, answer.syn, want)
	}
	if s.wire.Stamped != (t.Clock == stamp.Kernel) {
		return fmt.Errorf("RTT by the %v clock", t.Clock)
	}
	return nil
}

// send takes a datagram of ours.
func (s *sim) send(p rawip.Path, datagram []byte) error {
	s.sent++
	var ip rawip.Datagram
	if err := ip.Parse(datagram); err != nil {
		return err
	}
	h, _, err := tcphdr.Parse(ip.Payload)
	if err != nil {
		return err
	}
	syn := 0
	left := departure{user: s.wire.Time}
	if s.wire.Stamped {
		left.kernel = s.wire.Time.Add(time.Duration(s.random.IntN(50)) * time.Microsecond)
		s.wire.Seen(p, datagram, left.kernel)
	}
	if h.Flags.Has(tcphdr.SYN) {
		s.syns = append(s.syns, left)
		syn = len(s.syns)
	}
	for _, copied := range s.accidents(datagram, 0) {
		s.arriveThere(copied, syn)
	}
	return nil
}

// accidents returns what becomes of a datagram on its way. So many octets at its beginning are left alone.
func (s *sim) accidents(datagram []byte, safe int) [][]byte {
	if s.wire.Time.Sub(s.start) >= s.quiet {
		return [][]byte{datagram}
	}
	var arrive [][]byte
	for {
		if s.random.Float64() >= s.loss {
			copied := append([]byte(nil), datagram...)
			if s.random.Float64() < s.damage {
				at := safe + s.random.IntN(len(copied)-safe)
				if s.random.IntN(2) == 0 {
					at = s.headerLen() + s.random.IntN(14) // ports to control bits, or ICMP and the quoted header
				}
				copied[at] ^= 1 << s.random.IntN(8)
			}
			arrive = append(arrive, copied)
		}
		if s.random.Float64() >= s.repeat {
			return arrive
		}
	}
}

func (s *sim) travel() time.Duration {
	d := s.delay + 50*time.Microsecond
	if s.jitter > 0 {
		d += time.Duration(s.random.Int64N(int64(s.jitter)))
	}
	return d
}

// headerLen returns the length of the headers of datagrams.
func (s *sim) headerLen() int {
	if s.is6() {
		return 40
	}
	return 20
}

// forged is in the Identification, and in the flow label, of what is forged.
const forged = 0x8000

// carry returns a datagram with an Identification or flow label.
func (s *sim) carry(number uint16, from netip.Addr, protocol, hops, class uint8, payload []byte) []byte {
	to := s.flow.Local.Addr()
	b, err := rawip.Header{ID: number, DontFragment: number&forged == 0, TTL: hops, TOS: class, Protocol: protocol, Src: from, Dst: to}.Append(nil, payload)
	if s.is6() {
		b, err = rawip.Header6{FlowLabel: uint32(number), HopLimit: hops, TrafficClass: class, Protocol: protocol, Src: from, Dst: to}.Append(nil, payload)
	}
	if err != nil {
		panic(err)
	}
	return b
}

// reply sends a datagram to us, after what happened before it there, and notes which SYN it answers.
func (s *sim) reply(after time.Duration, a answer, from netip.Addr, protocol uint8, payload []byte) {
	number := uint16(len(s.said))
	s.said[uint32(number)] = a
	safe := 0
	if s.is6() {
		safe = 4 // no checksum is over the flow label, by which it is known again
	}
	for _, copied := range s.accidents(s.carry(number, from, protocol, 57, 0, payload), safe) {
		s.wire.Deliver(after+s.travel(), rawip.Packet{Octets: copied, Interface: probetest.Interface})
	}
}

// arriveThere is what the far end makes of a datagram: a small and simple server. It decides at once, for the time at which
// the datagram will be there.
func (s *sim) arriveThere(datagram []byte, syn int) {
	after := s.travel()
	var ip rawip.Datagram
	if ip.Parse(datagram) != nil || rawip.VerifyHeader(datagram) == checksum.Invalid || ip.Is6() != s.is6() || ip.Dst != s.flow.Remote.Addr() || ip.Protocol != rawip.ProtocolTCP {
		return
	}
	h, data, err := tcphdr.Parse(ip.Payload)
	if err != nil || tcphdr.Verify(ip.Payload, ip.Src, ip.Dst) != checksum.Valid || h.DstPort != s.flow.Remote.Port() {
		return
	}
	switch s.kind {
	case "rejecting":
		if h.Flags.Has(tcphdr.SYN) {
			s.reject(after, syn, datagram)
		}
	case "closed":
		s.reset(after, syn, h, len(data))
	case "open":
		s.serve(after, syn, h, len(data))
	}
}

// reject answers a SYN by an ICMP error that quotes at least eight octets of it.
func (s *sim) reject(after time.Duration, syn int, datagram []byte) {
	least := s.headerLen() + 8
	quote := append([]byte(nil), datagram[:least+s.random.IntN(len(datagram)-least+1)]...)
	if s.is6() {
		quote[7]-- // hop limit
		if s.random.IntN(3) == 0 {
			quote[1], quote[2], quote[3] = quote[1]&0xf0, 0, 0 // flow label, behind a translator
		}
		m := icmp.Message{V6: true, Type: icmp.DestinationUnreachable6, Code: icmp.Code(s.random.IntN(7)), Body: quote}
		s.reply(after, answer{syn, m.Type, m.Code}, s.router(), rawip.ProtocolICMPv6, m.Append6(nil, s.router(), s.flow.Local.Addr()))
		return
	}
	quote[8]--                              // TTL, and its checksum is left as it was
	quote[2], quote[3] = quote[3], quote[2] // Total Length, in the octet order of the router
	m := icmp.Message{Type: icmp.DestinationUnreachable, Code: []icmp.Code{0, 1, 3, 9, 10, 13}[s.random.IntN(6)], Body: quote}
	s.reply(after, answer{syn, m.Type, m.Code}, s.router(), rawip.ProtocolICMP, m.Append(nil))
}

// segment sends a segment of the server.
func (s *sim) segment(after time.Duration, syn int, h tcphdr.Header) {
	h.SrcPort, h.DstPort, h.Window = s.flow.Remote.Port(), s.flow.Local.Port(), 65160
	b, err := h.Append(nil, s.flow.Remote.Addr(), s.flow.Local.Addr(), nil)
	if err != nil {
		panic(err)
	}
	s.reply(after, answer{syn: syn}, s.flow.Remote.Addr(), rawip.ProtocolTCP, b)
}

// reset answers a segment for which there is no connection (RFC 9293 3.10.7.1).
func (s *sim) reset(after time.Duration, syn int, h tcphdr.Header, data int) {
	switch {
	case h.Flags.Has(tcphdr.RST):
	case h.Flags.Has(tcphdr.ACK):
		s.segment(after, syn, tcphdr.Header{Seq: h.Ack, Flags: tcphdr.RST})
	default:
		end := probe.Arrival{Header: h, Data: data}.Header.Seq.Add(data)
		if h.Flags.Has(tcphdr.SYN) {
			end = end.Add(1)
		}
		s.segment(after, syn, tcphdr.Header{Ack: end, Flags: tcphdr.RST | tcphdr.ACK})
	}
}

// serve is a server that accepts, and closes when we do.
func (s *sim) serve(after time.Duration, syn int, h tcphdr.Header, data int) {
	server := &s.server
	ack := func() {
		s.segment(after, syn, tcphdr.Header{Seq: server.sndNxt, Ack: server.rcvNxt, Flags: tcphdr.ACK})
	}
	switch {
	case server.state == probe.StateClosed: // listening
		if h.Flags&(tcphdr.SYN|tcphdr.ACK|tcphdr.RST) != tcphdr.SYN {
			s.reset(after, syn, h, data)
			return
		}
		server.state, server.irs, server.rcvNxt, server.sndNxt = probe.StateSYNReceived, h.Seq, h.Seq.Add(1), server.iss.Add(1)
		s.synAck(after, syn, h)
	case server.state == probe.StateSYNReceived && h.Flags&(tcphdr.SYN|tcphdr.ACK|tcphdr.RST) == tcphdr.SYN && h.Seq == server.irs:
		s.synAck(after, syn, h)
	case h.Flags.Has(tcphdr.RST):
		if h.Seq == server.rcvNxt {
			server.state = probe.StateClosed
		}
	case h.Seq != server.rcvNxt || h.Flags.Has(tcphdr.SYN):
		ack()
	case !h.Flags.Has(tcphdr.ACK):
	case h.Ack != server.sndNxt:
		if server.state == probe.StateSYNReceived {
			s.segment(after, syn, tcphdr.Header{Seq: h.Ack, Flags: tcphdr.RST})
		} else {
			ack()
		}
	default:
		if server.state == probe.StateSYNReceived {
			server.state = probe.StateEstablished
		}
		if h.Flags.Has(tcphdr.FIN) && server.state == probe.StateEstablished {
			server.state = probe.StateLastACK
			server.rcvNxt = server.rcvNxt.Add(1)
			s.segment(after, syn, tcphdr.Header{Seq: server.sndNxt, Ack: server.rcvNxt, Flags: tcphdr.FIN | tcphdr.ACK})
			server.sndNxt = server.sndNxt.Add(1)
		}
	}
}

// synAck answers a SYN, and answers it again after a second.
func (s *sim) synAck(after time.Duration, syn int, h tcphdr.Header) {
	reply := tcphdr.Header{Seq: s.server.iss, Ack: s.server.rcvNxt, Flags: tcphdr.SYN | tcphdr.ACK}
	reply.Options = tcphdr.AppendMSS(nil, 1400)
	if val, _, ok := h.Options.Timestamps(); ok && s.peerTS {
		reply.Options = tcphdr.AppendTimestamps(reply.Options, s.random.Uint32(), val)
	}
	s.segment(after, syn, reply)
	if s.random.IntN(2) == 0 {
		s.segment(after+time.Second, syn, reply)
	}
}

// forgeSYN has a SYN arrive that was made up, and crosses ours.
func (s *sim) forgeSYN(after time.Duration) {
	h := tcphdr.Header{Seq: tcphdr.SeqNum(s.random.Uint32()), Flags: tcphdr.SYN, Window: 1000}
	h.SrcPort, h.DstPort = s.flow.Remote.Port(), s.flow.Local.Port()
	b, err := h.Append(nil, s.flow.Remote.Addr(), s.flow.Local.Addr(), nil)
	if err != nil {
		panic(err)
	}
	datagram := s.carry(forged, s.flow.Remote.Addr(), rawip.ProtocolTCP, 57, 0, b)
	s.wire.Deliver(after, rawip.Packet{Octets: datagram, Interface: probetest.Interface})
}

// forge has something arrive that was made up by one who knows addresses and ports, and sees nothing.
func (s *sim) forge(after time.Duration) {
	r := s.random
	number, hops, class := forged|uint16(r.Uint32()), uint8(r.IntN(256)), uint8(r.IntN(256))
	from, protocol := s.flow.Remote.Addr(), uint8(rawip.ProtocolTCP)
	var payload []byte
	if r.IntN(4) > 0 {
		h := tcphdr.Header{
			SrcPort: s.flow.Remote.Port(), DstPort: s.flow.Local.Port(), Seq: tcphdr.SeqNum(r.Uint32()), Ack: tcphdr.SeqNum(r.Uint32()),
			Flags: tcphdr.Flags(r.IntN(512)), Window: uint16(r.Uint32()),
		}
		if r.IntN(2) == 0 { // those that might do harm
			h.Flags = []tcphdr.Flags{
				tcphdr.SYN, tcphdr.RST, tcphdr.SYN | tcphdr.ACK, tcphdr.RST | tcphdr.ACK, tcphdr.FIN | tcphdr.ACK, tcphdr.ACK,
			}[r.IntN(6)]
		}
		if r.IntN(2) == 0 { // several that fit together
			h.Seq = tcphdr.SeqNum(1000 + r.IntN(2))
		}
		var data [8]byte
		b, err := h.Append(nil, s.flow.Remote.Addr(), s.flow.Local.Addr(), data[:r.IntN(9)])
		if err != nil {
			panic(err)
		}
		if r.IntN(3) == 0 { // with options, good or not
			b = append(b[:20:20], make([]byte, 12)...)
			b[12] = b[12]&0xf | 8<<4
			for i := range 12 {
				b[20+i] = byte(r.IntN(12))
			}
			b[16], b[17] = 0, 0
			sum := ^checksum.Fold(checksum.Sum(checksum.PseudoHeader(s.flow.Remote.Addr(), s.flow.Local.Addr(), 6, len(b)), b))
			b[16], b[17] = byte(sum>>8), byte(sum)
		}
		payload = b
	} else {
		from, protocol, payload = s.forgeError()
	}
	s.wire.Deliver(after, rawip.Packet{Octets: s.carry(number, from, protocol, hops, class, payload), Interface: probetest.Interface})
}

// forgeError returns an ICMP error about a SYN with a sequence number that was guessed.
func (s *sim) forgeError() (from netip.Addr, protocol uint8, payload []byte) {
	r := s.random
	src, dst := s.flow.Local, s.flow.Remote
	h := tcphdr.Header{SrcPort: src.Port(), DstPort: dst.Port(), Seq: tcphdr.SeqNum(r.Uint32()), Flags: tcphdr.SYN}
	segment, err := h.Append(nil, src.Addr(), dst.Addr(), nil)
	var b []byte
	switch {
	case err != nil:
	case s.is6():
		b, err = rawip.Header6{FlowLabel: probetest.Label, HopLimit: 1, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, segment)
	default:
		b, err = rawip.Header{ID: probetest.ID + uint16(r.IntN(3)), TTL: 1, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, segment)
	}
	if err != nil {
		panic(err)
	}
	m := icmp.Message{Code: icmp.Code(r.IntN(16)), Body: b[:r.IntN(len(b)+1)]}
	if s.is6() {
		m.V6, m.Type = true, []icmp.Type{1, 2, 3, 4, 137}[r.IntN(5)]
		return s.router(), rawip.ProtocolICMPv6, m.Append6(nil, s.router(), src.Addr())
	}
	m.Type = []icmp.Type{3, 4, 5, 11, 12}[r.IntN(5)]
	return s.router(), rawip.ProtocolICMP, m.Append(nil)
}
