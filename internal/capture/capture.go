// Package capture writes the packets of handshakes into a file that Wireshark, tshark and tcpdump open: as pcapng, with
// comments that say what each packet is and names for the addresses, or as pcap.
//
// A Writer is a pure function of results and their events: it reads no clock and no network. Whatever an event or a
// result adds to the file is written in one piece, so that the file of a run that was killed ends with a whole packet.
//
// All packets in a file are Ethernet frames. Those whose Ethernet header is not known, or that had none, get one with
// addresses of zeros, as packets on Linux's loopback have; in PCAPNG, a comment says so.
package capture

import (
	"io"
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Format is a file format.
type Format uint8

const (
	// PCAPNG is the format of draft-ietf-opsawg-pcapng: with comments, directions, names and several interfaces.
	PCAPNG Format = iota
	// PCAP is the older format of draft-ietf-opsawg-pcap, with times in nanoseconds. All it holds is packets.
	PCAP
)

// Info is what a file says of its origin. PCAP has no place for it.
type Info struct {
	Application string // that writes the file: "tcpprobe 0.1.0"
	OS          string // that it runs on: "Linux 6.18.0"
	Filter      string // which packets are in the file, in the language of tcpdump; empty if that says nothing
}

// Writer writes a file. It is for one goroutine.
type Writer struct {
	w          io.Writer
	format     Format
	info       Info
	interfaces map[device]uint32 // those that were described in the file, with their number
	accounts   map[*probe.Result]*account
	buffer     []byte
}

// account is what is known of a result that is under way.
type account struct {
	lines      *report.Lines
	syns       int  // that left so far
	challenged bool // one was, by a connection that the peer still takes for open
	named      bool // the names that were learnt are in the file
	omitted    int  // DNS messages that are not in the file
}

// NewWriter begins a file. The error is the writer's.
func NewWriter(w io.Writer, f Format, info Info) (*Writer, error) {
	c := &Writer{
		w: w, format: f, info: info,
		interfaces: make(map[device]uint32), accounts: make(map[*probe.Result]*account),
	}
	if f == PCAP {
		c.buffer = appendFileHeader(c.buffer)
	} else {
		c.buffer = appendSection(c.buffer, info)
	}
	return c, c.flush()
}

// Event writes the packet of an event, if it has one. The events of a result are to come in their order, and each once;
// those of different results may be mixed. The result may be unfinished. The error is the writer's.
//
// DNS messages are known without the headers that the kernel gave them. For those over UDP the headers are
// reconstructed, as the comments say; messages over TCP are left out, as a comment at the end of the result says.
func (c *Writer) Event(r *probe.Result, e *probe.Event) error {
	a := c.account(r)
	line := a.lines.Event(r, e)
	p, ok := newPacket(r, e)
	switch {
	case c.format == PCAP && ok:
		c.buffer = appendRecord(c.buffer, p)
	case c.format == PCAP:
	case ok:
		p.comments = append(a.comments(e, line), p.comments...)
		id, known := c.interfaces[p.on]
		if !known {
			id = uint32(len(c.interfaces))
			c.interfaces[p.on] = id
			c.buffer = appendInterface(c.buffer, p.on, c.info)
		}
		c.buffer = appendPacket(c.buffer, id, p)
	case len(e.Octets) > 0:
		a.omitted++
	case e.Kind == probe.EventRouteFound && !a.named:
		// By now the name is resolved. Programs that read the file once know it for the packets that follow.
		a.named = true
		c.buffer = appendNames(c.buffer, r.DNS, nil)
	}
	return c.flush()
}

// Result writes how a handshake ended, and the names that were learnt for it. Nothing more may come of it. The error is
// the writer's.
func (c *Writer) Result(r *probe.Result) error {
	a := c.account(r)
	delete(c.accounts, r)
	if c.format == PCAP {
		return nil
	}
	dns := r.DNS
	if a.named {
		dns = nil
	}
	c.buffer = appendNames(c.buffer, dns, a.conclusion(r))
	return c.flush()
}

// Path writes what was found by handshakes that belong together: of a trace, of flows, of a search for the path MTU, of a
// comparison of SYNs. Nothing more may come of them, and Result is not to be called for them. The error is the writer's.
func (c *Writer) Path(verdict string, notes []string) error {
	clear(c.accounts)
	if c.format == PCAP {
		return nil
	}
	comments := []string{verdict}
	for _, note := range notes {
		comments = append(comments, "note: "+note)
	}
	c.buffer = appendNames(c.buffer, nil, comments)
	return c.flush()
}

// account returns what is known of a result.
func (c *Writer) account(r *probe.Result) *account {
	a := c.accounts[r]
	if a == nil {
		a = &account{lines: report.NewLines()}
		c.accounts[r] = a
	}
	return a
}

// flush writes what was put together, in one piece.
func (c *Writer) flush() error {
	if len(c.buffer) == 0 {
		return nil
	}
	_, err := c.w.Write(c.buffer)
	c.buffer = c.buffer[:0]
	return err
}

// legible makes s fit to be text in a file.
func legible(s string) string {
	s = text.Printable(s)
	return strings.ToValidUTF8(s[:min(len(s), maximumText)], "")
}

// maximumText is how many octets of text the formats have room for, and any reader has the patience for.
const maximumText = 4096
