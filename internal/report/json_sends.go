package report

import (
	"net/netip"
	"strings"
	"time"

	"tcpprobe/internal/sends"
	"tcpprobe/probe"
)

type sendsJSON struct {
	Schema   string      `json:"schema"`
	Type     string      `json:"type"`
	Target   string      `json:"target"`
	Address  netip.Addr  `json:"address,omitzero"`
	Link     sendsWay    `json:"link"`
	IP       sendsWay    `json:"ip"`
	Connect  sendsWay    `json:"connect"`
	PartsAt  sends.Part  `json:"parts_at"`
	Verdict  string      `json:"verdict"`
	Evidence string      `json:"evidence"`
	Counters []movedJSON `json:"counters,omitempty"`
}

type sendsWay struct {
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason"`
	RTT     *time.Duration `json:"rtt_ns,omitempty"`
	ICMP    []icmpJSON     `json:"icmp,omitempty"`
}

type movedJSON struct {
	Name string `json:"name"`
	By   uint64 `json:"by"`
}

// Sends writes what became of a SYN in frames, by the kernel's IP and by connect(2).
func (j *JSON) Sends(c *sends.Comparison) error {
	line := sendsJSON{
		Schema: Schema, Type: "sends", Target: c.Target, Address: c.Connect.Result.Address,
		Link: newSendsWay(c.Link.Result), IP: newSendsWay(c.IP.Result), Connect: newSendsWay(c.Connect.Result),
		PartsAt: c.PartsAt(), Verdict: SendsSentence(c), Evidence: sentenceOf(c.Evidence()),
	}
	line.Address = c.Connect.Result.Address
	for _, m := range c.Moved() {
		line.Counters = append(line.Counters, movedJSON(m))
	}
	return j.write(line)
}

// sentenceOf joins clauses.
func sentenceOf(clauses []string) string {
	s := strings.Join(clauses, "; ")
	if !strings.HasPrefix(s, "connect(2)") && s[0] >= 'a' && s[0] <= 'z' {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s + "."
}

func newSendsWay(r *probe.Result) sendsWay {
	w := sendsWay{Outcome: r.Outcome.String(), Reason: Reason(r)}
	if r.TCP != nil && r.TCP.Answered {
		w.RTT = &r.TCP.RTT
	}
	for _, m := range r.ICMP {
		w.ICMP = append(w.ICMP, newICMP(m, r.Route, firstSYN(r)))
	}
	return w
}
