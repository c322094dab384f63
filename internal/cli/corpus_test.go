//go:build linux

package cli

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/arp"
	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
	"tcpprobe/tcphdr"
)

// TestCorpus reads what others have captured or had found by fuzzers, in $TCPPROBE_CORPUS or in the folder
// shared/corpus beside the module, and gives every octet of it to every decoder, whole and cut off at every length. None
// may panic, every rejection has its type, and what can be written again reads the same.
func TestCorpus(t *testing.T) {
	folder := os.Getenv("TCPPROBE_CORPUS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Skipf("SKIPPED: there is no corpus: %v; set TCPPROBE_CORPUS to a folder with captures", err)
	}
	c := &corpus{T: t, counts: make(map[string]int)}
	filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
		info, statErr := os.Stat(name)
		if err := errors.Join(err, statErr); err != nil {
			t.Logf("left out: %v", err)
			return nil
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Logf("left out: %v", err)
			return nil
		}
		c.place, _ = filepath.Rel(folder, name)
		c.file(name, content)
		return nil
	})
	for _, what := range []string{
		"captures", "frames", "names", "DNS messages", "IPv4 datagrams", "quoted datagrams", "TCP segments", "TCP options",
		"malformed TCP options", "ICMP messages", "next-hop MTUs", "ARP packets", "DNS answers", "rejections", "written again",
	} {
		t.Logf("%7d %s", c.counts[what], what)
	}
	if c.counts["frames"]+c.counts["DNS messages"]+c.counts["names"] == 0 {
		t.Errorf("nothing in %s could be read", folder)
	}
}

// corpus is the test on its way through the files.
type corpus struct {
	*testing.T
	place  string // the file, and what of it is being decoded
	length int    // to how many octets that is cut off
	whole  bool   // nothing is cut off
	counts map[string]int
}

// where says what is being decoded.
func (c *corpus) where() string { return fmt.Sprintf("%s, %d octets", c.place, c.length) }

// file decodes the contents of a file according to what they are, and skips what is nothing of interest.
func (c *corpus) file(name string, content []byte) {
	folder := filepath.Base(filepath.Dir(name))
	switch {
	case isCapture(content):
		c.capture(content)
	case folder == "fuzznames":
		c.counts["names"]++
		c.guarded(c.place, func() { c.host(string(content)) })
		c.guarded(c.place, func() { c.host(strings.TrimSpace(string(content))) })
	case folder == "fuzzinput":
		c.message(c.place, content)
	case strings.HasPrefix(filepath.Base(name), "test_packets"):
		for i, message := range hexMessages(content) {
			c.message(fmt.Sprintf("%s, message %d", c.place, i+1), message)
		}
	}
}

// isCapture reports whether a file begins as pcap or pcapng files do.
func isCapture(content []byte) bool {
	if len(content) < 4 {
		return false
	}
	for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d, 0x0a0d0d0a} {
		if binary.LittleEndian.Uint32(content) == magic || binary.BigEndian.Uint32(content) == magic {
			return true
		}
	}
	return false
}

// hexMessages returns the messages that a text has in hexadecimal, in lines that follow each other. Where each line is a
// message of its own, they are in the result by themselves too.
func hexMessages(text []byte) (messages [][]byte) {
	var joined []byte
	end := func() {
		if len(joined) > 0 {
			messages = append(messages, joined)
			joined = nil
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		octets, err := hex.DecodeString(strings.TrimSpace(lines.Text()))
		if err != nil || len(octets) < 4 {
			end()
			continue
		}
		messages = append(messages, octets)
		joined = append(joined, octets...)
	}
	end()
	return messages
}

// capture decodes every frame of a pcap or pcapng file, up to where it is broken.
func (c *corpus) capture(content []byte) {
	var source interface {
		gopacket.PacketDataSource
		LinkType() layers.LinkType
	}
	var err error
	if binary.BigEndian.Uint32(content) == 0x0a0d0d0a {
		source, err = pcapgo.NewNgReader(bytes.NewReader(content), pcapgo.DefaultNgReaderOptions)
	} else {
		source, err = pcapgo.NewReader(bytes.NewReader(content))
	}
	if err != nil {
		c.Logf("%s is no capture after all: %v", c.place, err)
		return
	}
	c.counts["captures"]++
	for i := 1; ; i++ {
		frame, err := next(source)
		if err != nil {
			if err != io.EOF {
				c.Logf("%s, frame %d: the capture is broken: %v", c.place, i, err)
			}
			return
		}
		c.counts["frames"]++
		c.guarded(fmt.Sprintf("%s, frame %d", c.place, i), func() {
			c.frame(source.LinkType(), frame)
		})
	}
}

// next reads a frame. A file that the reader of captures panics at is broken too.
func next(source gopacket.PacketDataSource) (frame []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic of the reader: %v", p)
		}
	}()
	frame, _, err = source.ReadPacketData()
	return frame, err
}

// guarded runs f, and reports its panic together with what was being decoded.
func (c *corpus) guarded(place string, f func()) {
	before := c.place
	c.place = place
	defer func() {
		if p := recover(); p != nil {
			c.Errorf("%s: panic: %v\n%s", c.where(), p, debug.Stack())
		}
		c.place = before
	}()
	f()
}

// frame decodes what a frame carries.
func (c *corpus) frame(link layers.LinkType, frame []byte) {
	c.cuts(frame, c.anything)
	etherType, packet := carried(link, frame)
	switch etherType {
	case layers.EthernetTypeARP:
		c.cuts(packet, c.arpPacket)
	case layers.EthernetTypeIPv4:
		c.cuts(packet, c.datagram)
		h, payload, err := rawip.ParseUnsized(packet)
		if err != nil {
			return
		}
		switch h.Protocol {
		case rawip.ProtocolICMP:
			c.cuts(payload, c.icmpMessage)
		case rawip.ProtocolTCP:
			c.cuts(payload, c.segment)
			if _, data, err := tcphdr.Parse(payload); err == nil && (port(payload, 0) == 53 || port(payload, 2) == 53) && len(data) > 2 {
				c.message(c.place, data[2:]) // after the length, RFC 1035 4.2.2
			}
		case rawip.ProtocolUDP:
			if len(payload) > 8 && (port(payload, 0) == 53 || port(payload, 2) == 53) {
				c.message(c.place, payload[8:])
			}
		}
	}
}

// port returns the port at an offset of a transport header, or 0.
func port(header []byte, offset int) uint16 {
	if len(header) < offset+2 {
		return 0
	}
	return binary.BigEndian.Uint16(header[offset:])
}

// carried returns the EtherType and the contents of a frame, and 0 where they are not for us.
func carried(link layers.LinkType, frame []byte) (layers.EthernetType, []byte) {
	offset := 0
	switch link {
	case layers.LinkTypeEthernet:
		offset = 12
		for len(frame) >= offset+4 && (port(frame, offset) == 0x8100 || port(frame, offset) == 0x88a8) {
			offset += 4 // IEEE 802.1Q
		}
	case layers.LinkTypeLinuxSLL:
		offset = 14
	case layers.LinkTypeLinuxSLL2:
		if len(frame) < 20 {
			return 0, nil
		}
		return layers.EthernetType(port(frame, 0)), frame[20:]
	case layers.LinkTypeNull:
		if len(frame) < 4 {
			return 0, nil
		}
		return layers.EthernetTypeIPv4, frame[4:]
	case layers.LinkTypeRaw, layers.LinkTypeIPv4:
		return layers.EthernetTypeIPv4, frame
	default:
		return 0, nil
	}
	if len(frame) < offset+2 {
		return 0, nil
	}
	return layers.EthernetType(port(frame, offset)), frame[offset+2:]
}

// cuts gives octets to a decoder: all of them, and the first n for every n up to 512 and some beyond, in a slice that ends
// with them.
func (c *corpus) cuts(octets []byte, decode func([]byte)) {
	const each, step = 512, 509
	for n := 0; n < len(octets); n++ {
		if n > each {
			n = min(n+step, len(octets)-1)
		}
		c.length, c.whole = n, false
		decode(octets[:n:n])
	}
	c.length, c.whole = len(octets), true
	decode(octets[:c.length:c.length])
}

// anything gives octets to the decoders of everything, as headers that begin with them.
func (c *corpus) anything(b []byte) {
	c.segment(b)
	c.icmpMessage(b)
	c.arpPacket(b)
	c.datagram(b)
	_, err := resolver.ParseAnswer(b, 1, "example.com")
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
				_, err := resolver.ParseAnswer(cut, id, name)
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
