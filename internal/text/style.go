package text

import "time"

// Style is what the terminal, or whoever reads the text, understands.
type Style struct {
	Color bool           // SGR sequences; they add to words that carry the meaning already
	UTF8  bool           // arrows and other characters beyond ASCII
	Zone  *time.Location // of times of day; nil is UTC
}

// TimeOfDay writes the time of day, to the millisecond: "14:03:22.120".
func (st Style) TimeOfDay(t time.Time) string {
	zone := st.Zone
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(time.TimeOnly + ".000")
}

// Glyph returns one or the other spelling of the same thing.
func (st Style) Glyph(utf8, ascii string) string {
	if st.UTF8 {
		return utf8
	}
	return ascii
}

// Direction is which way a packet went.
type Direction uint8

// The directions, as seen from this host.
const (
	Nowhere Direction = iota // no packet
	Out
	In
	Silence // a packet was waited for and did not come
)

// Arrow returns the three columns that say which way.
func (st Style) Arrow(d Direction) string {
	switch d {
	case Out:
		return st.Glyph("──▶", "-->")
	case In:
		return st.Glyph("◀──", "<--")
	case Silence:
		return st.Glyph(" ✗ ", " x ")
	}
	return "   "
}

// Color is what Select Graphic Rendition (ECMA-48) calls for.
type Color string

// The colors, and what counts as one.
const (
	Plain  Color = ""
	Bold   Color = "1"
	Dim    Color = "2"
	Red    Color = "31"
	Green  Color = "32"
	Yellow Color = "33"
)

// Paint colors s, if the style asks for it.
func (st Style) Paint(c Color, s string) string {
	if !st.Color || s == "" || c == Plain {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}
