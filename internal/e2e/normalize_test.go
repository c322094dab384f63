//go:build linux

package e2e_test

import (
	"regexp"
	"slices"
	"strings"
)

// A replacement puts a placeholder in the place of what differs from run to run.
type replacement struct {
	pattern *regexp.Regexp
	with    string
}

func replace(pattern, with string) replacement { return replacement{regexp.MustCompile(pattern), with} }

func replaceAll(text string, replacements []replacement) string {
	for _, r := range replacements {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return text
}

// normalize replaces times, sequence numbers, time stamps, identifications, checksums and the ports that the kernel chooses by
// placeholders, and undoes the wrapping of lines that depends on how long they are. Where the order of lines is that in which
// handshakes end, it sorts them.
func normalize(text string, unordered bool) string {
	switch {
	case strings.HasPrefix(text, "{"):
		text = replaceAll(text, inJSON)
	case strings.HasPrefix(text, "Left: the offset"):
		text = replaceAll(unwrapLesson(text), slices.Concat(inLesson, inText))
	default:
		text = replaceAll(padded.ReplaceAllStringFunc(unwrap(text), placeholder), inText)
	}
	if unordered {
		lines := strings.SplitAfter(text, "\n")
		slices.Sort(lines)
		text = strings.Join(lines, "")
	}
	return text
}

// kernelPort is a port out of net.ipv4.ip_local_port_range.
const kernelPort = `(?:3[2-9]|4\d|5\d|60)\d{3}`

// span is how long something took, with a unit that depends on it.
var span = replace(`\b(in) [\d.]+ ?m?s\b`, `$1 T`)

// inJSON are the replacements in lines of JSON.
var inJSON = []replacement{
	replace(`"(time|outage_start)":"[^"]*"`, `"$1":"T"`),
	replace(`_ns":-?\d+`, `_ns":T`),
	replace(`"(min|avg|max|mdev|p50|p90|p99)":\d+`, `"$1":T`),
	replace(`"(seq|ack)":\d{5,}`, `"$1":N`),
	replace(`"val":\d+`, `"val":N`),
	replace(`"ecr":[1-9]\d*`, `"ecr":N`),
	replace(`"local":"([0-9.]+):`+kernelPort+`"`, `"local":"$1:PORT"`),
	span,
	replace(`\b\d+\.\d{3} ms`, `T ms`),
}

// padded is a time in a column: blanks stand before it, and what begins a color.
var padded = regexp.MustCompile(`(?m)(^ *| {2,})(\x1b\[\d+m *)?\d+\.\d{3}\b`)

// placeholder is as wide as what it replaces, so that columns stay.
func placeholder(column string) string {
	digits := len(column) - len(strings.TrimRight(column, "0123456789."))
	return column[:len(column)-digits] + strings.Repeat(" ", digits-1) + "T"
}

// inText are the replacements in all that is not JSON.
var inText = []replacement{
	replace(`(?m)^(?:ok|no|  )  ((?:file capability|user|no_new_privs|name servers|source ports|user namespaces) ) .*$`, `--  $1 as this machine has it`),
	span,
	replace(`\bfrom \d\d:\d\d:\d\d\.\d{3}\b`, `from TIME`),
	replace(`\b\d+\.\d{3}\b`, `T`),
	replace(`\b\d+(\.\d)? (ms|s)\b`, `T`),
	replace(`=\d+\.\d{6}s;`, `=T;`),
	replace(`\d{4}-\d\d-\d\d \d\d:\d\d:T UTC`, `TIME UTC`),
	replace(`\b(id|ID|Identification) [1-9]\d*`, `$1 N`),
	replace(`\b(seq|ack) \d{5,}`, `$1 N`),
	replace(`\bts val \d+`, `ts val N`),
	replace(`\becr [1-9]\d*`, `ecr N`),
	replace(`\b([cC]hecksum) 0x[0-9a-f]{4}`, `$1 0xN`),
	replace(`\bport `+kernelPort, `port PORT`),
	replace(`\b(10\.1\.0\.2|127\.0\.0\.1):`+kernelPort, `$1:PORT`),
	replace(`(ports(?: PORT)*) `+kernelPort, `$1 PORT`),
	replace(`(ports(?: PORT)*) `+kernelPort, `$1 PORT`),
	replace(`(ports(?: PORT)*) `+kernelPort, `$1 PORT`),
	replace(`(ports(?: PORT)*) `+kernelPort, `$1 PORT`),
}

// continued is the beginning of a line that goes on with the one before: in the columns of what -v says, or with the times in
// brackets of a verdict.
var continued = regexp.MustCompile(`\n {21,}|\n  \(`)

func unwrap(text string) string {
	return continued.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasSuffix(s, "(") {
			return "  ("
		}
		return " "
	})
}

// A row of a lesson: the layer, the offset, octets, and what they mean.
var row = regexp.MustCompile(`^[a-z A-Z0-9]{9,11} +\d+  [0-9a-f]{2}( |$)`)

// unwrapLesson joins the lines of each paragraph and of each row, and leaves single blanks in them.
func unwrapLesson(text string) string {
	var lines []string
	prose := false // whether the last line is prose, which the next may continue
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		fresh := line != "" && !strings.HasPrefix(line, " ") && !row.MatchString(line)
		switch {
		case strings.HasPrefix(line, strings.Repeat(" ", 34)) && len(lines) > 0, fresh && prose:
			lines[len(lines)-1] += " " + line
		default:
			lines = append(lines, line)
		}
		prose = fresh
	}
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// inLesson are the replacements in what --explain says.
var inLesson = []replacement{
	replace(`(?m)^((?:[A-Za-z]\w* )?\d+ )(?:[0-9a-f]{2} )+((?:ID|Identification|Sequence Number|Acknowledgment Number|TSval|TSecr) [1-9])`, `${1}OCTETS $2`),
	replace(`(?m)^((?:[A-Za-z]\w* )?\d+ )(?:[0-9a-f]{2} )+((?:Header )?Checksum 0x)`, `${1}OCTETS $2`),
	replace(`(?m)^(?:fold .*\n)*invert `, `invert `), // there is no carry, one, or two
	replace(`(?m)^(words|pseudo|invert|field) .*$`, `$1 SUM`),
	replace(`(?m)^([0-9a-f]{4} )+sum [0-9a-f]+$`, `WORDS SUM`),
	replace(`\b[1-9]\d{5,9}\b`, `N`),
}
