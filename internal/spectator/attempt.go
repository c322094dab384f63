package spectator

import (
	"math"
	"net/netip"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// The two sides of an attempt: who sent the SYN, and whom it was for.
const (
	client = 0
	server = 1
)

// maximumOptions is how many octets of options a header has room for.
const maximumOptions = 40

// side is one of the two ends, as far as its packets passed.
type side struct {
	address [16]byte
	port    uint16
	ttl     uint8 // of its SYN or SYN-ACK
	length  uint8 // of options

	synSeen bool // its SYN or SYN-ACK
	proven  bool // it has acknowledged the other's SYN
	data    bool // it has sent data
	fin     bool
	rst     bool
	damaged bool // its latest segment of the handshake has a wrong checksum, and nobody has acted upon it

	window uint16
	flags  tcphdr.Flags  // of its SYN or SYN-ACK
	iss    tcphdr.SeqNum // of its SYN
	next   tcphdr.SeqNum // after the last octet of it that was seen

	copies  copies
	options [maximumOptions]byte // of its SYN or SYN-ACK
}

// attempt is what is known of one attempt. There may be very many at once: what few of them have is in a detail.
type attempt struct {
	sides [2]side

	// Times, in nanoseconds since 1970; unseen for what was not.
	began    int64 // first packet
	syn      int64 // first SYN
	answer   int64 // SYN-ACK, RST or ICMP error, the first that counts
	ack      int64 // that completed the handshake
	latest   int64 // packet of any kind
	replaced int64 // by another attempt with the same addresses and ports; 0 if it was not

	number   uint32
	findings findings
	frames   [5]uint32 // of the handshake, the rest is in the detail
	framed   uint8
	vlans    [2]uint16
	tagged   uint8

	outcome    probe.Outcome
	closing    closing
	v6         bool
	over       bool // another with the same addresses and ports has begun, or it is told
	told       bool
	detailed   bool  // there is a detail
	answeredBy uint8 // which SYN was answered, from 1; 0 for none, or not known
	candidates uint8 // SYNs that had left when the answer came
	synSent    uint16
	synACKs    uint16
	copied     uint16 // frames that were there before
	synData    uint16 // octets of data in the SYN
	id         uint16 // Identification of the first SYN
	tsval      uint32 // of the first SYN
}

// unseen is the time of what was not seen. No capture is of that time.
const unseen = math.MinInt64

// detail is what few attempts have.
type detail struct {
	syns   []transmission // but for the first
	icmp   []*probe.ICMP
	frames []uint32
	kept   []kept
}

// transmission is one of a SYN, with what tells it from others in a quote.
type transmission struct {
	probe.SYNSent
	id uint16
}

// kept is a packet of an attempt, for those who want to show or write it.
type kept struct {
	from    int // side
	at      int64
	number  int
	octets  []byte
	message *probe.ICMP // nil for a segment
	verdict probe.Verdict
}

// closing is how a connection ended.
type closing uint8

const (
	closeNone closing = iota
	closeFIN
	closeRSTByClient
	closeRSTByServer
)

var closingNames = [...]string{"none", "fin", "rst_by_client", "rst_by_server"}

// String returns the way as it stands in the JSON results.
func (c closing) String() string { return closingNames[c] }

// addrPort returns the address and port of a side.
func (a *attempt) addrPort(of int) netip.AddrPort {
	s := &a.sides[of]
	address := netip.AddrFrom16(s.address)
	if !a.v6 {
		address = address.Unmap()
	}
	return netip.AddrPortFrom(address, s.port)
}

// find notes a finding.
func (a *attempt) find(f findings) { a.findings |= f }

// ackBit and ecnBits are control bits of a SYN-ACK.
const (
	ackBit  = tcphdr.ACK
	ecnBits = tcphdr.AE | tcphdr.CWR | tcphdr.ECE
)

// stamped returns a time as a capture has it: that of the kernel, or of what else took it.
func stamped(at int64) stamp.Stamp {
	t := timeOf(at)
	return stamp.Stamp{User: t, Kernel: t}
}

// learn takes the options and the like of a SYN or SYN-ACK.
func (s *side) learn(h *tcphdr.Header, ttl uint8) {
	s.synSeen, s.iss, s.flags, s.window, s.ttl = true, h.Seq, h.Flags, h.Window, ttl
	s.length = uint8(copy(s.options[:], h.Options))
}

// header returns the header of the side's SYN or SYN-ACK, as far as it was kept.
func (s *side) header() tcphdr.Header {
	return tcphdr.Header{SrcPort: s.port, Seq: s.iss, Flags: s.flags, Window: s.window, Options: tcphdr.Options(s.options[:s.length])}
}

// pass takes note of how far the side has sent.
func (s *side) pass(next tcphdr.SeqNum) {
	if s.next.Less(next) {
		s.next = next
	}
}
