package spectator

import (
	"tcpprobe/tcphdr"
)

// A server that is short of room answers with SYN cookies (RFC 4987 3.6), and remembers nothing. Linux then keeps the client's
// options in the lowest six bits of the time stamp of its SYN-ACK: the shift of the window, whether SACK is permitted, and ECN. One
// such time stamp may be chance, once in 64; several in a row are a hint.
const (
	cookieBits   = 0x3f
	cookieScale  = 0x0f // what stands there for no window scale
	cookieSACK   = 0x10
	cookieECN    = 0x20
	cookiesInRow = 4 // of one server, until it counts

	maximumServers = 1 << 16 // that are remembered
)

// cookies is how many SYN-ACKs of a server in a row have looked like SYN cookies.
type cookies map[endpoint]uint8

// endpoint is an address and port.
type endpoint struct {
	address [16]byte
	port    uint16
}

// look looks at the SYN-ACK of an attempt.
func (c cookies) look(a *attempt) {
	v := &a.sides[server]
	key := endpoint{v.address, v.port}
	tsval, _, ok := tcphdr.Options(v.options[:v.length]).Timestamps()
	if !ok || !a.sides[client].synSeen || tsval&cookieBits != cookieOf(a.sides[client].header()) {
		delete(c, key)
		return
	}
	if len(c) >= maximumServers {
		clear(c)
	}
	row := min(c[key]+1, cookiesInRow)
	if c[key] = row; row == cookiesInRow {
		a.find(synCookies)
	}
}

// cookieOf returns the bits that stand for the options of a SYN.
func cookieOf(syn tcphdr.Header) uint32 {
	bits := uint32(cookieScale)
	if shift, ok := syn.Options.WindowScale(); ok {
		bits = uint32(shift) & cookieScale
	}
	if syn.Options.SACKPermitted() {
		bits |= cookieSACK
	}
	if syn.Flags.Has(tcphdr.ECE | tcphdr.CWR) {
		bits |= cookieECN
	}
	return bits
}
