package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
)

// Group is targets with the same labels.
type Group struct {
	Targets []target.Target
	Labels  []Label // by name
}

// Label is one that a source gives to its targets. Those that Prometheus keeps for itself, whose names begin with two underscores, are
// left out.
type Label struct{ Name, Value string }

// LineError is what is wrong in a line of a source.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error returns a line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// located is something with the line where it stands.
type located[T any] struct {
	is   T
	line int
}

// written is a group as it is written.
type written struct {
	targets []located[string]
	labels  map[string]located[string]
}

// compile reads what stands in groups, of which there may be no more than most targets.
func compile(groups []written, most int) ([]Group, error) {
	var all []Group
	for _, w := range groups {
		labels, err := labelsOf(w.labels)
		if err != nil {
			return nil, err
		}
		g := Group{Labels: labels}
		for _, name := range w.targets {
			found, err := expand(name.is, most)
			if err != nil {
				return nil, &LineError{name.line, err}
			}
			most -= len(found)
			g.Targets = append(g.Targets, found...)
		}
		all = append(all, g)
	}
	return all, nil
}

// errTooMany is that there are more targets than are allowed.
var errTooMany = errors.New("there are more targets than are allowed")

// expand returns the targets that one string stands for, each address of a prefix with each port of a list, unless there are more than most.
func expand(s string, most int) (found []target.Target, err error) {
	list, err := target.Open(context.Background(), []string{s}, "", nil, 0)
	if err != nil {
		return nil, err
	}
	if list.Len() > most {
		return nil, errTooMany
	}
	for t, ok := list.Next(); ok; t, ok = list.Next() {
		found = append(found, t)
	}
	return found, nil
}

// labelsOf returns the labels of a group.
func labelsOf(all map[string]located[string]) (labels []Label, err error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := all[name]
		switch {
		case !isLabelName(name):
			return nil, &LineError{value.line, fmt.Errorf("%s is no name for a label", text.Printable(name))}
		case !utf8.ValidString(value.is):
			return nil, &LineError{value.line, fmt.Errorf("the value of label %s is not UTF-8", name)}
		case strings.HasPrefix(name, "__") || value.is == "":
			continue // which Prometheus takes for none
		}
		labels = append(labels, Label{name, value.is})
	}
	return labels, nil
}

// isLabelName reports whether a label may have a name.
func isLabelName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
