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

var errLongLine = fmt.Errorf("it is longer than %d octets", longestLine)

// byteOrderMark is what editors put in front of a file to say that it is UTF-8.
var byteOrderMark = []byte("\ufeff")

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
