package discovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"tcpprobe/internal/text"
)

// Parse reads the content of a file by the ending of its name: .json, .yml and .yaml are those of file_sd; anything else has a target a
// line, and # begins a comment. There may be no more than most targets. The error names the line that it is about, if it is about one.
func Parse(name string, content []byte, most int) ([]Group, error) {
	var groups []written
	var err error
	switch {
	case strings.HasSuffix(name, ".json"):
		groups, err = parseJSON(content)
	case strings.HasSuffix(name, ".yml"), strings.HasSuffix(name, ".yaml"):
		groups, err = parseYAML(content)
	default:
		groups, err = parseLines(content)
	}
	if err != nil {
		return nil, err
	}
	return compile(groups, most)
}

// ParseJSON reads what is told by HTTP: groups as in a file of file_sd.
func ParseJSON(content []byte, most int) ([]Group, error) {
	groups, err := parseJSON(content)
	if err != nil {
		return nil, err
	}
	return compile(groups, most)
}

// parseLines reads a target a line.
func parseLines(content []byte) ([]written, error) {
	var w written
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(content), "\ufeff")) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			w.targets = append(w.targets, located[string]{line, number})
		}
	}
	if len(w.targets) == 0 {
		return nil, errEmpty
	}
	return []written{w}, nil
}

// errEmpty is that there is nothing in a file, as while it is written. That there are no targets is said by an empty list.
var errEmpty = errors.New("there is no target in it")

// parseYAML reads the groups of file_sd in YAML, whose nodes know their lines.
func parseYAML(content []byte) ([]written, error) {
	d := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := d.Decode(&document); err == io.EOF {
		return nil, errEmpty
	} else if err != nil {
		return nil, errors.New(text.Printable(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, errors.New("there is a second document in it, and one is wanted")
	}
	list := document.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, &LineError{list.Line, errWantGroups}
	}
	var groups []written
	for _, node := range list.Content {
		g, err := groupOf(node)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// errWantGroups says what a file of file_sd is.
var errWantGroups = errors.New(`a list of groups is wanted, each with targets and labels`)

// groupOf returns the group that a node of YAML is.
func groupOf(n *yaml.Node) (w written, err error) {
	if n.Kind != yaml.MappingNode {
		return w, &LineError{n.Line, errWantGroups}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch key.Value {
		case "targets":
			if value.Kind != yaml.SequenceNode {
				return w, &LineError{value.Line, errors.New("targets is a list")}
			}
			for _, t := range value.Content {
				if t.Kind != yaml.ScalarNode {
					return w, &LineError{t.Line, errors.New("a target is HOST:PORT")}
				}
				w.targets = append(w.targets, located[string]{t.Value, t.Line})
			}
		case "labels":
			if value.Kind != yaml.MappingNode {
				return w, &LineError{value.Line, errors.New("labels are names with values")}
			}
			w.labels = make(map[string]located[string])
			for i := 0; i+1 < len(value.Content); i += 2 {
				name, is := value.Content[i], value.Content[i+1]
				if is.Kind != yaml.ScalarNode {
					return w, &LineError{is.Line, errors.New("the value of a label is a string")}
				}
				w.labels[name.Value] = located[string]{is.Value, is.Line}
			}
		default:
			return w, &LineError{key.Line, fmt.Errorf("there is no key %s here", text.Printable(key.Value))}
		}
	}
	return w, nil
}

// parseJSON reads the groups of file_sd in JSON.
func parseJSON(content []byte) ([]written, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	lineAt := func(offset int64) int {
		return 1 + bytes.Count(content[:min(offset, int64(len(content)))], []byte("\n"))
	}
	wrong := func(err error) error {
		at := d.InputOffset()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			at, err = int64(len(content)), errors.New("it ends in the middle")
		}
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			err = errWantGroups
		}
		return &LineError{lineAt(at), errors.New(text.Printable(strings.TrimPrefix(err.Error(), "json: ")))}
	}
	if begin, err := d.Token(); err != nil {
		return nil, wrong(err)
	} else if begin != json.Delim('[') {
		return nil, &LineError{lineAt(d.InputOffset()), errWantGroups}
	}
	var groups []written
	for d.More() {
		var g struct {
			Targets []string          `json:"targets"`
			Labels  map[string]string `json:"labels"`
		}
		from := d.InputOffset()
		if err := d.Decode(&g); err != nil {
			return nil, wrong(err)
		}
		groups = append(groups, locate(g.Targets, g.Labels, content[from:d.InputOffset()], lineAt(from)))
	}
	if _, err := d.Token(); err != nil {
		return nil, wrong(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &LineError{lineAt(d.InputOffset()), errors.New("there is more behind the list of groups")}
	}
	return groups, nil
}

// locate returns a group with the lines of what stands in it, of which the library knows nothing: each string is looked for in the octets
// of the group, behind the one before, and is taken for one of the line before if it is written in another way.
func locate(targets []string, labels map[string]string, octets []byte, line int) written {
	w := written{labels: make(map[string]located[string])}
	rest := octets
	for _, t := range targets {
		quoted, _ := json.Marshal(t)
		i := bytes.Index(rest, quoted)
		if i < 0 {
			rest = nil // nor is what comes behind it looked for, or this would take for ever
			i = 0
		}
		line += bytes.Count(rest[:i], []byte("\n"))
		rest = rest[i:]
		w.targets = append(w.targets, located[string]{t, line})
	}
	for name, value := range labels {
		w.labels[name] = located[string]{value, line}
	}
	return w
}
