package probe_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/tcphdr"
)

// player runs a script against a machine.
type player struct {
	t       *testing.T
	s       script
	linger0 bool // a close resets
	syns    int  // that the script has looked at
	h       *probe.Handshake
	base    time.Time
	now     time.Time // the script's clock
	out     []sentAt  // what the machine sent and the script has not asked for
}

type sentAt struct {
	header tcphdr.Header
	at     time.Time
}

func (s script) run(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	p := &player{t: t, s: s, base: base, now: base}
	for i, e := range s.Events {
		at, any := p.time(e.T)
		name := fmt.Sprintf("event %d (%s %s %s%s)", i+1, e.Kind, e.Dir, e.Call, e.Flags)
		switch e.Kind {
		case "call":
			p.pass(at)
			p.call(name, s, e)
		case "segment":
			if e.Dir == "in" {
				p.pass(at)
				p.nothingMore(name)
				p.receive(e)
			} else {
				p.expect(name, e, at, any)
			}
		case "icmp":
			p.pass(at)
			p.nothingMore(name)
			p.receiveICMP(e)
		case "so_error":
			p.pass(at)
			p.soError(name, e.Value)
		case "assert":
			p.pass(at)
			if want := strings.TrimPrefix(e.Value, "TCPI_"); e.Field == "tcpi_state" && stateAs(p.h.State()) != want {
				t.Errorf("%s: state %v, want %s", name, p.h.State(), want)
			}
		default:
			t.Fatalf("%s: this kind of event is not known", name)
		}
		if t.Failed() {
			return
		}
	}
	if last := s.Events[len(s.Events)-1]; last.Dir == "out" {
		p.nothingMore("the end")
	}
	p.ends()
}

// ends compares the result with what it must say.
func (p *player) ends() {
	want := p.s.Expect
	if want == (expectation{}) {
		return
	}
	p.pass(p.now.Add(2 * time.Hour))
	r := p.h.Result()
	if want.Outcome != nil && p.h.Outcome().String() != *want.Outcome {
		p.t.Errorf("outcome %v, want %s", p.h.Outcome(), *want.Outcome)
	}
	if want.ECN != nil && (r.Peer == nil || r.Peer.ECN.String() != *want.ECN) {
		p.t.Errorf("ECN of %+v, want %s", r.Peer, *want.ECN)
	}
	if want.SYNLost != nil {
		sum := stats.NewSummary("")
		sum.Add(&probe.Result{Outcome: p.h.Outcome(), TCP: r})
		if sum.SYNsLost != *want.SYNLost {
			p.t.Errorf("%d SYNs lost, want %d", sum.SYNsLost, *want.SYNLost)
		}
	}
	if want.ConnectMS != nil {
		at := time.Duration(*want.ConnectMS * float64(time.Millisecond))
		if !r.Connected || (r.Connect-at).Abs() > slack(at) {
			p.t.Errorf("connected after %v, want %v", r.Connect, at)
		}
	}
	if want.Close != nil && p.s.close().String() != *want.Close {
		p.t.Errorf("closed by %v, want %s", p.s.close(), *want.Close)
	}
}

// close returns how the script's application ends the connection.
func (s script) close() probe.Close {
	how, linger0 := probe.CloseNone, false
	for _, e := range s.Events {
		switch {
		case e.Call == "linger0":
			linger0 = true
		case (e.Call == "close" || e.Call == "shutdown") && linger0:
			how = probe.CloseRST
		case e.Call == "close" || e.Call == "shutdown":
			how = probe.CloseFIN
		}
	}
	return how
}

// slack returns by how much a wait may differ from what the script has: stacks differ by a little.
func slack(wait time.Duration) time.Duration { return max(wait/10, 15*time.Millisecond) }

// time returns when an event is; any means that it may be at any time.
func (p *player) time(s string) (at time.Time, any bool) {
	if s == "*" || s == "" {
		return p.now, true
	}
	seconds, err := strconv.ParseFloat(strings.TrimPrefix(s, "+"), 64)
	if err != nil {
		p.t.Fatalf("time %q: %v", s, err)
	}
	d := time.Duration(seconds*1e6+0.5) * time.Microsecond
	if strings.HasPrefix(s, "+") {
		return p.now.Add(d), false
	}
	return p.base.Add(d), false
}

// pass lets time go by, and collects what the machine sends meanwhile.
func (p *player) pass(to time.Time) {
	for p.h != nil {
		deadline, ok := p.h.Deadline()
		if !ok || deadline.After(to) {
			break
		}
		if deadline.After(p.now) {
			p.now = deadline
		}
		if !p.collect() {
			break
		}
	}
	p.now = to
}

// collect takes what the machine has to send now.
func (p *player) collect() (any bool) {
	for {
		header, ok := p.h.Next(p.now)
		if !ok {
			return any
		}
		header.Options = append(tcphdr.Options(nil), header.Options...)
		p.h.Sent(stamp.Stamp{User: p.now})
		p.out = append(p.out, sentAt{header, p.now})
		any = true
	}
}

func (p *player) call(name string, s script, e scriptEvent) {
	switch e.Call {
	case "connect":
		kind, _ := s.syn()
		p.h = probe.NewHandshake(probe.Config{
			LocalPort: 48211, RemotePort: 80, ISS: scriptISS, TimestampBase: s.firstTimestamp(), SYN: kind, Padding: s.firstSYN().Len,
			MSS: s.mss(), Window: s.window(), Timeout: s.patience(), Retries: 12, Close: probe.CloseNone, Linger: time.Hour,
			ICMP: s.icmpPolicy(),
		})
		p.collect()
	case "linger0":
		p.linger0 = true
	case "close", "shutdown":
		if p.linger0 {
			p.h.Interrupt()
		} else {
			p.h.Close(p.now)
		}
		p.collect()
	case "read", "recv", "fcntl", "setsockopt", "getsockopt", "socket", "bind":
		// The machine takes data as it comes, and has no socket.
	default:
		p.t.Fatalf("%s: this call is not known", name)
	}
}

// window returns the receive window of the stack that the script was written for: its socket buffer, rounded up to a
// multiple of the largest segment.
func (s script) window() int {
	buffer := 65536
	if v, err := strconv.Atoi(s.Sysctl["net.inet.tcp.recvspace"]); err == nil {
		buffer = v
	}
	segment := uint32(536) // RFC 9293 MUST-15
	for _, e := range s.Events {
		if e.Kind != "segment" || e.Dir != "in" || !strings.Contains(e.Flags, "S") {
			continue
		}
		for _, o := range e.Opts {
			var val, ecr uint32
			if scan(o, "TS val %d ecr %d", &val, &ecr) {
				segment -= 12
			}
			scan(o, "mss %d", &segment)
		}
		break
	}
	return (buffer + int(segment) - 1) / int(segment) * int(segment)
}

// mss returns the maximum segment size that our SYN offers.
func (s script) mss() uint16 {
	if v, err := strconv.ParseUint(s.Sysctl["socket.maxseg"], 10, 16); err == nil {
		return uint16(v)
	}
	for _, o := range s.firstSYN().Opts {
		var mss uint32
		if scan(o, "mss %d", &mss) {
			return uint16(mss)
		}
	}
	return 1460
}

// patience returns how long the stack tries to connect.
func (s script) patience() time.Duration {
	if ms, err := strconv.Atoi(s.Sysctl["net.inet.tcp.keepinit"]); err == nil {
		return time.Duration(ms) * time.Millisecond
	}
	return 75 * time.Second
}

func (s script) icmpPolicy() probe.ICMPPolicy {
	if s.Sysctl["net.inet.tcp.icmp_may_rst"] == "0" {
		return probe.ICMPReport
	}
	return probe.ICMPAbort
}

// firstTimestamp returns the time stamp of the script's first segment, so that those that the peer echoes are right.
func (s script) firstTimestamp() uint32 {
	for _, e := range s.Events {
		for _, o := range e.Opts {
			var val, ecr uint32
			if n, _ := fmt.Sscanf(o, "TS val %d ecr %d", &val, &ecr); e.Dir == "out" && n == 2 {
				return val
			}
		}
	}
	return 0
}

// receive hands the machine a segment of the peer.
func (p *player) receive(e scriptEvent) {
	header := tcphdr.Header{SrcPort: 80, DstPort: 48211, Seq: scriptIRS.Add(e.Seq), Flags: flagsOf(e.Flags), Window: uint16(e.Win)}
	if e.Ack != nil {
		header.Ack = scriptISS.Add(*e.Ack)
	}
	for _, o := range e.Opts {
		var a, b uint32
		switch {
		case scan(o, "mss %d", &a):
			header.Options = tcphdr.AppendMSS(header.Options, uint16(a))
		case scan(o, "wscale %d", &a):
			header.Options = tcphdr.AppendWindowScale(header.Options, uint8(a))
		case scan(o, "TS val %d ecr %d", &a, &b):
			header.Options = tcphdr.AppendTimestamps(header.Options, a, b)
		case o == "sackOK":
			header.Options = tcphdr.AppendSACKPermitted(header.Options)
		case o == "nop":
			header.Options = tcphdr.AppendNoOperation(header.Options)
		case strings.HasPrefix(o, "FO"):
			cookie, _ := hex.DecodeString(strings.TrimSpace(strings.TrimPrefix(o, "FO")))
			header.Options = append(append(header.Options, byte(tcphdr.FastOpen), byte(2+len(cookie))), cookie...)
		case o == "eol":
			header.Options = append(header.Options, byte(tcphdr.EndOfOptions))
		}
	}
	p.h.HandleSegment(probe.Arrival{Header: header, Data: e.Len, TTL: 64, ECN: codepoints[e.ECN], At: stamp.Stamp{User: p.now}})
	p.collect()
}

// codepoints are the names that scripts have for those of ECN (RFC 3168 5).
var codepoints = map[string]uint8{"": 0, "not-ect": 0, "ect1": 1, "ect0": 2, "ce": 3}

// icmpErrors are the names that scripts have for ICMP errors.
var icmpErrors = map[string]probe.ICMP{
	"net_unreachable": {Type: 3, Code: 0}, "host_unreachable": {Type: 3, Code: 1},
	"protocol_unreachable": {Type: 3, Code: 2}, "port_unreachable": {Type: 3, Code: 3}, "frag_needed": {Type: 3, Code: 4},
	"source_route_failed": {Type: 3, Code: 5}, "net_unknown": {Type: 3, Code: 6}, "host_unknown": {Type: 3, Code: 7},
	"source_host_isolated": {Type: 3, Code: 8}, "net_prohibited": {Type: 3, Code: 9}, "host_prohibited": {Type: 3, Code: 10},
	"net_unreachable_for_tos": {Type: 3, Code: 11}, "host_unreachable_for_tos": {Type: 3, Code: 12},
	"packet_filtered": {Type: 3, Code: 13}, "precedence_violation": {Type: 3, Code: 14}, "precedence_cutoff": {Type: 3, Code: 15},
	"source_quench": {Type: 4}, "redirect": {Type: 5}, "ttl_exceeded_in_transit": {Type: 11, Code: 0},
	"frag_reass_exceeded": {Type: 11, Code: 1}, "parameter_problem": {Type: 12},
}

// icmpErrors6 are the names that scripts have for ICMPv6 errors.
var icmpErrors6 = map[string]probe.ICMP{
	"no_route": {Type: 1, Code: 0}, "net_unreachable": {Type: 1, Code: 0}, "admin_prohibited": {Type: 1, Code: 1},
	"not_neighbour": {Type: 1, Code: 2}, "beyond_scope": {Type: 1, Code: 2}, "addr_unreachable": {Type: 1, Code: 3},
	"host_unreachable": {Type: 1, Code: 3}, "port_unreachable": {Type: 1, Code: 4}, "source_failed_policy": {Type: 1, Code: 5},
	"reject_route": {Type: 1, Code: 6}, "packet_too_big": {Type: 2}, "time_exceeded": {Type: 3}, "hop_limit_exceeded": {Type: 3},
	"parameter_problem": {Type: 4}, "redirect": {Type: 137},
}

// icmp returns the ICMP error of an event of the script, by its numbers or its name.
func (s script) icmp(e scriptEvent) (m probe.ICMP, known bool) {
	from, names := probetest.Router, icmpErrors
	if s.Family == 6 {
		from, names = probetest.Router6, icmpErrors6
	}
	m, known = e.icmp(names)
	m.From = from
	return m, known
}

// icmp returns the ICMP error of an event, by its numbers or by its name among those.
func (e scriptEvent) icmp(names map[string]probe.ICMP) (probe.ICMP, bool) {
	if kind, ok := e.Type.(float64); ok {
		code, _ := e.Code.(float64)
		return probe.ICMP{Type: uint8(kind), Code: uint8(code), MTU: e.MTU}, true
	}
	for _, word := range regexp.MustCompile(`[a-z_]+`).FindAllString(e.text, -1) {
		if m, ok := names[word]; ok {
			m.MTU = e.MTU
			return m, true
		}
	}
	return probe.ICMP{}, false
}

func (s script) knows(e scriptEvent) bool { _, ok := s.icmp(e); return ok }

// receiveICMP hands the machine an ICMP error. Unless it says otherwise it quotes our SYN.
func (p *player) receiveICMP(e scriptEvent) {
	m, _ := p.s.icmp(e)
	m.At = stamp.Stamp{User: p.now}
	p.h.HandleICMP(probe.Notice{ICMP: &m, Seq: scriptISS.Add(e.Seq), Number: -1})
	p.collect()
}

func scan(s, format string, values ...*uint32) bool {
	args := make([]any, len(values))
	for i := range values {
		args[i] = values[i]
	}
	n, err := fmt.Sscanf(s, format, args...)
	return err == nil && n == len(values)
}

// expect compares the next segment that the machine sends with the script's.
func (p *player) expect(name string, e scriptEvent, at time.Time, any bool) {
	for deadline, ok := p.h.Deadline(); any && ok && len(p.out) == 0; deadline, ok = p.h.Deadline() {
		p.pass(deadline)
	}
	slack := slack(at.Sub(p.now))
	if !any {
		p.pass(at)
	}
	if len(p.out) == 0 {
		p.pass(at.Add(slack))
		p.now = at
	}
	if len(p.out) == 0 {
		p.t.Fatalf("%s: nothing was sent", name)
	}
	got := p.out[0]
	p.out = p.out[1:]
	if !any && got.at.Sub(at).Abs() > slack {
		p.t.Errorf("%s: sent after %v, want %v", name, got.at.Sub(p.base), at.Sub(p.base))
	}
	// Whether an application's RST acknowledges something is left to the stack (RFC 9293 3.10.5 has it without).
	loose := tcphdr.Flags(0)
	if want := flagsOf(e.Flags); want.Has(tcphdr.RST) {
		loose = tcphdr.ACK
	}
	if want := flagsOf(e.Flags); got.header.Flags&^loose != want&^loose {
		p.t.Errorf("%s: sent %v, want %v", name, got.header.Flags, want)
	}
	if want := scriptISS.Add(e.Seq); got.header.Seq != want {
		p.t.Errorf("%s: sequence number %d, want %d", name, got.header.Seq-scriptISS, e.Seq)
	}
	if e.Ack != nil && got.header.Flags.Has(tcphdr.ACK) && got.header.Ack != scriptIRS.Add(*e.Ack) {
		p.t.Errorf("%s: acknowledges %d, want %d", name, got.header.Ack-scriptIRS, *e.Ack)
	}
	if e.Ack == nil && got.header.Ack != 0 {
		p.t.Errorf("%s: acknowledgment number %d without ACK", name, got.header.Ack)
	}
	p.compareOptions(name, e, got.header)
}

// compareOptions compares the options of our first SYN by their meaning, and the time stamp that a segment echoes.
func (p *player) compareOptions(name string, e scriptEvent, got tcphdr.Header) {
	if _, known := p.s.syn(); !known || e.Opts == nil {
		return
	}
	var val, ecr uint32
	stamped := false
	want := map[string]bool{}
	for _, o := range e.Opts {
		stamped = stamped || scan(o, "TS val %d ecr %d", &val, &ecr)
		if fields := strings.Fields(o); fields[0] == "mss" {
			want[o] = true
		} else if fields[0] != "nop" && fields[0] != "eol" {
			want[fields[0]] = true
		}
	}
	_, echo, has := got.Options.Timestamps()
	if stamped && !got.Flags.Has(tcphdr.RST) && (!has || echo != ecr) {
		p.t.Errorf("%s: echoes %d (%t), want %d", name, echo, has, ecr)
	}
	if p.syns++; p.syns > 1 {
		return
	}
	have := map[string]bool{}
	for o := range got.Options.All() {
		switch o.Kind {
		case tcphdr.MaximumSegmentSize:
			mss, _ := o.MSS()
			have[fmt.Sprintf("mss %d", mss)] = true
		case tcphdr.SACKPermitted:
			have["sackOK"] = true
		case tcphdr.WindowScale:
			have["wscale"] = true
		case tcphdr.Timestamps:
			have["TS"] = true
		case tcphdr.FastOpen:
			have["FO"] = true
		}
	}
	if !maps.Equal(have, want) {
		p.t.Errorf("%s: a SYN with %v, want %v", name, have, want)
	}
}

// nothingMore fails if the machine sent what the script does not know.
func (p *player) nothingMore(name string) {
	for _, s := range p.out {
		p.t.Errorf("before %s: %v seq %d ack %d was sent after %v, and not expected", name, s.header.Flags,
			s.header.Seq-scriptISS, s.header.Ack-scriptIRS, s.at.Sub(p.base))
	}
}

// soError compares what the application would be told.
func (p *player) soError(name, want string) {
	name += " " + want
	outcome := p.h.Outcome()
	ok := false
	switch want {
	case "0":
		ok = outcome == probe.OutcomePending || outcome == probe.OutcomeEstablished
	case "ECONNREFUSED":
		ok = outcome == probe.OutcomeRefused || outcome == probe.OutcomeUnreachable // some stacks say it for port unreachable too
	case "ECONNRESET":
		ok = p.h.State() == probe.StateClosed
	case "ETIMEDOUT":
		ok = outcome == probe.OutcomeTimeout
	case "ENETUNREACH", "EHOSTUNREACH", "ENOPROTOOPT", "EHOSTDOWN":
		ok = outcome == probe.OutcomeUnreachable
	}
	if !ok {
		p.t.Errorf("%s: outcome %v in state %v", name, outcome, p.h.State())
	}
}

func flagsOf(s string) (flags tcphdr.Flags) {
	for _, c := range s {
		flags |= map[rune]tcphdr.Flags{
			'S': tcphdr.SYN, 'F': tcphdr.FIN, 'R': tcphdr.RST, 'P': tcphdr.PSH, '.': tcphdr.ACK, 'U': tcphdr.URG,
			'E': tcphdr.ECE, 'W': tcphdr.CWR, 'A': tcphdr.AE,
		}[c]
	}
	return flags
}

// stateAs returns a state's name as struct tcp_info has it.
func stateAs(s probe.State) string {
	switch s {
	case probe.StateSYNReceived:
		return "SYN_RECEIVED"
	case probe.StateClosed:
		return "CLOSED"
	case probe.StateFINWait1:
		return "FIN_WAIT_1"
	case probe.StateFINWait2:
		return "FIN_WAIT_2"
	}
	return s.String()
}
