package report

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"tcpprobe/icmp"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Schema is the name and version of what JSON writes. Within a version fields are added, and none is renamed or taken
// away.
const Schema = "tcpprobe/1"

// JSON writes results as JSON, one object to a line. Package docs holds its schema.
type JSON struct{ w io.Writer }

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w} }

// Probe writes one handshake.
func (j *JSON) Probe(r *probe.Result) error { return j.write(newProbe(r)) }

// Summary writes what the handshakes with one target amount to.
func (j *JSON) Summary(s *probe.Summary) error { return j.write(newSummary(s)) }

// Total writes what there is to say of all targets together.
func (j *JSON) Total(t Total) error {
	sum := newSummary(t.Summary)
	return j.write(totalJSON{
		Schema: Schema, Type: "total", Targets: t.Targets, NotBegun: t.NotBegun, Broken: t.Broken, Drops: t.Drops,
		Sent: sum.Sent, Established: sum.Established, Refused: sum.Refused, Unreachable: sum.Unreachable,
		Timeout: sum.Timeout, Failed: sum.Failed, Loss: sum.Loss, RTT: sum.RTT, Duration: sum.Duration,
	})
}

type totalJSON struct {
	Schema      string        `json:"schema"`
	Type        string        `json:"type"`
	Targets     int           `json:"targets"`
	NotBegun    int           `json:"not_begun"`
	Broken      int           `json:"broken_off"`
	Drops       int           `json:"receive_drops"`
	Sent        int           `json:"sent"`
	Established int           `json:"established"`
	Refused     int           `json:"refused"`
	Unreachable int           `json:"unreachable"`
	Timeout     int           `json:"timeout"`
	Failed      int           `json:"failed"`
	Loss        float64       `json:"loss"`
	RTT         *rttJSON      `json:"rtt_ns,omitempty"`
	Duration    time.Duration `json:"duration_ns"`
}

// write writes a line. Every character in it is printable: the others are escaped, whoever sent them.
func (j *JSON) write(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := j.w.Write(escapeJSON(b.Bytes()))
	return err
}

// escapeJSON escapes what encoding/json leaves as it is although it does not print: DEL, C1 control characters, marks
// that reorder the line, and the like. They can stand only in strings.
func escapeJSON(line []byte) []byte {
	if !slices.ContainsFunc(line, func(c byte) bool { return c < ' ' && c != '\n' || c > '~' }) {
		return line
	}
	var b []byte
	for rest := line; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == '\n' || unicode.IsPrint(r) { // a line feed can stand only at the end
			b = append(b, rest[:size]...)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, `\u%04x`, unit)
			}
		}
		rest = rest[size:]
	}
	return b
}

type probeJSON struct {
	Schema   string          `json:"schema"`
	Type     string          `json:"type"`
	Target   string          `json:"target"`
	Host     string          `json:"host"`
	Port     uint16          `json:"port"`
	Seq      int             `json:"seq"`
	Time     string          `json:"time"`
	Outcome  string          `json:"outcome"`
	Reason   string          `json:"reason"`
	Findings []probe.Finding `json:"findings"`
	DNS      *dnsJSON        `json:"dns,omitempty"`
	Route    *routeJSON      `json:"route,omitempty"`
	ARP      *arpJSON        `json:"arp,omitempty"`
	TCP      *tcpJSON        `json:"tcp,omitempty"`
	ICMP     []icmpJSON      `json:"icmp,omitempty"`
}

type dnsJSON struct {
	Source    string         `json:"source"`
	Server    netip.AddrPort `json:"server,omitzero"`
	Name      string         `json:"name,omitempty"`
	RCode     string         `json:"rcode,omitempty"`
	Addresses []netip.Addr   `json:"addresses,omitempty"`
	CNAME     []string       `json:"cname,omitempty"`
	Attempts  int            `json:"attempts,omitempty"`
	Duration  time.Duration  `json:"duration_ns,omitempty"`
	Clock     string         `json:"clock,omitempty"`
}

type routeJSON struct {
	Interface string     `json:"interface"`
	Source    netip.Addr `json:"source"`
	NextHop   netip.Addr `json:"next_hop"`
	OnLink    bool       `json:"on_link"`
	MTU       int        `json:"mtu"`
}

type arpJSON struct {
	Source   string        `json:"source"`
	Address  netip.Addr    `json:"address,omitzero"`
	MAC      string        `json:"mac,omitempty"`
	Attempts int           `json:"attempts,omitempty"`
	Duration time.Duration `json:"duration_ns,omitempty"`
	Clock    string        `json:"clock,omitempty"`
}

type tcpJSON struct {
	Local        netip.AddrPort `json:"local,omitzero"`
	Remote       netip.AddrPort `json:"remote,omitzero"`
	Send         string         `json:"send,omitempty"`
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
	WindowScale  *uint8         `json:"window_scale,omitempty"`
	SACK         *bool          `json:"sack_permitted,omitempty"`
	Timestamps   *bool          `json:"timestamps,omitempty"`
	ECN          string         `json:"ecn,omitempty"`
	TTL          uint8          `json:"ttl,omitempty"`
	Close        string         `json:"close,omitempty"`
	Segments     []segmentJSON  `json:"segments,omitempty"`
}

type stateJSON struct {
	State string        `json:"state"`
	T     time.Duration `json:"t_ns"`
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

type icmpJSON struct {
	From   netip.Addr    `json:"from"`
	Type   uint8         `json:"type"`
	Code   uint8         `json:"code"`
	Name   string        `json:"name"`
	MTU    int           `json:"mtu,omitempty"`
	T      time.Duration `json:"t_ns"`
	Quoted quotedJSON    `json:"quoted"`
	Hops   int           `json:"hops,omitempty"`

	Labels     []labelJSON     `json:"mpls,omitempty"`
	Interfaces []interfaceJSON `json:"interface,omitempty"`
}

type labelJSON struct {
	Label  uint32 `json:"label"`
	TC     uint8  `json:"tc"`
	Bottom bool   `json:"s"`
	TTL    uint8  `json:"ttl"`
}

type interfaceJSON struct {
	Role    string `json:"role"`
	Index   uint32 `json:"index,omitempty"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	MTU     uint32 `json:"mtu,omitempty"`
}

// newICMP returns what JSON writes of an ICMP error.
func newICMP(m *probe.ICMP, zero stamp.Stamp) icmpJSON {
	return icmpJSON{
		From: m.From, Type: m.Type, Code: m.Code, Name: m.Name, MTU: m.MTU, T: since(zero, m.At),
		Quoted: quotedJSON{TTL: m.QuotedTTL, SentTTL: m.SentTTL, Length: len(m.Quoted)}, Hops: m.Hops(),
		Labels: newLabels(m.Labels), Interfaces: newInterfaces(m.Interfaces),
	}
}

func newLabels(stack []icmp.Label) (labels []labelJSON) {
	for _, l := range stack {
		labels = append(labels, labelJSON{Label: l.Label, TC: l.TC, Bottom: l.Bottom, TTL: l.TTL})
	}
	return labels
}

func newInterfaces(all []icmp.Interface) (interfaces []interfaceJSON) {
	for _, i := range all {
		j := interfaceJSON{Role: i.Role.String(), Index: i.Index, Name: i.Name, MTU: i.MTU}
		if i.Address.IsValid() {
			j.Address = i.Address.String()
		}
		interfaces = append(interfaces, j)
	}
	return interfaces
}

type quotedJSON struct {
	TTL     uint8 `json:"ttl"`
	SentTTL uint8 `json:"sent_ttl"`
	Length  int   `json:"length,omitempty"`
}

// newProbe returns what JSON writes of a result.
func newProbe(r *probe.Result) probeJSON {
	zero := firstSYN(r)
	p := probeJSON{
		Schema: Schema, Type: "probe",
		Target: r.Target, Host: r.Host, Port: r.Port, Seq: r.Seq,
		Time:    r.Time.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"),
		Outcome: r.Outcome.String(), Reason: Reason(r),
		Findings: append([]probe.Finding{}, r.Findings...),
	}
	if d := r.DNS; d != nil {
		p.DNS = &dnsJSON{
			Source: d.Source, Server: d.Server, Name: d.Name, RCode: d.RCode,
			Addresses: d.Addresses, CNAME: d.CNAME, Attempts: d.Attempts, Duration: d.Duration,
		}
		if d.Duration > 0 {
			p.DNS.Clock = d.Clock.String()
		}
	}
	if w := r.Route; w != nil {
		p.Route = &routeJSON{Interface: w.Interface, Source: w.Source, NextHop: w.NextHop, OnLink: w.OnLink, MTU: w.MTU}
	}
	if h := r.NextHop; h != nil {
		p.ARP = &arpJSON{Source: h.Source, Address: h.Address, Attempts: h.Attempts, Duration: h.Duration}
		if h.MAC != [6]byte{} {
			p.ARP.MAC = mac(h.MAC)
		}
		if h.Duration > 0 {
			p.ARP.Clock = h.Clock.String()
		}
	}
	if r.TCP != nil {
		p.TCP = newTCP(r, zero)
	}
	for _, m := range r.ICMP {
		p.ICMP = append(p.ICMP, newICMP(m, zero))
	}
	return p
}

// newTCP returns what JSON writes of the handshake itself. What did not happen is left out.
func newTCP(r *probe.Result, zero stamp.Stamp) *tcpJSON {
	t := r.TCP
	j := &tcpJSON{
		Local: t.Local, Remote: t.Remote, Send: t.Send, State: t.State.String(),
		SYNSent: t.SYNSent, AnsweredSYN: t.AnsweredSYN, TTL: t.TTL,
	}
	for _, s := range t.States {
		j.States = append(j.States, stateJSON{s.State.String(), since(zero, s.At)})
	}
	if t.Answered {
		j.RTT, j.RTTAmbiguous, j.Clock = &t.RTT, &t.RTTAmbiguous, t.Clock.String()
	}
	if t.Connected {
		j.Connect, j.Turnaround = &t.Connect, &t.Turnaround
	}
	if p := t.Peer; p != nil {
		if p.HasMSS {
			j.MSS = &p.MSS
		}
		if p.HasScale {
			j.WindowScale = &p.WindowScale
		}
		j.SACK, j.Timestamps, j.ECN = &p.SACKPermitted, &p.Timestamps, p.ECN.String()
	}
	if r.Outcome == probe.OutcomeEstablished {
		j.Close = t.Close.String()
	}
	for i := range r.Events {
		if e := &r.Events[i]; e.Segment != nil {
			j.Segments = append(j.Segments, newSegment(e, zero))
		}
	}
	return j
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
	d := o.Data
	switch {
	case o.Kind == tcphdr.MaximumSegmentSize && len(d) == 2:
		j.MSS = new(binary.BigEndian.Uint16(d))
	case o.Kind == tcphdr.WindowScale && len(d) == 1:
		j.Shift = new(d[0])
	case o.Kind == tcphdr.Timestamps && len(d) == 8:
		j.Val, j.ECR = new(binary.BigEndian.Uint32(d)), new(binary.BigEndian.Uint32(d[4:]))
	case o.Kind == tcphdr.SACK && len(d) > 0 && len(d)%8 == 0:
		for ; len(d) > 0; d = d[8:] {
			j.Blocks = append(j.Blocks, blockJSON{binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:])})
		}
	default:
		j.Data = hex.EncodeToString(d)
	}
	return j
}

// firstSYN returns when the first SYN left: what the times in a result are counted from.
func firstSYN(r *probe.Result) stamp.Stamp {
	if r.TCP == nil || len(r.TCP.States) == 0 {
		return r.Start
	}
	return r.TCP.States[0].At
}

// since returns how long after zero something was.
func since(zero, at stamp.Stamp) time.Duration {
	d, _ := stamp.Between(zero, at)
	return d
}

type summaryJSON struct {
	Schema      string          `json:"schema"`
	Type        string          `json:"type"`
	Target      string          `json:"target"`
	Sent        int             `json:"sent"`
	Established int             `json:"established"`
	Refused     int             `json:"refused"`
	Unreachable int             `json:"unreachable"`
	Timeout     int             `json:"timeout"`
	Failed      int             `json:"failed"`
	Loss        float64         `json:"loss"`
	SYNs        int             `json:"syns"`
	SYNsLost    int             `json:"syns_lost"`
	RTT         *rttJSON        `json:"rtt_ns,omitempty"`
	Jitter      *time.Duration  `json:"jitter_ns,omitempty"`
	Outage      *time.Duration  `json:"outage_ns,omitempty"`
	OutageOf    int             `json:"outage_handshakes,omitempty"`
	Flaps       int             `json:"flaps"`
	Duration    time.Duration   `json:"duration_ns"`
	Assertions  []assertionJSON `json:"assertions,omitempty"`
}

// assertionJSON has one of the values, or, if the figure does not exist, the reason.
type assertionJSON struct {
	Text    string         `json:"text"`
	Held    bool           `json:"held"`
	Value   *float64       `json:"value,omitempty"`
	ValueNS *time.Duration `json:"value_ns,omitempty"`
	Reason  string         `json:"reason,omitempty"`
}

type rttJSON struct {
	Min  time.Duration `json:"min"`
	Avg  time.Duration `json:"avg"`
	Max  time.Duration `json:"max"`
	MDev time.Duration `json:"mdev"`
	P50  time.Duration `json:"p50"`
	P90  time.Duration `json:"p90"`
	P99  time.Duration `json:"p99"`
}

// newSummary returns what JSON writes of a summary.
func newSummary(s *probe.Summary) summaryJSON {
	j := summaryJSON{
		Schema: Schema, Type: "summary", Target: s.Target,
		Sent: s.Sent, Established: s.Established, Refused: s.Refused, Unreachable: s.Unreachable,
		Timeout: s.Timeout, Failed: s.Failed, Loss: s.Loss(), SYNs: s.SYNs, SYNsLost: s.SYNsLost, Duration: s.Duration,
	}
	if r, ok := s.RTT(); ok {
		j.RTT = &rttJSON{Min: r.Min, Avg: r.Avg, Max: r.Max, MDev: r.MDev, P50: r.P50, P90: r.P90, P99: r.P99}
	}
	c := s.Course()
	j.Flaps = c.Flaps
	if c.HasJitter {
		j.Jitter = &c.Jitter
	}
	if c.OutageHandshakes > 0 {
		j.Outage, j.OutageOf = &c.Outage, c.OutageHandshakes
	}
	for _, check := range s.Checks {
		j.Assertions = append(j.Assertions, newAssertion(check))
	}
	return j
}

// newAssertion returns what JSON writes of an assertion.
func newAssertion(c probe.Check) assertionJSON {
	j := assertionJSON{Text: c.Text, Held: c.Held, Reason: c.Why}
	switch {
	case !c.Exists:
	case c.Kind == probe.KindDuration:
		d := time.Duration(c.Value)
		j.ValueNS = &d
	default:
		j.Value = &c.Value
	}
	return j
}
