package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"tcpprobe/probe"
)

// schema is what the lines are of.
const schema = "tcpprobe/1"

// ErrNoRecording is the error for what are no JSON lines of handshakes.
var ErrNoRecording = errors.New("this is no recording of handshakes in JSON lines")

// longestLine is how many octets a line has at the most.
const longestLine = 1 << 20

// Read reads the results of all handshakes, in the order of the lines. Lines about other things are passed over. A last line that was not
// written to its end does no harm.
func Read(r io.Reader) ([]*probe.Result, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), longestLine)
	var all []*probe.Result
	var broken error
	for number := 1; lines.Scan(); number++ {
		if broken != nil {
			return nil, broken
		}
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		result, err := parse(line)
		if err != nil {
			broken = fmt.Errorf("line %d: %w", number, err)
			continue
		}
		if result != nil {
			all = append(all, result)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line is longer than %d octets: %w", longestLine, ErrNoRecording)
	} else if err != nil {
		return nil, err
	}
	switch {
	case len(all) == 0 && broken != nil:
		return nil, broken
	case len(all) == 0:
		return nil, ErrNoRecording
	}
	return all, nil
}

// parse returns the result that a line holds; nil for a line about something else.
func parse(line []byte) (*probe.Result, error) {
	var kind struct{ Schema, Type string }
	if err := json.Unmarshal(line, &kind); err != nil || kind.Schema != schema {
		return nil, ErrNoRecording
	}
	if kind.Type != "probe" {
		return nil, nil
	}
	var p probeLine
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRecording, err)
	}
	return p.result()
}
