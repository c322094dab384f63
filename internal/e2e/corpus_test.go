//go:build linux

package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/rawip"
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
