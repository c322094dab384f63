package report

import (
	"net/netip"
	"time"

	"tcpprobe/internal/spectator"
)

type pairJSON struct {
	Schema     string           `json:"schema"`
	Type       string           `json:"type"`
	A          *sightJSON       `json:"a,omitempty"`
	B          *sightJSON       `json:"b,omitempty"`
	Outcome    string           `json:"outcome"`
	ClientSide string           `json:"client_side,omitempty"`
	Changes    []differenceJSON `json:"changes"`
	LostSYNs   int              `json:"syns_lost"`
	LostACKs   int              `json:"syn_acks_lost"`
	Client     *time.Duration   `json:"client_rtt_ns,omitempty"`
	Between    *time.Duration   `json:"between_rtt_ns,omitempty"`
	Server     *time.Duration   `json:"server_rtt_ns,omitempty"`
	Note       string           `json:"note,omitempty"`
}

type sightJSON struct {
	File    string         `json:"file"`
	Stream  int            `json:"stream"`
	Time    string         `json:"time"`
	Client  netip.AddrPort `json:"client"`
	Server  netip.AddrPort `json:"server"`
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason"`
	Frames  []int          `json:"frames"`
}

type differenceJSON struct {
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// newSight returns what JSON writes of a handshake as it was seen at one place; nil if it was not.
func newSight(file string, h *spectator.Handshake) *sightJSON {
	if h == nil {
		return nil
	}
	return &sightJSON{
		File: file, Stream: h.Stream, Time: wallClock(h.Result.Time), Client: h.Client, Server: h.Server,
		Outcome: h.Result.Outcome.String(), Reason: HandshakeReason(h), Frames: h.Frames,
	}
}

// Pair writes a handshake that was seen at two places, or at one of them.
func (j *JSON) Pair(a, b string, p *spectator.Pair) error {
	v := pairJSON{
		Schema: Schema, Type: "pair", A: newSight(a, p.A), B: newSight(b, p.B), Outcome: p.Outcome().String(),
		Changes: []differenceJSON{}, LostSYNs: p.LostSYNs, LostACKs: p.LostSYNACKs,
	}
	if p.A != nil && p.B != nil {
		v.ClientSide = "a"
		if p.ClientAtB {
			v.ClientSide = "b"
		}
		if toClient, between, toServer, hasClient, hasBetween, hasServer := p.Parts(); hasBetween {
			v.Between = &between
			if hasClient {
				v.Client = &toClient
			}
			if hasServer {
				v.Server = &toServer
			}
		}
	} else {
		v.Note = pairSentences(p)[0]
	}
	for _, c := range p.Changes {
		v.Changes = append(v.Changes, differenceJSON(c))
	}
	return j.write(v)
}

type comparisonJSON struct {
	Schema      string         `json:"schema"`
	Type        string         `json:"type"`
	A           string         `json:"a"`
	B           string         `json:"b"`
	Both        int            `json:"both"`
	OnlyA       int            `json:"only_a"`
	OnlyB       int            `json:"only_b"`
	SYNs        int            `json:"syns_lost"`
	SYNACKs     int            `json:"syn_acks_lost"`
	Offset      *time.Duration `json:"clock_offset_ns,omitempty"`
	Uncertainty *time.Duration `json:"clock_uncertainty_ns,omitempty"`
}

// Comparison writes what there is to say of two captures together.
func (j *JSON) Comparison(a, b string, c *spectator.Comparison) error {
	v := comparisonJSON{Schema: Schema, Type: "comparison", A: a, B: b, Both: len(c.Pairs) - c.OnlyA - c.OnlyB, OnlyA: c.OnlyA, OnlyB: c.OnlyB}
	for _, p := range c.Pairs {
		v.SYNs += p.LostSYNs
		v.SYNACKs += p.LostSYNACKs
	}
	if c.Estimated {
		v.Offset, v.Uncertainty = &c.Offset, &c.Uncertainty
	}
	return j.write(v)
}
