package report

import (
	"net/netip"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

type icmpJSON struct {
	From   netip.Addr    `json:"from"`
	Proto  string        `json:"protocol"`
	Type   uint8         `json:"type"`
	Code   uint8         `json:"code"`
	Name   string        `json:"name"`
	MTU    int           `json:"mtu,omitempty"`
	T      time.Duration `json:"t_ns"`
	Quoted *quotedJSON   `json:"quoted,omitempty"`
	Hops   int           `json:"hops,omitempty"`
	Most   int           `json:"hops_max,omitempty"`

	Labels     []labelJSON     `json:"mpls,omitempty"`
	Interfaces []interfaceJSON `json:"interface,omitempty"`
}

type quotedJSON struct {
	TTL     uint8 `json:"ttl"`
	SentTTL uint8 `json:"sent_ttl"`
	Length  int   `json:"length,omitempty"`
}

// newICMP returns what JSON writes of an ICMP error.
func newICMP(m *probe.ICMP, route *probe.Route, zero stamp.Stamp) icmpJSON {
	hops, most := hopsJSON(Distance(m, route))
	var quoted *quotedJSON
	if m.SentTTL > 0 { // or the kernel keeps the quote to itself
		quoted = &quotedJSON{TTL: m.QuotedTTL, SentTTL: m.SentTTL, Length: len(m.Quoted)}
	}
	return icmpJSON{
		From: m.From, Proto: icmpProtocol(m), Type: m.Type, Code: m.Code, Name: m.Name, MTU: m.MTU, T: since(zero, m.At),
		Quoted: quoted, Hops: hops, Most: most,
		Labels: newLabels(m.Labels), Interfaces: newInterfaces(m.Interfaces),
	}
}

// icmpProtocol names the protocol whose numbers the type and the code of an ICMP error are.
func icmpProtocol(m *probe.ICMP) string {
	if m.Is6() {
		return "icmpv6"
	}
	return "icmp"
}

// hopsJSON returns a distance as JSON writes it: the most is left out where it is the least.
func hopsJSON(least, most int) (hops, hopsMax int) {
	if least == most {
		return least, 0
	}
	return least, most
}

type labelJSON struct {
	Label  uint32 `json:"label"`
	TC     uint8  `json:"tc"`
	Bottom bool   `json:"s"`
	TTL    uint8  `json:"ttl"`
}

func newLabels(stack []icmp.Label) (labels []labelJSON) {
	for _, l := range stack {
		labels = append(labels, labelJSON{Label: l.Label, TC: l.TC, Bottom: l.Bottom, TTL: l.TTL})
	}
	return labels
}

type interfaceJSON struct {
	Role    string `json:"role"`
	Index   uint32 `json:"index,omitempty"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	MTU     uint32 `json:"mtu,omitempty"`
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
