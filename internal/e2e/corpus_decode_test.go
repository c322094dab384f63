//go:build linux

package e2e_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"

	"tcpprobe/arp"
	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
	"tcpprobe/tcphdr"
)

// anything gives octets to the decoders of everything, as headers that begin with them.
func (c *corpus) anything(b []byte) {
	c.segment(b)
	c.icmpMessage(b)
	c.arpPacket(b)
	c.datagram(b)
	_, err := resolver.ParseAnswer(b, 1, "example.com", resolver.A)
	c.answerError(err)
}

// rejected reports whether a decoder returned an error, which must be one of those that it may return.
func (c *corpus) rejected(err error, allowed ...error) bool {
	if err == nil {
		return false
	}
	c.counts["rejections"]++
	for _, a := range allowed {
		if errors.Is(err, a) {
			return true
		}
	}
	c.Errorf("%s: rejected with %T %v", c.where(), err, err)
	return true
}

// payloadOnly reports whether the cut is so far behind every header that only payload is missing, which is not worth the
// time to write it again.
func (c *corpus) payloadOnly() bool { return c.length > 128 && !c.whole }

// same reports a difference between what was read and what was read again after it was written.
func (c *corpus) same(what string, first, again any) {
	c.counts["written again"]++
	if !reflect.DeepEqual(first, again) {
		c.Errorf("%s: %s: read %+v, written and read %+v", c.where(), what, first, again)
	}
}

func (c *corpus) datagram(b []byte) {
	rawip.VerifyHeader(b)
	if _, _, err := rawip.ParseUnsized(b); !c.rejected(err, io.ErrUnexpectedEOF, rawip.ErrMalformed) {
		c.counts["IPv4 datagrams"]++
	}
	if q, err := rawip.ParseQuoted(b); !c.rejected(err, io.ErrUnexpectedEOF, rawip.ErrMalformed) {
		c.counts["quoted datagrams"]++
		_, err = tcphdr.ParseQuoted(q.Payload)
		c.rejected(err, io.ErrUnexpectedEOF)
	}
	h, payload, err := rawip.Parse(b)
	if c.rejected(err, io.ErrUnexpectedEOF, rawip.ErrMalformed) || c.payloadOnly() {
		return
	}
	written, err := h.Append(nil, payload)
	if c.rejected(err, rawip.ErrMalformed) {
		return
	}
	again, payloadAgain, err := rawip.Parse(written)
	if c.rejected(err) {
		return
	}
	if state := rawip.VerifyHeader(written); state != checksum.Valid {
		c.Errorf("%s: IPv4: the checksum that was written is %v", c.where(), state)
	}
	again.Checksum = h.Checksum
	c.same("IPv4 header", h, again)
	c.same("IPv4 payload", payload, payloadAgain)
}

func (c *corpus) segment(b []byte) {
	src, dst := netip.AddrFrom4([4]byte{192, 0, 2, 1}), netip.AddrFrom4([4]byte{198, 51, 100, 2})
	_, err := tcphdr.ParseQuoted(b)
	c.rejected(err, io.ErrUnexpectedEOF)
	h, data, err := tcphdr.Parse(b)
	if c.rejected(err, io.ErrUnexpectedEOF, tcphdr.ErrMalformed) {
		return
	}
	c.counts["TCP segments"]++
	c.options(h.Options)
	if c.payloadOnly() {
		return
	}
	written, err := h.Append(nil, src, dst, data)
	if c.rejected(err, tcphdr.ErrMalformed) {
		return
	}
	again, dataAgain, err := tcphdr.Parse(written)
	if c.rejected(err) {
		return
	}
	if state := tcphdr.Verify(written, src, dst); state != checksum.Valid {
		c.Errorf("%s: TCP: the checksum that was written is %v", c.where(), state)
	}
	again.Checksum = h.Checksum
	c.same("TCP header", h, again)
	c.same("TCP data", data, dataAgain)
}

// options reads options in every way there is, and holds the ways against each other.
func (c *corpus) options(o tcphdr.Options) {
	length := 0
	for option := range o.All() {
		c.counts["TCP options"]++
		_ = option.Kind.String()
		switch option.Kind {
		case tcphdr.EndOfOptions, tcphdr.NoOperation:
			length++
		default:
			length += 2 + len(option.Data)
		}
		if _, ok := o.Find(option.Kind); !ok {
			c.Errorf("%s: TCP: option %v is there and is not found", c.where(), option.Kind)
		}
	}
	at, bad := o.Malformed()
	if bad {
		c.counts["malformed TCP options"]++
		if at != length {
			c.Errorf("%s: TCP: options %x are malformed at octet %d, and end after %d", c.where(), []byte(o), at, length)
		}
	}
	o.MSS()
	o.WindowScale()
	o.SACKPermitted()
	o.Timestamps()
}

func (c *corpus) icmpMessage(b []byte) {
	m, err := icmp.Parse(b)
	if c.rejected(err, io.ErrUnexpectedEOF) {
		return
	}
	c.counts["ICMP messages"]++
	if m.Name() == "" {
		c.Errorf("%s: ICMP: type %d code %d has no name", c.where(), m.Type, m.Code)
	}
	if _, ok := m.NextHopMTU(); ok {
		c.counts["next-hop MTUs"]++
	}
	m.Pointer()
	quoted, err := m.Quoted()
	if !c.rejected(err, icmp.ErrMalformed) {
		_, err = rawip.ParseQuoted(quoted)
		c.rejected(err, io.ErrUnexpectedEOF, rawip.ErrMalformed)
	}
	if c.payloadOnly() {
		return
	}
	written := m.Append(nil)
	again, err := icmp.Parse(written)
	if c.rejected(err) {
		return
	}
	if state := icmp.Verify(written); state != checksum.Valid {
		c.Errorf("%s: ICMP: the checksum that was written is %v", c.where(), state)
	}
	icmp.Verify(b)
	again.Checksum = m.Checksum
	c.same("ICMP message", m, again)
}

func (c *corpus) arpPacket(b []byte) {
	p, err := arp.Parse(b)
	if c.rejected(err, io.ErrUnexpectedEOF, arp.ErrMalformed) {
		return
	}
	c.counts["ARP packets"]++
	written, err := p.Append(nil)
	if c.rejected(err, arp.ErrMalformed) {
		return
	}
	again, err := arp.Parse(written)
	if !c.rejected(err) {
		c.same("ARP packet", p, again)
	}
}

// message decodes a DNS message as the answer to the query that it has itself, once as it is and once made into an
// answer about addresses, which is read further.
func (c *corpus) message(place string, b []byte) {
	c.counts["DNS messages"]++
	id := port(b, 0)
	name, end := question(b)
	answer := bytes.Clone(b)
	if end > 0 {
		answer[2] = answer[2]&0x07 | 0x80                       // QR 1, OPCODE 0
		copy(answer[end:], []byte{0, 1 /* A */, 0, 1 /* IN */}) // what is asked for
	}
	c.guarded(place, func() {
		for _, octets := range [][]byte{b, answer} {
			c.cuts(octets, func(cut []byte) {
				_, err := resolver.ParseAnswer(cut, id, name, resolver.A)
				c.answerError(err)
			})
		}
	})
}

// answerError checks what became of an answer.
func (c *corpus) answerError(err error) {
	var mismatch resolver.Mismatch
	if errors.As(err, &mismatch) {
		c.counts["rejections"]++
		return
	}
	if !c.rejected(err, io.ErrUnexpectedEOF, resolver.ErrMalformed) {
		c.counts["DNS answers"]++
	}
}

// question returns the QNAME of a DNS message and the offset after it, or 0 where it is not a plain one.
func question(b []byte) (name string, end int) {
	const header = 12
	var labels []string
	for at := header; at < len(b); {
		length := int(b[at])
		if length == 0 && at+1+4 <= len(b) {
			return strings.Join(labels, "."), at + 1
		}
		if length == 0 || length > 63 || at+1+length > len(b) {
			break
		}
		labels = append(labels, string(b[at+1:at+1+length]))
		at += 1 + length
	}
	return "", 0
}

// host checks that a name is taken, or refused with a reason that is safe to print.
func (c *corpus) host(name string) {
	var refusal *resolver.Error
	switch err := resolver.CheckHost(name); {
	case err == nil:
	case !errors.As(err, &refusal):
		c.Errorf("%s: refused with %T %v", c.where(), err, err)
	default:
		c.counts["rejections"]++
		if text := err.Error(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			c.Errorf("%s: %q is not safe to print", c.where(), text)
		}
	}
}
