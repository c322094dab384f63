package display

import (
	"io"
	"strings"
	"time"

	"tcpprobe/internal/text"
)

// stamped writes the time of day in front of each line, which is that of the writing, and folds what has no room beside it.
type stamped struct {
	w     io.Writer
	style text.Style
}

// Write writes whole lines.
func (s stamped) Write(b []byte) (int, error) {
	stamp := s.style.TimeOfDay(time.Now()) + " "
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		for _, folded := range text.Fold(strings.TrimSuffix(line, "\n"), text.Width-len(stamp)) {
			out.WriteString(stamp)
			out.WriteString(folded)
			out.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(s.w, out.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Unwrap returns the writer below.
func (s stamped) Unwrap() io.Writer { return s.w }

// Stamp returns the writer for lines of text on an output.
func (o Options) Stamp(w io.Writer) io.Writer {
	if !o.Timestamps || o.JSON {
		return w
	}
	return stamped{w, o.Style.Style}
}
