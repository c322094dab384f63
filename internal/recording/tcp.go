package recording

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

type tcpLine struct {
	Local, Remote netip.AddrPort
	Send          string
	Bypassed      []string
	ArrivedOn     string `json:"arrived_on"`
	State         string
	States        []stateLine
	SYNSent       int            `json:"syn_sent"`
	AnsweredSYN   int            `json:"answered_syn"`
	RTT           *time.Duration `json:"rtt_ns"`
	RTTAmbiguous  bool           `json:"rtt_ambiguous"`
	Clock         string
	Connect       *time.Duration `json:"connect_ns"`
	Turnaround    time.Duration  `json:"turnaround_ns"`
	MSS           *uint16
	WindowScale   *uint8 `json:"window_scale"`
	SACK          *bool  `json:"sack_permitted"`
	Timestamps    bool
	TTL           uint8
	Close         string
	Strays        []struct {
		Kind  probe.StrayKind
		Count int
		From  netip.AddrPort
	}
	Segments []segmentLine
}

type stateLine struct {
	State string
	T     time.Duration `json:"t_ns"`
}

type segmentLine struct {
	Dir      string
	T        time.Duration `json:"t_ns"`
	Flags    string
	Seq, Ack tcphdr.SeqNum
	Window   uint16
	TTL      uint8
	Length   int
	Options  []optionLine
}

type optionLine struct {
	Kind     uint8
	MSS      *uint16
	Shift    *uint8
	Val, ECR *uint32
	Data     string
}

// read reads a handshake whose first SYN left so long after the beginning.
func (l *tcpLine) read(r *probe.Result, before time.Duration) {
	t := &probe.TCP{
		Local: l.Local, Remote: l.Remote, Send: l.Send, Bypassed: l.Bypassed, ArrivedOn: l.ArrivedOn, State: state(l.State),
		SYNSent: l.SYNSent, AnsweredSYN: l.AnsweredSYN, RTTAmbiguous: l.RTTAmbiguous, Clock: source(l.Clock), Turnaround: l.Turnaround, TTL: l.TTL,
	}
	if l.RTT != nil {
		t.Answered, t.RTT = true, *l.RTT
	}
	if l.Connect != nil {
		t.Connected, t.Connect = true, *l.Connect
	}
	if l.SACK != nil {
		t.Peer = l.peer()
	}
	if c, err := probe.ParseClose(l.Close); err == nil {
		t.Close = c
	}
	for _, s := range l.States {
		t.States = append(t.States, probe.StateChange{State: state(s.State), At: at(r, before+s.T)})
	}
	for _, s := range l.Strays {
		t.Strays = append(t.Strays, probe.Stray{Kind: s.Kind, Count: s.Count, From: s.From})
	}
	r.TCP = t
	l.segments(r, before)
}

// peer returns what the SYN-ACK said.
func (l *tcpLine) peer() *probe.Peer {
	p := &probe.Peer{SACKPermitted: *l.SACK, Timestamps: l.Timestamps}
	if l.MSS != nil {
		p.MSS, p.HasMSS = *l.MSS, true
	}
	if l.WindowScale != nil {
		p.WindowScale, p.HasScale = *l.WindowScale, true
	}
	return p
}

// segments makes the events of the segments.
func (l *tcpLine) segments(r *probe.Result, before time.Duration) {
	answered := false
	var last time.Duration // of our SYNs
	syns := 0
	for _, line := range l.Segments {
		s := &probe.Segment{
			Header: tcphdr.Header{Seq: line.Seq, Ack: line.Ack, Flags: flags(line.Flags), Window: line.Window, Options: options(line.Options)},
			Length: line.Length, TTL: line.TTL, State: stateAt(r.TCP.States, at(r, before+line.T)),
		}
		event := probe.Event{Kind: probe.EventSegmentReceived, At: at(r, before+line.T), Segment: s}
		switch {
		case line.Dir == "out" && s.Header.Flags == tcphdr.SYN:
			event.Kind = probe.EventSegmentSent
			if s.Again = syns; syns > 0 {
				s.After = line.T - last
			}
			syns, last = syns+1, line.T
		case line.Dir == "out":
			event.Kind = probe.EventSegmentSent
		case !answered && (s.Header.Flags.Has(tcphdr.SYN|tcphdr.ACK) || s.Header.Flags.Has(tcphdr.RST) && r.Outcome == probe.OutcomeRefused):
			answered, s.Verdict, s.Answers, event.Step = true, probe.VerdictOpened, r.TCP.AnsweredSYN, r.TCP.RTT
			if s.Header.Flags.Has(tcphdr.RST) {
				s.Verdict = probe.VerdictRefused
			}
		case s.Header.Flags.Has(tcphdr.SYN):
			s.Verdict = probe.VerdictDuplicate
		case s.Header.Flags.Has(tcphdr.RST):
			s.Verdict = probe.VerdictReset
		case s.Header.Flags.Has(tcphdr.FIN):
			s.Verdict = probe.VerdictFIN
		case s.Length > 0:
			s.Verdict = probe.VerdictData
		default:
			s.Verdict = probe.VerdictAcknowledged
		}
		r.Events = append(r.Events, event)
	}
	if r.Outcome == probe.OutcomeTimeout && len(l.States) > 0 {
		r.Events = append(r.Events, probe.Event{Kind: probe.EventTCPSilence, At: at(r, before+l.States[len(l.States)-1].T)})
	}
}

// state reads the name of a state.
func state(s string) probe.State {
	for state := probe.StateClosed; state <= probe.StateTimeWait; state++ {
		if state.String() == s {
			return state
		}
	}
	return probe.StateClosed
}

// stateAt returns the state after what happened at a time.
func stateAt(states []probe.StateChange, at stamp.Stamp) (s probe.State) {
	for _, change := range states {
		if !change.At.User.After(at.User) {
			s = change.State
		}
	}
	return s
}

// flags reads control bits by their names.
func flags(s string) (f tcphdr.Flags) {
	for name := range strings.SplitSeq(s, ",") {
		for bit := tcphdr.FIN; bit <= tcphdr.AE; bit <<= 1 {
			if bit.String() == name {
				f |= bit
			}
		}
	}
	return f
}

// options makes the options again of what was written about them.
func options(lines []optionLine) (o tcphdr.Options) {
	for _, line := range lines {
		switch kind := tcphdr.OptionKind(line.Kind); {
		case line.MSS != nil:
			o = tcphdr.AppendMSS(o, *line.MSS)
		case line.Shift != nil:
			o = tcphdr.AppendWindowScale(o, *line.Shift)
		case line.Val != nil && line.ECR != nil:
			o = tcphdr.AppendTimestamps(o, *line.Val, *line.ECR)
		case kind == tcphdr.SACKPermitted:
			o = tcphdr.AppendSACKPermitted(o)
		case kind == tcphdr.NoOperation:
			o = tcphdr.AppendNoOperation(o)
		default:
			data, err := hex.DecodeString(line.Data)
			if err == nil && kind > tcphdr.NoOperation && len(data) <= 38 {
				o = append(append(o, line.Kind, byte(2+len(data))), data...)
			}
		}
	}
	return o
}
