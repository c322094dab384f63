package explain

import (
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// dnsQuery explains a query.
func (l *Lesson) dnsQuery(r *probe.Result, e *probe.Event) {
	m := orZero(e.DNS)
	l.query = e.Octets
	l.page.headline(r, e, "DNS", text.Out, fmt.Sprintf("%s? %s, %s", recordType(m), l.page.Printable(m.Name), text.Count(len(e.Octets), "octet")))
	again := ""
	if m.Attempt > 1 {
		again = fmt.Sprintf("This is try %d, with an ID and a port of its own (RFC 5452 9.2).", m.Attempt)
	}
	searched := ""
	if m.Searched {
		searched = "That is not the name as it was given, but completed from the search list of resolv.conf(5)."
	}
	proof := ""
	if len(e.Octets) >= dnsHeaderLen {
		proof = fmt.Sprintf("The answer must come from there, have the ID %d and repeat the question, or it is not believed (RFC 5452 9.1).", u16(e.Octets))
	}
	why := fmt.Sprintf("Segments go to addresses, not to names: we ask %s for the %s addresses of %s.", server(m), familyOf(m), l.page.Printable(m.Name))
	if m.Name == "ipv4only.arpa" {
		why = fmt.Sprintf("This name has no IPv6 addresses of its own: those that %s has of it tell by which prefix this network translates to IPv4 (NAT64, RFC 7050 3).", server(m))
	}
	l.page.prose(
		why,
		searched, proof, again, transport(m))
	l.message(e)
}

// dnsAnswer explains a message from a server.
func (l *Lesson) dnsAnswer(r *probe.Result, e *probe.Event) {
	m := orZero(e.DNS)
	l.page.headline(r, e, "DNS", text.In, fmt.Sprintf("from %s, %s", server(m), text.Count(len(e.Octets), "octet")))
	l.page.prose(l.believed(m, e.Octets), l.answered(m), "It came to the same socket; the kernel has taken the headers off.")
	l.message(e)
}

// believed says whether a message was taken for the answer, and why.
func (l *Lesson) believed(m *probe.DNSMessage, octets []byte) string {
	switch {
	case m.Note != "":
		return fmt.Sprintf("It was not used: %s. We go on as if it had not come (RFC 5452 9.1).", l.page.Printable(m.Note))
	case len(l.query) >= 2 && len(octets) >= 2 && u16(l.query) == u16(octets):
		return fmt.Sprintf("ID %d and question are those of our query, so that it is the answer (RFC 5452 9.1).", u16(octets))
	}
	return ""
}

// maxListed is how many addresses of an answer are named.
const maxListed = 16

// answered says what an answer says.
func (l *Lesson) answered(m *probe.DNSMessage) string {
	var sentences []string
	if len(m.CNAME) > 0 {
		sentences = append(sentences, fmt.Sprintf("The name is an alias, which is followed: %s (RFC 1034 3.6.2).", l.page.Printable(strings.Join(m.CNAME, ", "))))
	}
	switch {
	case len(m.Addresses) > 0:
		var addresses []string
		for _, a := range m.Addresses[:min(len(m.Addresses), maxListed)] {
			addresses = append(addresses, a.String())
		}
		if more := len(m.Addresses) + m.Omitted - len(addresses); more > 0 {
			addresses = append(addresses, fmt.Sprintf("and %d more", more))
		}
		sentences = append(sentences, fmt.Sprintf("It has %s, and may be kept for %d s (RFC 1035 4.1.3).", strings.Join(addresses, ", "), m.TTL))
	case m.RCode == "NXDOMAIN":
		sentences = append(sentences, "The name does not exist: it has no record of any type (RFC 2308 2.1).")
	case m.RCode == "NOERROR":
		sentences = append(sentences, fmt.Sprintf("The name exists, but has no %s address (RFC 2308 2.2).", familyOf(m)))
	case m.RCode != "":
		sentences = append(sentences, fmt.Sprintf("The server gives no answer to the question: %s (RFC 1035 4.1.1).", l.page.Printable(m.RCode)))
	}
	if m.Damaged {
		sentences = append(sentences, "A part of the message cannot be read; what can be is used.")
	}
	return strings.Join(sentences, " ")
}

// dnsSilence explains that no answer came.
func (l *Lesson) dnsSilence(r *probe.Result, e *probe.Event) {
	m := orZero(e.DNS)
	l.page.headline(r, e, "DNS", text.Silence, "no answer from "+server(m))
	if m.Failed {
		l.page.prose(fmt.Sprintf("The query came to nothing, and that is known at once: %s.", l.page.Printable(m.Note)))
		return
	}
	note := ""
	if m.Note != "" {
		note = fmt.Sprintf("The wait is over: %s.", l.page.Printable(m.Note))
	}
	l.page.prose(note,
		"Nothing in UDP says whether a datagram arrived (RFC 768). The query or the answer was lost, the server is down,",
		"or a firewall drops one of them: only the clock ends the wait.")
}

// message adds the table of a DNS message.
func (l *Lesson) message(e *probe.Event) {
	t := l.newTable(&probe.Event{Octets: e.Octets}, 0, "cut off here: the rest of the message is missing")
	t.dns()
	l.page.table(t)
}

// recordType returns the type of record that a message asks for, or answers.
func recordType(m *probe.DNSMessage) string {
	if m.Type == "" {
		return "A"
	}
	return m.Type
}

// familyOf returns the family of the addresses in records of that type (RFC 1035 3.4.1, RFC 3596 2.1).
func familyOf(m *probe.DNSMessage) string {
	if m.Type == "AAAA" {
		return "IPv6"
	}
	return "IPv4"
}

// server writes the address of a DNS server.
func server(m *probe.DNSMessage) string {
	switch {
	case !m.Server.IsValid():
		return "the server"
	case m.Server.Port() == 53:
		return m.Server.Addr().String()
	}
	return m.Server.String()
}

// transport says what carries a query, of which we see no octet.
func transport(m *probe.DNSMessage) string {
	local := ""
	if m.Local.IsValid() {
		local = fmt.Sprintf(" of port %d", m.Local.Port())
	}
	if m.Transport == "tcp" {
		return fmt.Sprintf("It left by a TCP socket%s, whose headers are the kernel's, with its length in two octets in front (RFC 1035 4.2.2).", local)
	}
	return fmt.Sprintf("It left by a UDP socket%s: the kernel writes the headers of UDP, 8 octets (RFC 768), and IPv4, 20 (RFC 791 3.1). Ours is the message.", local)
}
