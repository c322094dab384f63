package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Schema is the name and version of what JSON writes. Within a version fields are added, and none is renamed or taken
// away.
const Schema = "tcpprobe/1"

// JSON writes results as JSON, one object to a line. Package docs holds its schema.
type JSON struct {
	w     io.Writer
	brief bool
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

// NewBriefJSON returns a JSON that leaves the segments of handshakes out.
func NewBriefJSON(w io.Writer) *JSON { return &JSON{w: w, brief: true} }

// write writes a line. Every character in it is printable: the others are escaped, whoever sent them.
func (j *JSON) write(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := j.w.Write(escapeJSON(b.Bytes()))
	return err
}

// escapeJSON escapes what encoding/json leaves as it is although it does not print: DEL, C1 control characters, marks
// that reorder the line, and the like. They can stand only in strings.
func escapeJSON(line []byte) []byte {
	if !slices.ContainsFunc(line, func(c byte) bool { return c < ' ' && c != '\n' || c > '~' }) {
		return line
	}
	var b []byte
	for rest := line; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == '\n' || unicode.IsPrint(r) { // a line feed can stand only at the end
			b = append(b, rest[:size]...)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, `\u%04x`, unit)
			}
		}
		rest = rest[size:]
	}
	return b
}
