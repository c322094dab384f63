package probe_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// TestVectors runs handshakes that others have written down for other stacks: each script in the JSON files of
// $TCPPROBE_VECTORS, or of the folder shared/vectors beside the module.
func TestVectors(t *testing.T) {
	folder := os.Getenv("TCPPROBE_VECTORS")
	if folder == "" {
		folder = filepath.Join("..", "..", "shared", "vectors")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no third-party handshake scripts in %s; set TCPPROBE_VECTORS to a folder that has some", folder)
	}
	agreed, skipped := 0, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var scripts []script
		if err := json.Unmarshal(text, &scripts); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range scripts {
			t.Run(s.Script, func(t *testing.T) {
				if why := s.outside(); why != "" {
					skipped++
					t.Skipf("SKIPPED: %s", why)
				}
				s.run(t)
				if !t.Failed() {
					agreed++
				}
			})
		}
	}
	t.Logf("%d scripts agree, %d are outside of what an active open has to do", agreed, skipped)
}

// script is a handshake written down: what the application does, what we must send, and what the peer sends.
type script struct {
	Script string
	Sysctl map[string]string
	Events []scriptEvent
}

type scriptEvent struct {
	Kind  string // "call", "segment", "so_error", "assert"
	T     string // "+x": seconds after the event before; "x": absolute; "*": any time
	Call  string
	Dir   string // "out": the machine must send it; "in": the peer sends it
	Flags string // S F R P . E W, "." being ACK
	Seq   int    // relative to the sender's ISS
	Len   int
	Ack   *int // relative to the receiver's ISS
	Win   int
	Opts  []string
	Field string
	Value string
	text  string // the event as it is written
}

// UnmarshalJSON keeps the text too: how an ICMP error is spelled out is not laid down.
func (e *scriptEvent) UnmarshalJSON(b []byte) error {
	type plain scriptEvent
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	e.text = string(b)
	return nil
}

// outside says why a script is about something that is not our business, or "".
func (s script) outside() string {
	for name, value := range s.Sysctl {
		short := name[strings.LastIndexByte(name, '.')+1:]
		if value == "1" && (short == "drop_synfin" || strings.HasPrefix(short, "insecure_")) {
			return fmt.Sprintf("%s=1 is a policy outside of the RFC", name)
		}
	}
	for _, e := range s.Events {
		if e.Kind == "call" {
			switch e.Call {
			case "listen", "accept":
				return "it is about a passive open"
			case "write", "send", "sendto":
				return "its application calls " + e.Call + ", and a probe has no data to send"
			}
		}
	}
	return ""
}

// The scripts' relative numbers become absolute ones near the end of the sequence space.
const (
	scriptISS = tcphdr.SeqNum(0xffffffff)
	scriptIRS = tcphdr.SeqNum(0xfffffffe)
)

// player runs a script against a machine.
type player struct {
	t    *testing.T
	h    *probe.Handshake
	base time.Time
	now  time.Time // the script's clock
	out  []sentAt  // what the machine sent and the script has not asked for
}

type sentAt struct {
	header tcphdr.Header
	at     time.Time
}

func (s script) run(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	p := &player{t: t, base: base, now: base}
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
			p.receiveICMP(name, e)
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
	p.nothingMore("the end")
}

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
		p.h = probe.NewHandshake(probe.Config{
			LocalPort: 48211, RemotePort: 80, ISS: scriptISS, TimestampBase: s.firstTimestamp(),
			MSS: 1460, Window: s.window(), Timeout: s.patience(), Retries: 12, Close: probe.CloseNone, Linger: time.Hour,
			ICMP: s.icmpPolicy(),
		})
		p.collect()
	case "close", "shutdown":
		p.h.Close(p.now)
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
		case o == "eol":
			header.Options = append(header.Options, byte(tcphdr.EndOfOptions))
		}
	}
	p.h.HandleSegment(probe.Arrival{Header: header, Data: e.Len, TTL: 64, At: stamp.Stamp{User: p.now}})
	p.collect()
}

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

// receiveICMP hands the machine an ICMP error. Unless it says otherwise it quotes our SYN.
func (p *player) receiveICMP(name string, e scriptEvent) {
	word := regexp.MustCompile(`[a-z_]+`)
	for _, w := range word.FindAllString(e.text, -1) {
		m, ok := icmpErrors[w]
		if !ok {
			continue
		}
		m.At = stamp.Stamp{User: p.now}
		p.h.HandleICMP(probe.Notice{ICMP: &m, Seq: scriptISS.Add(e.Seq), Number: -1})
		p.collect()
		return
	}
	p.t.Fatalf("%s: this ICMP error is not known: %s", name, e.text)
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
	// Stacks differ by a little in how long they wait before they send again.
	slack := at.Sub(p.now) / 10
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
	if want := flagsOf(e.Flags); got.header.Flags != want {
		p.t.Errorf("%s: sent %v, want %v", name, got.header.Flags, want)
	}
	if want := scriptISS.Add(e.Seq); got.header.Seq != want {
		p.t.Errorf("%s: sequence number %d, want %d", name, got.header.Seq-scriptISS, e.Seq)
	}
	if e.Ack != nil && got.header.Ack != scriptIRS.Add(*e.Ack) {
		p.t.Errorf("%s: acknowledges %d, want %d", name, got.header.Ack-scriptIRS, *e.Ack)
	}
	if e.Ack == nil && got.header.Ack != 0 {
		p.t.Errorf("%s: acknowledgment number %d without ACK", name, got.header.Ack)
	}
	if e.Len != 0 {
		p.t.Errorf("%s: %d octets of data are wanted, and the machine has none", name, e.Len)
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
