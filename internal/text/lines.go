package text

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks text into lines of at most so many columns, two at least: between words, or within those that are longer
// than a line.
func Wrap(s string, columns int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(s) {
		n := Columns(word)
		switch {
		case line == "":
		case used+1+n <= columns:
			line += " "
			used++
		default:
			lines = append(lines, line)
			line, used = "", 0
		}
		for ; used+n > columns; n = Columns(word) { // only where the line is empty
			end := head(word, max(columns, 2))
			lines = append(lines, word[:end])
			word = word[end:]
		}
		line += word
		used += n
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Fill sets texts one after the other, so many spaces between them, in lines of Width columns. The first line begins with
// the given text, the others are indented. A text stays in one line; what is longer than one is shortened.
func (st Style) Fill(begin string, indent, gap int, texts []string) []string {
	var lines []string
	line := begin
	for i, text := range texts {
		text = st.Shorten(text, Width-indent)
		space := strings.Repeat(" ", gap)
		if i == 0 {
			space = ""
		}
		if Columns(line)+len(space)+Columns(text) <= Width {
			line += space + text
			continue
		}
		lines = append(lines, strings.TrimRight(line, " "))
		line = strings.Repeat(" ", indent) + text
	}
	return append(lines, strings.TrimRight(line, " "))
}

// Shorten takes out of the middle of s what is more than n columns, and puts dots there.
func (st Style) Shorten(s string, n int) string {
	if Columns(s) <= n {
		return s
	}
	dots := st.Glyph("…", "...")
	keep := max(n-Columns(dots), 0)
	return s[:head(s, (keep+1)/2)] + dots + s[tail(s, keep/2):]
}

// Cut takes from the end of s what is more than n columns, and puts dots there.
func (st Style) Cut(s string, n int) string {
	if Columns(s) <= n {
		return s
	}
	dots := st.Glyph("…", "...")
	return s[:head(s, max(n-Columns(dots), 0))] + dots
}

// head returns how many octets at the beginning of s take at most n columns, with the marks that combine with the last of
// their characters.
func head(s string, n int) int {
	for i, r := range s {
		if n -= runeColumns(r); n < 0 {
			return i
		}
	}
	return len(s)
}

// tail returns where in s its end begins that takes at most n columns. It does not begin with a mark that combines with
// what stands before.
func tail(s string, n int) int {
	begin := len(s)
	for i := len(s); i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
		columns := runeColumns(r)
		if n -= columns; n < 0 {
			break
		}
		if columns > 0 {
			begin = i
		}
	}
	return begin
}
