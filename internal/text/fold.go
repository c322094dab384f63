package text

import (
	"strings"
)

// Where a line goes on that is folded: behind the columns of a ladder, or a little behind its own beginning.
const (
	foldedLadder = 21
	foldedLine   = 2
)

// ladderIndent is how far lines are indented that say more about a row of a ladder.
const ladderIndent = 11

// Fold breaks a line that takes more than so many columns into several that do not. Room is made first by what was only to
// align. No word is broken unless it is longer than a line. Colors take no columns.
func Fold(line string, columns int) []string {
	if coloredColumns(line) <= columns {
		return []string{line}
	}
	begin := indent(line)
	hang := coloredColumns(line[:begin]) + foldedLine
	if begin >= ladderIndent || begin > 0 && line[begin] >= '0' && line[begin] <= '9' {
		hang = foldedLadder
	}
	var lines []string
	for line = squeeze(line); coloredColumns(line) > columns; {
		end, rest := breakAt(line, columns)
		lines = append(lines, strings.TrimRight(line[:end], " "))
		line = strings.Repeat(" ", min(hang, columns/2)) + rest
	}
	return append(lines, line)
}

// indent returns where in a line the first character is that shows.
func indent(line string) int {
	i := 0
	for i < len(line) {
		switch {
		case line[i] == ' ':
			i++
		case strings.HasPrefix(line[i:], "\x1b["):
			i += strings.IndexByte(line[i:]+"m", 'm') + 1
		default:
			return i
		}
	}
	return min(i, len(line)-1)
}

// squeeze makes two spaces of more, but for those at the beginning.
func squeeze(line string) string {
	begin, rest := line[:indent(line)], line[indent(line):]
	for strings.Contains(rest, "   ") {
		rest = strings.ReplaceAll(rest, "   ", "  ")
	}
	return begin + rest
}

// breakAt returns where a line ends that has so many columns at the most, and what follows there.
func breakAt(line string, columns int) (end int, rest string) {
	begin := indent(line)
	last := 0
	for i := begin; i < len(line); i++ {
		if line[i] != ' ' {
			continue
		}
		if coloredColumns(line[:i]) > columns {
			break
		}
		last = i
	}
	if last > begin {
		return last, strings.TrimLeft(line[last:], " ")
	}
	end = begin + head(line[begin:], max(columns-begin, 2))
	return end, line[end:]
}

// coloredColumns is Columns without the sequences of Paint.
func coloredColumns(s string) int {
	n := 0
	for {
		before, after, colored := strings.Cut(s, "\x1b[")
		n += Columns(before)
		if !colored {
			return n
		}
		_, s, _ = strings.Cut(after, "m")
	}
}
