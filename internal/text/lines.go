package text

import "strings"

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
// the given text, the others are indented. A text stays in one line; what is longer than one is wrapped, and nothing is cut.
func Fill(begin string, indent, gap int, texts []string) []string {
	var lines []string
	line, space := begin, ""
	for _, text := range texts {
		if Columns(line)+len(space)+Columns(text) <= Width {
			line += space + text
			space = strings.Repeat(" ", gap)
			continue
		}
		if len(line) > indent || strings.TrimSpace(line) != "" {
			lines = append(lines, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", indent)
		}
		for i, part := range Wrap(text, Width-indent) {
			if i > 0 {
				lines = append(lines, line)
				line = strings.Repeat(" ", indent)
			}
			line += part
		}
		space = strings.Repeat(" ", gap)
	}
	return append(lines, strings.TrimRight(line, " "))
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
