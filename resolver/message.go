package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ErrMalformed is wrapped by the errors of AppendQuery and ParseAnswer, together with what is wrong.
var ErrMalformed = errors.New("malformed DNS message")

// MaxPayload is the largest UDP message that a query with EDNS0 asks for, in octets: what the smallest MTU of IPv6 has
// room for behind the headers of IPv6 and UDP (1280 - 40 - 8), so that no answer has to be fragmented.
const MaxPayload = 1232

const (
	headerLength = 12     // RFC 1035 4.1.1
	flagRD       = 0x0100 // recursion desired
	classIN      = 1      // RFC 1035 3.2.4
	typeOPT      = 41     // RFC 6891 6.1.1

	maxName  = 253 // octets of a name without its last dot: 255 on the wire (RFC 1035 2.3.4)
	maxLabel = 63  // RFC 1035 2.3.4
)

// Type is the type of the records that a query asks for.
type Type uint16

const (
	A    Type = 1  // IPv4 addresses (RFC 1035 3.2.2)
	PTR  Type = 12 // the names of an address (RFC 1035 3.5)
	AAAA Type = 28 // IPv6 addresses (RFC 3596 2.1)
)

// String returns "A", "AAAA", "PTR", or the number.
func (t Type) String() string {
	switch t {
	case A:
		return "A"
	case AAAA:
		return "AAAA"
	case PTR:
		return "PTR"
	}
	return fmt.Sprintf("TYPE%d", uint16(t)) // RFC 3597 5
}

// family returns what the addresses of such records are called; of no type, those of both.
func (t Type) family() string {
	switch t {
	case A:
		return "IPv4"
	case AAAA:
		return "IPv6"
	}
	return "IPv4 or IPv6"
}

// AppendQuery appends a query for the records of a type that a name has to b. The name is fully qualified, with or
// without its last dot; its octets are sent as they are. With edns the query carries an OPT record that allows answers
// of MaxPayload octets (RFC 6891 6.1.2); without, they are limited to 512 (RFC 1035 4.2.1).
//
// A name that does not fit the wire, or with an empty label, is ErrMalformed.
func AppendQuery(b []byte, id uint16, name string, qtype Type, edns bool) ([]byte, error) {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName {
		return nil, fmt.Errorf("%w: QNAME of %d octets, at most %d fit", ErrMalformed, len(name), maxName)
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if len(label) == 0 || len(label) > maxLabel {
			return nil, fmt.Errorf("%w: label of %d octets in QNAME, want 1 to %d", ErrMalformed, len(label), maxLabel)
		}
	}
	additional := uint16(0)
	if edns {
		additional = 1
	}

	// Header, RFC 1035 4.1.1.
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, flagRD) // QR 0, OPCODE 0: a standard query
	b = binary.BigEndian.AppendUint16(b, 1)      // QDCOUNT
	b = binary.BigEndian.AppendUint16(b, 0)      // ANCOUNT
	b = binary.BigEndian.AppendUint16(b, 0)      // NSCOUNT
	b = binary.BigEndian.AppendUint16(b, additional)

	// Question, RFC 1035 4.1.2.
	for _, label := range labels {
		b = append(b, byte(len(label)))
		b = append(b, label...)
	}
	b = append(b, 0) // the root
	b = binary.BigEndian.AppendUint16(b, uint16(qtype))
	b = binary.BigEndian.AppendUint16(b, classIN)

	// OPT record, RFC 6891 6.1.2.
	if edns {
		b = append(b, 0) // NAME: the root
		b = binary.BigEndian.AppendUint16(b, typeOPT)
		b = binary.BigEndian.AppendUint16(b, MaxPayload) // CLASS: the requestor's payload size
		b = binary.BigEndian.AppendUint32(b, 0)          // TTL: extended RCODE 0, version 0, no flags
		b = binary.BigEndian.AppendUint16(b, 0)          // RDLEN: no options
	}
	return b, nil
}

// RCode is the response code of an answer, with the upper bits of an OPT record (RFC 6891 6.1.3).
type RCode uint16

// The response codes that decide how the resolution goes on (RFC 1035 4.1.1).
const (
	NoError  RCode = 0
	FormErr  RCode = 1
	ServFail RCode = 2
	NXDomain RCode = 3
	NotImp   RCode = 4
	Refused  RCode = 5
	BadVers  RCode = 16 // RFC 6891 9
)

// String returns the mnemonic of the code, for instance "NXDOMAIN", or "RCODE11" for one without a common name.
func (r RCode) String() string {
	switch r {
	case NoError:
		return "NOERROR"
	case FormErr:
		return "FORMERR"
	case ServFail:
		return "SERVFAIL"
	case NXDomain:
		return "NXDOMAIN"
	case NotImp:
		return "NOTIMP"
	case Refused:
		return "REFUSED"
	case BadVers:
		return "BADVERS"
	}
	return fmt.Sprintf("RCODE%d", uint16(r))
}

// Mismatch is why a message is not an answer to the query at hand. It is an error: nothing else in such a message
// is to be believed.
type Mismatch uint8

const (
	NotResponse Mismatch = iota + 1 // QR is 0
	WrongID
	WrongOpcode
	WrongQuestion // not one question, or another name, type or class
)

// Error returns the reason, for instance "wrong ID".
func (m Mismatch) Error() string {
	switch m {
	case NotResponse:
		return "not a response"
	case WrongID:
		return "wrong ID"
	case WrongOpcode:
		return "wrong opcode"
	default:
		return "wrong question"
	}
}

// Record is a resource record of the answer section: an address of Name, or a name that Name stands for or points to.
type Record struct {
	Name    string     // without its last dot; any octets
	TTL     uint32     // seconds
	Address netip.Addr // of an A or AAAA record; not valid in others
	Pointer string     // of a PTR record, without its last dot; any octets, none for the root
	CNAME   string     // of a CNAME record, without its last dot; any octets, none for the root
}

// Answer is what a message that answers our query says.
type Answer struct {
	RCode         RCode
	Authoritative bool
	Truncated     bool     // the message did not fit; nothing but the RCode was read
	Records       []Record // of the type asked for and CNAME, of the answer section, in their order
	SOA           bool     // the authority section has an SOA record: a negative answer (RFC 2308 2)
	NS            bool     // the authority section has an NS record
	EDNS          bool     // there is an OPT record
	Misplaced     bool     // an OPT record stands before the additional section, so that Records are of all sections
	Damage        error    // why not every record could be read, or nil; wraps ErrMalformed
}

// ParseAnswer reads the answer to the query for the addresses of name that was sent with id (RFC 5452 9.1). The names
// are compared without regard to ASCII case (RFC 4343 3).
//
// The error is a Mismatch if the message does not belong to that query. It is io.ErrUnexpectedEOF if there is not even
// a header, and wraps ErrMalformed if the question cannot be read. Behind the question nothing is an error: what could
// not be read is the Damage of the Answer.
func ParseAnswer(message []byte, id uint16, name string, qtype Type) (Answer, error) {
	if len(message) < headerLength {
		return Answer{}, io.ErrUnexpectedEOF
	}
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	switch {
	case !header.Response:
		return Answer{}, NotResponse
	case header.ID != id:
		return Answer{}, WrongID
	case header.OpCode != 0:
		return Answer{}, WrongOpcode
	}
	a := Answer{RCode: RCode(header.RCode), Authoritative: header.Authoritative, Truncated: header.Truncated}
	// A server that could not read our query may have no question to repeat.
	unread := a.RCode == FormErr || a.RCode == NotImp
	if binary.BigEndian.Uint16(message[4:]) == 0 && unread {
		return a, nil
	}
	questions, err := p.AllQuestions()
	if err != nil {
		return Answer{}, fmt.Errorf("%w: question section: %w", ErrMalformed, err)
	}
	if len(questions) != 1 || questions[0].Type != dnsmessage.Type(qtype) || questions[0].Class != dnsmessage.ClassINET ||
		!equalNames(trimDot(questions[0].Name), strings.TrimSuffix(name, ".")) {
		return Answer{}, WrongQuestion
	}
	if a.Truncated {
		return a, nil
	}
	a.readRecords(&p, qtype)
	return a, nil
}

// section is a section of records, as the parser reads it.
type section struct {
	name   string
	header func() (dnsmessage.ResourceHeader, error)
	skip   func() error
}

// readRecords reads the sections of records as far as it can.
func (a *Answer) readRecords(p *dnsmessage.Parser, qtype Type) {
	for _, s := range []section{
		{"answer", p.AnswerHeader, p.SkipAnswer},
		{"authority", p.AuthorityHeader, p.SkipAuthority},
		{"additional", p.AdditionalHeader, p.SkipAdditional},
	} {
		for {
			h, err := s.header()
			if err == dnsmessage.ErrSectionDone {
				break
			}
			if err == nil {
				err = a.readRecord(p, s, h, qtype)
			}
			if err != nil {
				a.damaged(s, err)
				return
			}
		}
	}
}

// damaged notes what could not be read. The first of several is told.
func (a *Answer) damaged(s section, err error) {
	if a.Damage == nil {
		a.Damage = fmt.Errorf("%w: %s section: %w", ErrMalformed, s.name, err)
	}
}

// readRecord reads a record, of which the header was read, or skips it. Some servers keep the OPT record of the query
// where it is and append their answer, so that behind it the counts no longer tell which section a record belongs to.
// The error means that it cannot be told where the next record begins.
func (a *Answer) readRecord(p *dnsmessage.Parser, s section, h dnsmessage.ResourceHeader, qtype Type) error {
	switch {
	case h.Type == dnsmessage.TypeOPT:
		if a.EDNS {
			a.damaged(s, errors.New("more than one OPT record")) // RFC 6891 6.1.1
			break
		}
		a.EDNS = true
		a.RCode = RCode(h.ExtendedRCode(dnsmessage.RCode(a.RCode)))
		a.Misplaced = s.name != "additional"
	case s.name == "answer" || a.Misplaced:
		read, err := a.readAnswer(p, h, qtype)
		if read {
			return nil
		}
		if err != nil {
			a.damaged(s, err)
		}
	}
	if s.name == "authority" {
		a.SOA = a.SOA || h.Type == dnsmessage.TypeSOA
		a.NS = a.NS || h.Type == dnsmessage.TypeNS
	}
	return s.skip()
}

// readAnswer reads a record of the answer, if it is of a type that is asked for and whole. Otherwise it is left to be
// skipped.
func (a *Answer) readAnswer(p *dnsmessage.Parser, h dnsmessage.ResourceHeader, qtype Type) (read bool, err error) {
	r := Record{Name: trimDot(h.Name), TTL: h.TTL}
	if r.TTL > 1<<31-1 {
		r.TTL = 0 // RFC 2181 8
	}
	switch {
	case h.Class != dnsmessage.ClassINET || h.Type != dnsmessage.Type(qtype) && h.Type != dnsmessage.TypeCNAME:
		return false, nil
	case h.Type == dnsmessage.TypeA && h.Length != 4, h.Type == dnsmessage.TypeAAAA && h.Length != 16:
		return false, fmt.Errorf("%v record with RDLENGTH %d", qtype, h.Length)
	case h.Type == dnsmessage.TypeA:
		body, err := p.AResource()
		if err != nil {
			return false, err
		}
		r.Address = netip.AddrFrom4(body.A)
	case h.Type == dnsmessage.TypeAAAA:
		body, err := p.AAAAResource()
		if err != nil {
			return false, err
		}
		r.Address = netip.AddrFrom16(body.AAAA)
	case h.Type == dnsmessage.TypePTR:
		body, err := p.PTRResource()
		if err != nil {
			return false, err
		}
		r.Pointer = trimDot(body.PTR)
	case h.Type == dnsmessage.TypeCNAME:
		body, err := p.CNAMEResource()
		if err != nil {
			return false, err
		}
		r.CNAME = trimDot(body.CNAME)
	default:
		return false, nil
	}
	a.Records = append(a.Records, r)
	return true, nil
}

func trimDot(n dnsmessage.Name) string { return strings.TrimSuffix(n.String(), ".") }
