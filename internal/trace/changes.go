package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// Change is a field of a datagram that is not as it was sent.
type Change struct {
	Field string // a code, as in the JSON results: "dscp", "mss", "source_port"
	Sent  string // what it was, for a person: "46", "1460"
	Found string // what it became; "absent" for an option that is not there
}

// absent is what an option is that is not there.
const absent = "absent"

// comparison collects changes.
type comparison struct{ changes []Change }

// differ adds a field if its two values differ.
func (c *comparison) differ(field string, sent, found any) {
	if sent != found {
		c.changes = append(c.changes, Change{Field: field, Sent: fmt.Sprint(sent), Found: fmt.Sprint(found)})
	}
}

// Changes compares a datagram with a TCP segment, as it was sent, with what an ICMP error quotes of it: the header and eight
// octets at least, if the router keeps to RFC 792. What the quote does not reach is not compared.
//
// Not compared are the Time to Live, or hop limit, and the Header Checksum, which change with every hop, and the octet order
// of the Total Length, which some routers quote as they keep it. A checksum of the segment that differs counts only if every
// octet that it covers is quoted as it was sent.
func Changes(sent, quoted []byte) []Change {
	if rawip.Is6(sent) {
		return changes6(sent, quoted)
	}
	ours, err := rawip.ParseQuoted(sent)
	if err != nil {
		return nil
	}
	theirs, err := rawip.ParseQuoted(quoted)
	if err != nil {
		return nil
	}
	var c comparison
	a, b := ours.Header, theirs.Header
	c.differ("dscp", a.DSCP(), b.DSCP())
	c.differ("ecn", a.ECN(), b.ECN())
	c.totalLength(binary.BigEndian.Uint16(sent[2:]), quoted[2:4])
	c.differ("id", a.ID, b.ID)
	c.differ("df", a.DontFragment, b.DontFragment)
	c.differ("source", a.Src, b.Src)
	c.differ("destination", a.Dst, b.Dst)
	c.segment(ours.Payload, withoutPadding(theirs.Payload, len(ours.Payload)), a.Src == b.Src && a.Dst == b.Dst)
	return c.changes
}

// changes6 is Changes for IPv6.
func changes6(sent, quoted []byte) []Change {
	ours, err := rawip.ParseQuoted6(sent)
	if err != nil {
		return nil
	}
	theirs, err := rawip.ParseQuoted6(quoted)
	if err != nil {
		return nil
	}
	var c comparison
	a, b := ours.Header, theirs.Header
	c.differ("dscp", a.DSCP(), b.DSCP())
	c.differ("ecn", a.ECN(), b.ECN())
	c.differ("flow_label", fmt.Sprintf("0x%05x", a.FlowLabel), fmt.Sprintf("0x%05x", b.FlowLabel))
	c.differ("payload_length", ours.PayloadLength, theirs.PayloadLength)
	c.differ("source", a.Src, b.Src)
	c.differ("destination", a.Dst, b.Dst)
	c.segment(ours.Payload, withoutPadding(theirs.Payload, len(ours.Payload)), a.Src == b.Src && a.Dst == b.Dst)
	return c.changes
}

// withoutPadding returns what is quoted of a segment of so many octets. A quote that is longer was padded with zeros (RFC
// 4884 4), and from where they begin nothing is known: it may have been cut off before that.
func withoutPadding(quote []byte, length int) []byte {
	if len(quote) <= length {
		return quote
	}
	quote = quote[:length]
	for len(quote) > 8 && quote[len(quote)-1] == 0 {
		quote = quote[:len(quote)-1]
	}
	return quote
}

// totalLength compares the Total Length with two quoted octets, in either order.
func (c *comparison) totalLength(sent uint16, quoted []byte) {
	if found := binary.BigEndian.Uint16(quoted); found != sent && binary.LittleEndian.Uint16(quoted) != sent {
		c.differ("total_length", sent, found)
	}
}

// Offsets of what follows the sequence number in a TCP header (RFC 9293 3.1), and where its options begin.
const (
	offAck      = 8
	offBits     = 12
	offWindow   = 14
	offChecksum = 16
	offUrgent   = 18
	offOptions  = 20
)

// segment compares as much of two segments as there is of the second.
func (c *comparison) segment(sent, quoted []byte, sameAddresses bool) {
	if len(sent) < offOptions || len(quoted) < 8 {
		return
	}
	word := binary.BigEndian.Uint16
	c.differ("source_port", word(sent), word(quoted))
	c.differ("destination_port", word(sent[2:]), word(quoted[2:]))
	c.differ("seq", binary.BigEndian.Uint32(sent[4:]), binary.BigEndian.Uint32(quoted[4:]))
	if len(quoted) >= offBits {
		c.differ("ack", binary.BigEndian.Uint32(sent[offAck:]), binary.BigEndian.Uint32(quoted[offAck:]))
	}
	if len(quoted) >= offWindow {
		const allBits = 0x1ff
		c.differ("flags", tcphdr.Flags(word(sent[offBits:])&allBits), tcphdr.Flags(word(quoted[offBits:])&allBits))
		c.differ("reserved", sent[offBits]>>1&7, quoted[offBits]>>1&7)
		c.differ("data_offset", sent[offBits]>>4, quoted[offBits]>>4)
	}
	if len(quoted) >= offChecksum {
		c.differ("window", word(sent[offWindow:]), word(quoted[offWindow:]))
	}
	if len(quoted) >= offOptions {
		c.differ("urgent", word(sent[offUrgent:]), word(quoted[offUrgent:]))
		c.options(headerOptions(sent), headerOptions(quoted), len(quoted) >= 4*int(quoted[offBits]>>4))
	}
	if sameAddresses && len(quoted) == len(sent) &&
		bytes.Equal(sent[:offChecksum], quoted[:offChecksum]) && bytes.Equal(sent[offUrgent:], quoted[offUrgent:]) {
		c.differ("checksum", fmt.Sprintf("%#04x", word(sent[offChecksum:])), fmt.Sprintf("%#04x", word(quoted[offChecksum:])))
	}
}

// headerOptions returns the options of a segment, as far as they are there.
func headerOptions(segment []byte) tcphdr.Options {
	end := min(4*int(segment[offBits]>>4), len(segment))
	return tcphdr.Options(segment[offOptions:max(end, offOptions)])
}

// options compares options, whatever their order. Where the second are not whole, one that is not among them may have been
// cut off.
func (c *comparison) options(sent, found tcphdr.Options, whole bool) {
	if _, bad := found.Malformed(); bad {
		whole = false
	}
	var kinds []tcphdr.OptionKind
	for _, options := range []tcphdr.Options{sent, found} {
		for o := range options.All() {
			if o.Kind != tcphdr.EndOfOptions && o.Kind != tcphdr.NoOperation && !slices.Contains(kinds, o.Kind) {
				kinds = append(kinds, o.Kind)
			}
		}
	}
	for _, kind := range kinds {
		ours, theirs := optionText(sent, kind), optionText(found, kind)
		if theirs != absent || whole {
			c.differ(optionField(kind), ours, theirs)
		}
	}
}

// optionField returns the code for an option: its name, or its number for one without.
func optionField(k tcphdr.OptionKind) string {
	switch k {
	case tcphdr.MaximumSegmentSize:
		return "mss"
	case tcphdr.WindowScale:
		return "window_scale"
	case tcphdr.SACKPermitted:
		return "sack_permitted"
	case tcphdr.Timestamps:
		return "timestamps"
	case tcphdr.FastOpen:
		return "fast_open"
	}
	return "option_" + strconv.Itoa(int(k))
}

// optionText says what an option holds, for a person.
func optionText(options tcphdr.Options, k tcphdr.OptionKind) string {
	data, ok := options.Find(k)
	if !ok {
		return absent
	}
	o := tcphdr.Option{Kind: k, Data: data}
	if mss, ok := o.MSS(); ok {
		return strconv.Itoa(int(mss))
	}
	if shift, ok := o.WindowScale(); ok {
		return strconv.Itoa(int(shift))
	}
	if val, ecr, ok := o.Timestamps(); ok {
		return fmt.Sprintf("%d/%d", val, ecr)
	}
	if len(data) == 0 {
		return "present"
	}
	return fmt.Sprintf("%x", data)
}

// EndToEnd compares what the SYN-ACK says with what our SYN offered: a maximum segment size below ours, and options of ours
// that it does not have. Whether the peer does without them or something on the way took them out, it does not tell.
func EndToEnd(syn, synAck tcphdr.Header) []Change {
	var c comparison
	ours, offered := syn.Options.MSS()
	theirs, told := synAck.Options.MSS()
	switch {
	case offered && !told:
		c.differ("mss", ours, absent)
	case offered && theirs < ours:
		c.differ("mss", ours, theirs)
	}
	for _, kind := range []tcphdr.OptionKind{tcphdr.SACKPermitted, tcphdr.Timestamps, tcphdr.WindowScale} {
		if sent := optionText(syn.Options, kind); sent != absent && optionText(synAck.Options, kind) == absent {
			if kind == tcphdr.Timestamps {
				sent = "present"
			}
			c.differ(optionField(kind), sent, absent)
		}
	}
	return c.changes
}
