package trace

import (
	"net/netip"
	"slices"
	"strconv"

	"tcpprobe/icmp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// Alteration is a change of our SYN on its way, and between which hops it was made. A router quotes a datagram as it came
// in: what is first seen at a hop was done by it before it looked, by the one before, or by something between the two that
// is no hop.
type Alteration struct {
	Change
	Hop    int        // at which it is first seen
	From   netip.Addr // of it
	Before int        // the last hop before that saw the field as it was sent; 0 is this host
	Intact netip.Addr // its address; not valid for this host
}

// Alterations returns what was changed on the way, in the order of the hops that saw it.
func (t *Trace) Alterations() (all []Alteration) {
	for i, hop := range t.Hops {
		for _, r := range hop.Replies {
			for _, c := range r.Changed {
				known := func(a Alteration) bool { return a.Field == c.Field && (a.Found == c.Found || eachItsOwn(c.Field)) }
				if slices.ContainsFunc(all, known) {
					continue
				}
				a := Alteration{Change: c, Hop: hop.TTL, From: r.From}
				a.Before, a.Intact = t.lastIntact(i, c)
				all = append(all, a)
			}
		}
	}
	return all
}

// lastIntact returns the last hop before that with the index whose quote reaches the field and has it as it was sent.
func (t *Trace) lastIntact(index int, c Change) (ttl int, from netip.Addr) {
	for _, hop := range slices.Backward(t.Hops[:index]) {
		for _, r := range hop.Replies {
			if r.ICMP != nil && reaches(r.ICMP.Quoted, c.Field) &&
				!slices.ContainsFunc(r.Changed, func(other Change) bool { return other.Field == c.Field }) {
				return hop.TTL, r.From
			}
		}
	}
	return 0, netip.Addr{}
}

// eachItsOwn reports whether the field is one that differs from SYN to SYN.
func eachItsOwn(field string) bool {
	switch field {
	case "id", "seq", "timestamps", "checksum":
		return true
	}
	return false
}

// reaches reports whether a quote is long enough to show a field: every one has the header of the datagram, the ports and
// the sequence number, and what lies behind is shown by those that are longer.
func reaches(quote []byte, field string) bool {
	switch field {
	case "dscp", "ecn", "id", "flow_label", "total_length", "payload_length", "df", "ttl", "source", "destination", "source_port", "destination_port", "seq":
		return true
	}
	header := 20 // our SYNs have no IP options
	if rawip.Is6(quote) {
		header = 40
	}
	switch field {
	case "ack":
		return len(quote) >= header+offBits
	case "flags", "reserved", "data_offset":
		return len(quote) >= header+offWindow
	case "window":
		return len(quote) >= header+offChecksum
	case "urgent":
		return len(quote) >= header+offOptions
	}
	return len(quote) > header+offOptions
}

// changedOf returns what the ICMP error that answers a SYN says was changed of it.
func changedOf(r *probe.Result, m *probe.ICMP) []Change {
	var least []Change
	found := false
	for i := range r.Events {
		e := &r.Events[i]
		if e.Kind != probe.EventSegmentSent || !e.Segment.Header.Flags.Has(tcphdr.SYN) {
			continue
		}
		// Of several SYNs, it quotes the one that it is most alike.
		if changes := Changes(e.Octets, m.Quoted); !found || len(changes) < len(least) {
			least, found = changes, true
		}
	}
	// The TTL has run out: what is left of it is 1, or 0 where the router counts first. More than that is a lie, or somebody
	// on the way has raised it.
	if m.Meaning() == icmp.MeansHopLimitExceeded && m.QuotedTTL > 1 {
		least = append(least, Change{Field: "ttl", Sent: "1", Found: strconv.Itoa(int(m.QuotedTTL))})
	}
	return least
}

// EndToEnd returns what the SYN-ACK has of what our SYN offered, and whether a RST has come from elsewhere than the SYN-ACK:
// their TTLs do not agree then.
func (t *Trace) EndToEnd() (changes []Change) {
	var synAck, rst *probe.Segment
	for _, hop := range t.Path() {
		for _, r := range hop.Replies {
			switch {
			case r.Segment == nil:
			case r.Segment.Header.Flags.Has(tcphdr.RST):
				rst = r.Segment
			case synAck == nil:
				synAck = r.Segment
				changes = EndToEnd(r.syn, r.Segment.Header)
			}
		}
	}
	if synAck != nil && rst != nil && synAck.TTL != rst.TTL {
		changes = append(changes, Change{Field: "answer_ttl", Sent: strconv.Itoa(int(synAck.TTL)), Found: strconv.Itoa(int(rst.TTL))})
	}
	return changes
}

// synOf returns the SYN that a handshake sent first.
func synOf(r *probe.Result) (syn tcphdr.Header) {
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == probe.EventSegmentSent {
			return e.Segment.Header
		}
	}
	return syn
}
