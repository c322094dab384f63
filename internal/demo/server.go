//go:build linux

package demo

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/resolver"
)

// serveTCP accepts connections, reads what comes, and closes when the peer does, until the listener is closed.
func serveTCP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			io.Copy(io.Discard, conn)
			conn.Close()
		}()
	}
}

// domain is where the name server of the demo knows every name.
const domain = "demo.test."

// maxPayload is the largest message by UDP that the server takes or gives, in octets: that of RFC 1035 2.3.4.
const maxPayload = 512

// serveDNS answers queries from the names of the demo, until the socket is closed.
func serveDNS(conn net.PacketConn) {
	var buffer [maxPayload]byte
	for {
		n, from, err := conn.ReadFrom(buffer[:])
		if err != nil {
			return
		}
		if answer, ok := answerTo(buffer[:n]); ok {
			conn.WriteTo(answer, from) // if that fails the client asks again
		}
	}
}

// answerTo returns the answer to a query, or not ok if it cannot be understood.
func answerTo(query []byte) (answer []byte, ok bool) {
	var q dnsmessage.Message
	if err := q.Unpack(query); err != nil || q.Response || q.OpCode != 0 || len(q.Questions) != 1 {
		return nil, false
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.ID, Response: true, RecursionDesired: q.RecursionDesired, Authoritative: true},
		Questions: q.Questions,
	}
	question := q.Questions[0]
	name := strings.ToLower(question.Name.String())
	records, known := recordsOf(name, question.Type)
	switch {
	case known && question.Class == dnsmessage.ClassINET:
		for _, r := range records {
			header := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: r})
		}
	case known || name == domain: // but no record of that type
	case strings.HasSuffix(name, "."+domain):
		m.RCode = dnsmessage.RCodeNameError
	default:
		m.Authoritative, m.RCode = false, dnsmessage.RCodeRefused
	}
	// A query with an OPT record is answered with one (RFC 6891 6.1.1).
	if slices.ContainsFunc(q.Additionals, func(r dnsmessage.Resource) bool { return r.Header.Type == dnsmessage.TypeOPT }) {
		opt := dnsmessage.Resource{Body: &dnsmessage.OPTResource{}}
		if err := opt.Header.SetEDNS0(maxPayload, m.RCode, false); err != nil {
			return nil, false
		}
		m.Additionals = []dnsmessage.Resource{opt}
	}
	answer, err := m.Pack()
	return answer, err == nil
}

// recordsOf returns the records of a type that a name in lower case, with its last dot, has on the demo's network. It is not
// known if there is no such name.
func recordsOf(name string, kind dnsmessage.Type) (records []dnsmessage.ResourceBody, known bool) {
	if pointer, ok := pointerOf(name); ok {
		if kind == dnsmessage.TypePTR {
			records = append(records, &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(pointer)})
		}
		return records, true
	}
	for _, n := range names {
		if name != n.name+"." {
			continue
		}
		for _, text := range n.addresses {
			switch a := netip.MustParseAddr(text); {
			case a.Is4() && kind == dnsmessage.TypeA:
				records = append(records, &dnsmessage.AResource{A: a.As4()})
			case a.Is6() && kind == dnsmessage.TypeAAAA:
				records = append(records, &dnsmessage.AAAAResource{AAAA: a.As16()})
			}
		}
		return records, true
	}
	return nil, false
}

// pointerOf returns the name, with its last dot, of the address that a name in lower case stands for in in-addr.arpa or ip6.arpa.
func pointerOf(name string) (string, bool) {
	pointers := map[string]string{
		clientAddress: "client", "10.1.0.1": "router1", "10.2.0.1": "router1", "10.2.0.2": "router2", "10.3.0.1": "router2", "10.4.0.1": "router2",
		"10.9.0.1": "router1", "2001:db8:1::1": "router1", "2001:db8:2::2": "router2",
	}
	for address, host := range pointers {
		if name == resolver.ReverseName(netip.MustParseAddr(address))+"." {
			return host + "." + domain, true
		}
	}
	for _, n := range names {
		for _, address := range n.addresses {
			if name == resolver.ReverseName(netip.MustParseAddr(address))+"." {
				return n.name + ".", true
			}
		}
	}
	return "", false
}
