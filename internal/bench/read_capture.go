package main

import (
	"bufio"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"

	"tcpprobe/internal/capfile"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// A recorder writes a capture file of connections that never were.
type recorder struct {
	w       *bufio.Writer
	now     int64 // nanoseconds since 1970
	random  *rand.Rand
	packets int
	octets  int64
	frame   []byte
}

// record writes a file by a function.
func record(name string, write func(*recorder) error) (*recorder, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := &recorder{w: bufio.NewWriterSize(file, 1<<20), now: 1_795_348_800e9, random: rand.New(rand.NewPCG(1, 2))}
	header := binary.LittleEndian.AppendUint32(nil, capfile.MagicNanoseconds)
	header = append(header, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0)
	r.w.Write(binary.LittleEndian.AppendUint32(header, uint32(capfile.LinkEthernet)))
	if err := write(r); err != nil {
		return nil, err
	}
	return r, r.w.Flush()
}

// A connection is between a client and a server.
type connection struct {
	client, server   netip.AddrPort
	iss, irs         tcphdr.SeqNum
	sent, received   tcphdr.SeqNum // octets of data
	step             int
	refused, ignored bool
}

// segment writes a segment from the client or from the server, with data that is zeros.
func (r *recorder) segment(c *connection, fromClient bool, flags tcphdr.Flags, data int) error {
	h := tcphdr.Header{SrcPort: c.client.Port(), DstPort: c.server.Port(), Flags: flags, Window: 64240, Seq: c.iss + c.sent, Ack: c.irs + c.received}
	src, dst := c.client.Addr(), c.server.Addr()
	if !fromClient {
		h.SrcPort, h.DstPort, h.Seq, h.Ack = h.DstPort, h.SrcPort, h.Ack, h.Seq
		src, dst = dst, src
	}
	if !flags.Has(tcphdr.ACK) {
		h.Ack = 0
	}
	if flags.Has(tcphdr.SYN) {
		h.Options = tcphdr.Options{2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7}
	}
	segment, err := h.Append(nil, src, dst, zeros[:data])
	if err != nil {
		return err
	}
	b := append(r.frame[:0], 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)
	if b, err = (rawip.Header{TTL: 60, DontFragment: true, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst}).Append(b, segment); err != nil {
		return err
	}
	r.frame = b
	if fromClient {
		c.sent += tcphdr.SeqNum(data)
	} else {
		c.received += tcphdr.SeqNum(data)
	}
	if flags&(tcphdr.SYN|tcphdr.FIN) != 0 && fromClient {
		c.sent++
	} else if flags&(tcphdr.SYN|tcphdr.FIN) != 0 {
		c.received++
	}
	r.packet(b)
	return nil
}

var zeros [1460]byte

// packet writes a packet, some microseconds after the one before.
func (r *recorder) packet(b []byte) {
	r.now += 1000 + int64(r.random.IntN(20_000))
	header := binary.LittleEndian.AppendUint32(make([]byte, 0, 16), uint32(r.now/1e9))
	header = binary.LittleEndian.AppendUint32(header, uint32(r.now%1e9))
	header = binary.LittleEndian.AppendUint32(header, uint32(len(b)))
	r.w.Write(binary.LittleEndian.AppendUint32(header, uint32(len(b))))
	r.w.Write(b)
	r.packets++
	r.octets += int64(16 + len(b))
}

// connections writes many connections, of which some hundred are under way at a time: of a hundred, one is refused, and one has no
// answer. The others have a request, a response in several segments, and an end.
func connections(n int) func(*recorder) error {
	return func(r *recorder) error {
		const under = 500
		var open []*connection
		for begun := 0; begun < n || len(open) > 0; {
			if begun < n && len(open) < under {
				open = append(open, newConnection(r, begun))
				begun++
			}
			i := r.random.IntN(len(open))
			more, err := r.advance(open[i])
			if err != nil {
				return err
			}
			if !more {
				open[i] = open[len(open)-1]
				open = open[:len(open)-1]
			}
		}
		return nil
	}
}

// newConnection returns the nth connection, of one of 200 servers.
func newConnection(r *recorder, n int) *connection {
	return &connection{
		client:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 15), byte(n >> 7), byte(n)}), uint16(32768+n%28000)),
		server:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n % 200)}), 443),
		iss:     tcphdr.SeqNum(r.random.Uint32()),
		irs:     tcphdr.SeqNum(r.random.Uint32()),
		refused: n%100 == 7,
		ignored: n%100 == 9,
	}
}

// advance writes the next segment of a connection, and reports whether there is another.
func (r *recorder) advance(c *connection) (more bool, err error) {
	const push = tcphdr.PSH | tcphdr.ACK
	c.step++
	switch {
	case c.step == 1:
		return true, r.segment(c, true, tcphdr.SYN, 0)
	case c.ignored:
		c.sent--
		return c.step < 4, r.segment(c, true, tcphdr.SYN, 0)
	case c.refused:
		return false, r.segment(c, false, tcphdr.RST|tcphdr.ACK, 0)
	}
	switch c.step {
	case 2:
		return true, r.segment(c, false, tcphdr.SYN|tcphdr.ACK, 0)
	case 3:
		return true, r.segment(c, true, tcphdr.ACK, 0)
	case 4:
		return true, r.segment(c, true, push, 400)
	case 5, 6, 7:
		return true, r.segment(c, false, push, 1400)
	case 8, 9:
		return true, r.segment(c, true, tcphdr.ACK, 0)
	case 10:
		return true, r.segment(c, true, tcphdr.FIN|tcphdr.ACK, 0)
	case 11:
		return true, r.segment(c, false, tcphdr.FIN|tcphdr.ACK, 0)
	}
	return false, r.segment(c, true, tcphdr.ACK, 0)
}

// flood writes the capture of a SYN flood: every SYN from another address, answered, and nothing behind it.
func flood(n int) func(*recorder) error {
	return func(r *recorder) error {
		for i := range n {
			c := newConnection(r, i)
			c.client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}), uint16(r.random.IntN(60000)+1024))
			if err := r.segment(c, true, tcphdr.SYN, 0); err != nil {
				return err
			}
			if err := r.segment(c, false, tcphdr.SYN|tcphdr.ACK, 0); err != nil {
				return err
			}
		}
		return nil
	}
}
