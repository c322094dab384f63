package target

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// longestLine is how long a line of a file may be up to its comment, in octets: a name has at most 253.
const longestLine = 4096

var (
	errLongLine = fmt.Errorf("it is longer than %d octets", longestLine)
	errUTF16    = errors.New("the file is UTF-16: save it as UTF-8")
)

// byteOrderMark is what editors put in front of a file to say that it is UTF-8.
var byteOrderMark = []byte("\ufeff")

// isUTF16 reports whether octets begin with a byte order mark in UTF-16, of either order.
func isUTF16(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
}

// lineReader reads the lines of a file without comments, blank lines, and blanks around. A comment may be of any length.
type lineReader struct {
	r      *bufio.Reader
	number int // of the line that next returned last, or found wrong
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, longestLine)}
}

// next returns the next line in which something stands; after the last the error is io.EOF.
func (l *lineReader) next() (string, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return "", io.EOF
		}
		l.number++
		if l.number == 1 {
			if isUTF16(line) {
				return "", errUTF16
			}
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		content, _, comment := bytes.Cut(line, []byte("#"))
		found := string(bytes.TrimSpace(content))
		if errors.Is(err, bufio.ErrBufferFull) && !comment {
			return "", errLongLine
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.r.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return "", err
		}
		if found != "" {
			return found, nil
		}
	}
}
