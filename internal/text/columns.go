package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Width is how many columns a line may take.
const Width = 80

// Columns returns how many columns a terminal gives to s: two for the wide characters of East Asia (Unicode Standard Annex
// 11), none for marks that combine with the character before them, and one for all others. Characters that do not print
// are taken for one; [Printable] escapes them.
func Columns(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return i + columnsOf(s[i:])
		}
	}
	return len(s)
}

// columnsOf is Columns for text that is not all ASCII.
func columnsOf(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns returns how many columns a character takes.
func runeColumns(r rune) int {
	switch {
	case r < utf8.RuneSelf, r >= firstArrow && r <= lastArrow:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me), r >= firstJoiningJamo && r <= lastJoiningJamo:
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// The arrows, which most lines have, are known to be narrow without looking them up.
const (
	firstArrow = 0x2190
	lastArrow  = 0x21ff
)

// The vowels and final consonants of Hangul stand in the same two columns as the consonant before them.
const (
	firstJoiningJamo = 0x1160
	lastJoiningJamo  = 0x11ff
)

// PadRight appends spaces to s up to n columns.
func PadRight(s string, n int) string { return s + strings.Repeat(" ", max(n-Columns(s), 0)) }

// PadLeft puts spaces before s up to n columns.
func PadLeft(s string, n int) string { return strings.Repeat(" ", max(n-Columns(s), 0)) + s }
