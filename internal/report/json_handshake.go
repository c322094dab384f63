package report

import (
	"net/netip"
	"time"

	"tcpprobe/internal/spectator"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// Handshake writes a handshake between others, which is in a file.
func (j *JSON) Handshake(file string, h *spectator.Handshake) error {
	return j.write(newHandshake(file, h))
}

type handshakeJSON struct {
	Schema    string          `json:"schema"`
	Type      string          `json:"type"`
	File      string          `json:"file"`
	Stream    int             `json:"stream"`
	Time      string          `json:"time"`
	Family    string          `json:"family"`
	Client    netip.AddrPort  `json:"client"`
	Server    netip.AddrPort  `json:"server"`
	VLAN      []uint16        `json:"vlan,omitempty"`
	Outcome   string          `json:"outcome"`
	Reason    string          `json:"reason"`
	Findings  []probe.Finding `json:"findings"`
	SYNSent   int             `json:"syn_sent,omitempty"`
	SYNACKs   int             `json:"syn_acks,omitempty"`
	Copies    int             `json:"duplicate_frames,omitempty"`
	Answered  int             `json:"answered_syn,omitempty"`
	Ambiguous *bool           `json:"rtt_ambiguous,omitempty"`
	ServerRTT *time.Duration  `json:"server_rtt_ns,omitempty"`
	ClientRTT *time.Duration  `json:"client_rtt_ns,omitempty"`
	Doubtful  *bool           `json:"client_rtt_ambiguous,omitempty"`
	Connect   *time.Duration  `json:"connect_ns,omitempty"`
	Close     string          `json:"close,omitempty"`
	Duration  time.Duration   `json:"duration_ns"`
	Offered   []optionJSON    `json:"client_options,omitempty"`
	Options   []optionJSON    `json:"server_options,omitempty"`
	MSS       *uint16         `json:"mss,omitempty"`
	Scale     *uint8          `json:"window_scale,omitempty"`
	SACK      *bool           `json:"sack_permitted,omitempty"`
	Stamps    *bool           `json:"timestamps,omitempty"`
	ECN       string          `json:"ecn,omitempty"`
	TTL       *ttlJSON        `json:"ttl,omitempty"`
	ICMP      []icmpJSON      `json:"icmp,omitempty"`
	Frames    []int           `json:"frames"`
}

type ttlJSON struct {
	Client *uint8 `json:"client,omitempty"`
	Server *uint8 `json:"server,omitempty"`
}

// newHandshake returns what JSON writes of a handshake between others. What did not happen is left out.
func newHandshake(file string, h *spectator.Handshake) handshakeJSON {
	r, t := h.Result, h.Result.TCP
	j := handshakeJSON{
		Schema: Schema, Type: "handshake", File: file, Stream: h.Stream, Time: wallClock(r.Time), Family: family(r),
		Client: h.Client, Server: h.Server, VLAN: h.VLANs, Outcome: r.Outcome.String(), Reason: HandshakeReason(h),
		Findings: append([]probe.Finding{}, r.Findings...), SYNSent: t.SYNSent, SYNACKs: h.SYNACKs, Copies: h.Copies,
		Answered: t.AnsweredSYN, Duration: h.Duration, Frames: h.Frames,
	}
	if t.Answered {
		j.ServerRTT, j.Ambiguous = &t.RTT, &t.RTTAmbiguous
	}
	if h.Answered {
		j.ClientRTT, j.Doubtful = &h.ClientRTT, &h.ClientRTTAmbiguous
	}
	if t.Connected {
		j.Connect = &t.Connect
	}
	if r.Outcome == probe.OutcomeEstablished || h.Close != "none" {
		j.Close = h.Close
	}
	ttl := ttlJSON{}
	if h.HasClient {
		j.Offered, ttl.Client, j.TTL = newOptions(h.ClientOptions), &h.ClientTTL, &ttl
	}
	if h.HasServer {
		j.Options = newOptions(h.ServerOptions)
	}
	if h.HasServer || r.Outcome == probe.OutcomeRefused {
		ttl.Server, j.TTL = &h.ServerTTL, &ttl
	}
	if p := t.Peer; p != nil {
		if p.HasMSS {
			j.MSS = &p.MSS
		}
		if p.HasScale {
			j.Scale = &p.WindowScale
		}
		j.SACK, j.Stamps = &p.SACKPermitted, &p.Timestamps
		if h.HasClient {
			j.ECN = p.ECN.String()
		}
	}
	zero := stamp.Stamp{User: r.Time, Kernel: r.Time}
	for _, m := range r.ICMP {
		j.ICMP = append(j.ICMP, newICMP(m, nil, zero))
	}
	return j
}

// Capture writes what there is to say of a capture as a whole.
func (j *JSON) Capture(c Capture) error { return j.write(newCapture(c)) }

type captureJSON struct {
	Schema    string   `json:"schema"`
	Type      string   `json:"type"`
	File      string   `json:"file"`
	LinkTypes []string `json:"link_types"`
	Packets   int      `json:"packets"`
	TCP       int      `json:"tcp_packets"`
	Middle    int      `json:"middle_packets"`
	Unread    int      `json:"unread_packets"`
	Drops     uint64   `json:"dropped_packets"`
	Early     int      `json:"judged_early"`
	First     string   `json:"first,omitempty"`
	Last      string   `json:"last,omitempty"`
	Truncated bool     `json:"truncated"`
	Why       string   `json:"truncated_reason,omitempty"`
	Inner     []string `json:"tunnels,omitempty"`
	countsJSON
	Servers []serverJSON `json:"servers,omitempty"`
	Omitted int          `json:"servers_omitted,omitempty"`
}

type countsJSON struct {
	Handshakes  int      `json:"handshakes"`
	Established int      `json:"established"`
	Refused     int      `json:"refused"`
	Unreachable int      `json:"unreachable"`
	Timeout     int      `json:"timeout"`
	HalfOpen    int      `json:"half_open"`
	Unknown     int      `json:"unknown"`
	SYNs        int      `json:"syns"`
	SYNsLost    int      `json:"syns_lost"`
	Loss        float64  `json:"loss"`
	RTT         *rttJSON `json:"rtt_ns,omitempty"`
}

type serverJSON struct {
	Server string `json:"server"`
	countsJSON
	Slowest    int             `json:"slowest_stream,omitempty"`
	Assertions []assertionJSON `json:"assertions,omitempty"`
}

// newCounts returns what JSON writes of how handshakes ended.
func newCounts(s *stats.Summary) countsJSON {
	sum := newSummary(s)
	return countsJSON{
		Handshakes: s.Sent, Established: s.Established, Refused: s.Refused, Unreachable: s.Unreachable, Timeout: s.Timeout,
		HalfOpen: s.HalfOpen, Unknown: s.Unknown, SYNs: s.SYNs, SYNsLost: s.SYNsLost, Loss: sum.Loss, RTT: sum.RTT,
	}
}

// newCapture returns what JSON writes of a capture.
func newCapture(c Capture) captureJSON {
	j := captureJSON{
		Schema: Schema, Type: "capture", File: c.File, LinkTypes: append([]string{}, c.LinkTypes...), Packets: c.Packets, TCP: c.Counts.TCP,
		Middle: c.Counts.Middle, Unread: c.Unread, Drops: c.Drops, Early: c.Counts.Early, Truncated: c.Truncated != "", Why: c.Truncated, Inner: c.Inner,
		countsJSON: newCounts(c.Total), Omitted: c.Omitted,
	}
	if c.Counts.Packets > 0 {
		j.First, j.Last = wallClock(time.Unix(0, c.Counts.First)), wallClock(time.Unix(0, c.Counts.Last))
	}
	for _, s := range c.Servers {
		server := serverJSON{Server: s.Target, countsJSON: newCounts(s.Summary), Slowest: s.Stream}
		for _, check := range s.Checks {
			server.Assertions = append(server.Assertions, newAssertion(check))
		}
		j.Servers = append(j.Servers, server)
	}
	return j
}
