package trace

import (
	"net/netip"
	"slices"

	"tcpprobe/internal/nat64"
)

// Translator is where a path goes on as one of IPv4.
type Translator struct {
	Hop    int        // the first behind it, or itself
	From   netip.Addr // of it
	Before int        // the last hop before it that replied; 0 is this host
	Intact netip.Addr // its address; not valid for this host
}

// Translator returns where the translator is that the path goes through, and whether one is seen. From there on the flow label of
// quotes is 0, which IPv4 has none of, and replies come from addresses behind the prefix (RFC 7915 5.1, 5.2).
func (t *Trace) Translator() (Translator, bool) {
	var found Translator
	if t.NAT64 == nil {
		return found, false
	}
	for _, hop := range t.Path() {
		for _, r := range hop.Replies {
			if _, behind := nat64.Extract(t.NAT64.Prefix, r.From); behind || slices.ContainsFunc(r.Changed, losesLabel) {
				found.Hop, found.From = hop.TTL, r.From
				return found, true
			}
		}
		if len(hop.Replies) > 0 {
			found.Before, found.Intact = hop.TTL, hop.Replies[0].From
		}
	}
	return found, false
}

// losesLabel reports whether a change is that of a flow label to none.
func losesLabel(c Change) bool { return c.Field == "flow_label" && c.Found == "0x00000" }

// BehindNAT64 returns the IPv4 address of a router that replied from behind the translator, and whether it did.
func (t *Trace) BehindNAT64(r Reply) (netip.Addr, bool) {
	if t.NAT64 == nil || r.ICMP == nil || r.From == t.Remote.Addr() {
		return netip.Addr{}, false
	}
	return nat64.Extract(t.NAT64.Prefix, r.From)
}
