package report

import (
	"encoding/hex"
	"net/netip"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

type tcpJSON struct {
	Local        netip.AddrPort `json:"local,omitzero"`
	Remote       netip.AddrPort `json:"remote,omitzero"`
	Send         string         `json:"send,omitempty"`
	Bypassed     []string       `json:"bypassed,omitempty"`
	ArrivedOn    string         `json:"arrived_on,omitempty"`
	ConnectedTo  netip.AddrPort `json:"connected_to,omitzero"`
	State        string         `json:"state"`
	States       []stateJSON    `json:"states,omitempty"`
	SYNSent      int            `json:"syn_sent,omitempty"`
	AnsweredSYN  int            `json:"answered_syn,omitempty"`
	RTT          *time.Duration `json:"rtt_ns,omitempty"`
	RTTAmbiguous *bool          `json:"rtt_ambiguous,omitempty"`
	Clock        string         `json:"clock,omitempty"`
	Connect      *time.Duration `json:"connect_ns,omitempty"`
	Turnaround   *time.Duration `json:"turnaround_ns,omitempty"`
	MSS          *uint16        `json:"mss,omitempty"`
	SendMSS      int            `json:"send_mss,omitempty"`
	WindowScale  *uint8         `json:"window_scale,omitempty"`
	SACK         *bool          `json:"sack_permitted,omitempty"`
	Timestamps   *bool          `json:"timestamps,omitempty"`
	ECN          string         `json:"ecn,omitempty"`
	TTL          *uint8         `json:"ttl,omitempty"`
	Close        string         `json:"close,omitempty"`
	Strays       []strayJSON    `json:"strays,omitempty"`
	Segments     []segmentJSON  `json:"segments,omitempty"`
}

type strayJSON struct {
	Kind  probe.StrayKind `json:"kind"`
	Count int             `json:"count"`
	From  netip.AddrPort  `json:"from,omitzero"`
}

type stateJSON struct {
	State string        `json:"state"`
	T     time.Duration `json:"t_ns"`
}

// newTCP returns what JSON writes of the handshake itself. What did not happen is left out.
func newTCP(r *probe.Result, zero stamp.Stamp) *tcpJSON {
	t := r.TCP
	j := &tcpJSON{
		Local: t.Local, Remote: t.Remote, Send: t.Send, Bypassed: t.Bypassed, ArrivedOn: t.ArrivedOn, State: t.State.String(),
		ConnectedTo: t.ConnectedTo, SendMSS: t.SendMSS,
		SYNSent: t.SYNSent, AnsweredSYN: t.AnsweredSYN,
	}
	for _, s := range t.States {
		j.States = append(j.States, stateJSON{s.State.String(), since(zero, s.At)})
	}
	if t.Answered {
		j.RTT, j.RTTAmbiguous, j.Clock = &t.RTT, &t.RTTAmbiguous, t.Clock.String()
	}
	if t.TTL > 0 || !t.ByKernel() && t.Answered && (r.Outcome == probe.OutcomeEstablished || r.Outcome == probe.OutcomeRefused) {
		j.TTL = &t.TTL // an answer may have 0
	}
	if t.Connected {
		j.Connect = &t.Connect
	}
	if t.Connected && !t.ByKernel() {
		j.Turnaround = &t.Turnaround
	}
	if p := t.Peer; p != nil {
		if p.HasMSS {
			j.MSS = &p.MSS
		}
		if p.HasScale {
			j.WindowScale = &p.WindowScale
		}
		j.SACK, j.Timestamps = &p.SACKPermitted, &p.Timestamps
		if !t.ByKernel() || p.ECN != probe.ECNOff { // the kernel does not tell whether it asked
			j.ECN = p.ECN.String()
		}
	}
	if r.Outcome == probe.OutcomeEstablished {
		j.Close = t.Close.String()
	}
	for _, s := range t.Strays {
		j.Strays = append(j.Strays, strayJSON(s))
	}
	for i := range r.Events {
		if e := &r.Events[i]; e.Segment != nil {
			j.Segments = append(j.Segments, newSegment(e, zero))
		}
	}
	return j
}

type segmentJSON struct {
	Dir      string        `json:"dir"`
	T        time.Duration `json:"t_ns"`
	Flags    string        `json:"flags"`
	Bits     string        `json:"bits"`
	Seq      tcphdr.SeqNum `json:"seq"`
	Ack      tcphdr.SeqNum `json:"ack"`
	Window   uint16        `json:"window"`
	TTL      uint8         `json:"ttl"`
	Length   int           `json:"length"`
	Options  []optionJSON  `json:"options"`
	Checksum string        `json:"checksum"`
}

func newSegment(e *probe.Event, zero stamp.Stamp) segmentJSON {
	s, h := e.Segment, e.Segment.Header
	j := segmentJSON{
		Dir: "in", T: since(zero, e.At), Flags: h.Flags.String(), Bits: h.Flags.Bits(),
		Seq: h.Seq, Ack: h.Ack, Window: h.Window, TTL: s.TTL, Length: s.Length,
		Options: newOptions(h.Options), Checksum: s.Checksum.String(),
	}
	if e.Kind == probe.EventSegmentSent {
		j.Dir = "out"
	}
	return j
}

type optionJSON struct {
	Kind      uint8       `json:"kind"`
	Name      string      `json:"name"`
	MSS       *uint16     `json:"mss,omitempty"`
	Shift     *uint8      `json:"shift,omitempty"`
	Val       *uint32     `json:"val,omitempty"`
	ECR       *uint32     `json:"ecr,omitempty"`
	Blocks    []blockJSON `json:"blocks,omitempty"`
	Data      string      `json:"data,omitempty"`
	Malformed bool        `json:"malformed,omitempty"`
}

type blockJSON struct {
	Left  uint32 `json:"left"`
	Right uint32 `json:"right"`
}

// newOptions returns every option in order, and last what is malformed.
func newOptions(options tcphdr.Options) []optionJSON {
	list := []optionJSON{}
	for o := range options.All() {
		list = append(list, newOption(o))
	}
	if at, bad := options.Malformed(); bad {
		kind := tcphdr.OptionKind(options[at])
		list = append(list, optionJSON{
			Kind: uint8(kind), Name: kind.String(), Data: hex.EncodeToString(options[at+1:]), Malformed: true,
		})
	}
	return list
}

// newOption returns an option with its value, or with its octets if its kind or its length is not known here.
func newOption(o tcphdr.Option) optionJSON {
	j := optionJSON{Kind: uint8(o.Kind), Name: o.Kind.String()}
	if mss, ok := o.MSS(); ok {
		j.MSS = &mss
	} else if shift, ok := o.WindowScale(); ok {
		j.Shift = &shift
	} else if val, ecr, ok := o.Timestamps(); ok {
		j.Val, j.ECR = &val, &ecr
	} else if blocks, ok := o.SACK(); ok {
		for _, b := range blocks {
			j.Blocks = append(j.Blocks, blockJSON{uint32(b.Left), uint32(b.Right)})
		}
	} else {
		j.Data = hex.EncodeToString(o.Data)
	}
	return j
}
