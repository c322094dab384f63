package text

import (
	"bytes"
	"io"
	"time"
	"unicode/utf8"
)

// Duration writes a duration as Go does, but in ASCII: "412us", "1.5s".
func Duration(d time.Duration) string {
	s := []byte(d.String())
	return string(bytes.ReplaceAll(s, []byte("µs"), []byte("us")))
}

// ASCIIWriter returns a writer of text, line by line, that escapes what is not ASCII, whoever typed or sent it.
func ASCIIWriter(w io.Writer) io.Writer { return asciiWriter{w} }

type asciiWriter struct{ io.Writer }

// Write writes b, of which no character is cut in two.
func (w asciiWriter) Write(b []byte) (int, error) {
	if _, err := w.Writer.Write(ASCII(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Unwrap returns the writer below.
func (w asciiWriter) Unwrap() io.Writer { return w.Writer }

// ASCII returns text with what is not ASCII escaped, as Printable of a Style without UTF8 does. ASCII stays as it is, with its
// ends of lines and its colors.
func ASCII(b []byte) []byte {
	if !bytes.ContainsFunc(b, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return b
	}
	var escaped []byte
	for len(b) > 0 {
		n := bytes.IndexFunc(b, func(r rune) bool { return r >= utf8.RuneSelf })
		if n < 0 {
			n = len(b)
		}
		escaped = append(escaped, b[:n]...)
		if b = b[n:]; len(b) > 0 {
			_, size := utf8.DecodeRune(b)
			escaped = append(escaped, escape(string(b[:size]), false)...)
			b = b[size:]
		}
	}
	return escaped
}
