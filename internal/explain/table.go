package explain

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/internal/text"
)

// row is a run of octets and what it means.
type row struct {
	layer   string
	at      int // offset of the first octet in the packet
	octets  []byte
	meaning string
	source  string // the RFC and its section, such as "9293 3.1"
	color   text.Color
}

// table explains a packet from its first octet to its last, each of which stands in one row.
type table struct {
	octets    []byte
	base      int // where the DNS message begins, from which its pointers count
	at        int // the next octet to be explained
	end       int // of the part that is being explained
	layer     string
	ends      string // what to say if that part ends too early
	rows      []row
	printable func(string) string

	quoted   []byte // our datagram that the packet quotes, as it was sent; nil if there is none
	original []byte // the same while the quote is explained
	quoteAt  int    // where the quote begins

	scale        int // shift of the sender's windows, -1 if there is none or it is not known
	ours         bool
	checksumFrom string // what is known of the TCP checksum beyond the octets, "" for nothing
}

// field is a part of a header that is so many octets long.
type field struct {
	size   int
	source string
	say    func(b []byte) string
}

// fixed returns what a field says whose value has no meaning.
func fixed(s string) func([]byte) string { return func([]byte) string { return s } }

// rest returns the octets of the part that have not been explained.
func (t *table) rest() []byte { return t.octets[t.at:t.end] }

// add explains the next n octets.
func (t *table) add(n int, source, format string, args ...any) *row {
	t.rows = append(t.rows, row{
		layer: t.layer, at: t.at, octets: t.octets[t.at : t.at+n], source: source, meaning: fmt.Sprintf(format, args...),
	})
	t.at += n
	return &t.rows[len(t.rows)-1]
}

// odd explains the next n octets as something that should not be.
func (t *table) odd(n int, source, format string, args ...any) {
	t.add(n, source, format, args...).color = text.Red
}

// fields explains the next octets field by field. It reports whether they were all there; if not, the octets end with
// those that are there.
func (t *table) fields(fields ...field) bool {
	for _, f := range fields {
		if len(t.rest()) < f.size {
			t.odd(len(t.rest()), "", "%s", t.ends)
			return false
		}
		b := t.rest()[:f.size]
		meaning := f.say(b)
		if original := t.originalOf(f.size); original != nil && !bytes.Equal(original, b) {
			meaning += "; as it left us: " + f.say(original)
		}
		t.add(f.size, f.source, "%s", meaning)
	}
	return true
}

// originalOf returns the next n octets of a quote as they were sent; nil if that is not known.
func (t *table) originalOf(n int) []byte {
	from := t.at - t.quoteAt
	if t.original == nil || from < 0 || from+n > len(t.original) {
		return nil
	}
	return t.original[from : from+n]
}

// within explains the next n octets, or as many as there are, as a part by itself. What explain leaves of them is shown
// as it is.
func (t *table) within(n int, explain func()) {
	end := t.end
	t.end = min(t.at+n, end)
	explain()
	if n := len(t.rest()); n > 0 {
		t.odd(n, "", "not explained by what comes before")
	}
	t.end = end
}

// The columns of a table, counted from 0.
const (
	offsetColumns  = 13 // with the layer before it
	octetsColumn   = 15
	meaningColumn  = 34
	meaningColumns = text.Width - meaningColumn
	octetsInLine   = 6
)

// table adds a table.
func (p *page) table(t *table) {
	if len(t.rows) > 0 {
		p.Line("")
	}
	layer := ""
	for i := range t.rows {
		r := &t.rows[i]
		name := r.layer
		if name == layer {
			name = ""
		}
		layer = r.layer
		p.row(r, name)
	}
}

// row adds a row in as many lines as it takes, with the source at the right edge of the last line of the meaning.
func (p *page) row(r *row, layer string) {
	meaning := text.Wrap(r.meaning, meaningColumns)
	if meaning == nil {
		meaning = []string{""}
	}
	last := len(meaning) - 1
	if room := meaningColumns - 2 - len(r.source); r.source != "" && text.Columns(meaning[last]) > room {
		meaning = append(meaning[:last], text.Wrap(meaning[last], room)...)
		last = len(meaning) - 1
	}
	chunks := slices.Collect(slices.Chunk(r.octets, octetsInLine))
	for i := range max(len(chunks), len(meaning)) {
		begin := fmt.Sprintf("%-*s", offsetColumns, layer)
		octets := ""
		if i < len(chunks) {
			begin = fmt.Sprintf("%-8s%5d", layer, r.at+i*octetsInLine)
			octets = fmt.Sprintf("% x", chunks[i])
		}
		layer = ""
		line := fmt.Sprintf("%-*s%-*s", octetsColumn, begin, meaningColumn-octetsColumn, octets)
		if i < len(meaning) {
			line += p.Paint(r.color, meaning[i])
		}
		if i == last && r.source != "" {
			room := meaningColumns - text.Columns(meaning[i]) - len(r.source)
			line += strings.Repeat(" ", room) + p.Paint(text.Dim, r.source)
		}
		p.Line(strings.TrimRight(line, " "))
	}
}

// u16 and u32 read a number in network byte order; address and mac read what they are named after.
func u16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// address reads an address of 4 or 16 octets.
func address(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

func mac(b []byte) string { return strings.ReplaceAll(fmt.Sprintf("% x", b), " ", ":") }
