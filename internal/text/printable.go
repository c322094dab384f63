package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s with everything escaped that a terminal may take for more than text: control characters of ASCII
// and of ISO 6429 (C1), marks that reorder the line, other characters that do not print, and octets that are not UTF-8.
// They become \x1b, \u202e or \U000e0001. What was received or typed by someone is printed through it.
func Printable(s string) string { return escape(s, true) }

// Printable is the function of that name, which without UTF8 escapes all that is not ASCII, too.
func (st Style) Printable(s string) string { return escape(s, st.UTF8) }

// escape writes what does not print, and what is not ASCII unless it may be extended, as escapes.
func escape(s string, extended bool) string {
	var b strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < utf8.RuneSelf && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) && (extended || r < utf8.RuneSelf):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}
