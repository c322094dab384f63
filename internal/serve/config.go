package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
)

// Config is what a configuration says.
type Config struct {
	Modules map[string]Module
	Allow   []Pattern // nil for none
	Watch   []Group   // targets that are probed continuously
}

// Group is targets that are watched alike.
type Group struct {
	Targets  []target.Target
	Labels   map[string]string // of all their metrics
	Module   string
	Interval time.Duration // 0: that of the command line
}

// configFile is a configuration as it is written.
type configFile struct {
	Modules map[string]moduleFile `yaml:"modules,omitempty"`
	Allow   []scalar              `yaml:"allow,omitempty"`
	Targets []groupFile           `yaml:"targets,omitempty"`
}

// moduleFile is a module as it is written, with the words of the blackbox exporter. What stands behind the names of other probers is not
// looked at: they are refused.
type moduleFile struct {
	Prober  scalar    `yaml:"prober,omitempty"`
	Timeout scalar    `yaml:"timeout,omitempty"`
	TCP     tcpFile   `yaml:"tcp,omitempty"`
	HTTP    yaml.Node `yaml:"http,omitempty"`
	DNS     yaml.Node `yaml:"dns,omitempty"`
	ICMP    yaml.Node `yaml:"icmp,omitempty"`
	GRPC    yaml.Node `yaml:"grpc,omitempty"`
	Unix    yaml.Node `yaml:"unix,omitempty"`
}

// tcpFile is the part of a module about the handshake. The first three are those of the blackbox exporter; what it does behind the
// handshake is refused.
type tcpFile struct {
	PreferredIPProtocol scalar    `yaml:"preferred_ip_protocol,omitempty"`
	IPProtocolFallback  scalar    `yaml:"ip_protocol_fallback,omitempty"`
	SourceIPAddress     scalar    `yaml:"source_ip_address,omitempty"`
	Send                scalar    `yaml:"send,omitempty"`
	Close               scalar    `yaml:"close,omitempty"`
	Retries             scalar    `yaml:"retries,omitempty"`
	SYN                 scalar    `yaml:"syn,omitempty"`
	ICMP                scalar    `yaml:"icmp,omitempty"`
	TTL                 scalar    `yaml:"ttl,omitempty"`
	DSCP                scalar    `yaml:"dscp,omitempty"`
	MSS                 scalar    `yaml:"mss,omitempty"`
	Window              scalar    `yaml:"window,omitempty"`
	QueryResponse       yaml.Node `yaml:"query_response,omitempty"`
	TLS                 yaml.Node `yaml:"tls,omitempty"`
	TLSConfig           yaml.Node `yaml:"tls_config,omitempty"`
}

// groupFile is targets as they are written, as in a file for file_sd.
type groupFile struct {
	Targets  []scalar          `yaml:"targets"`
	Labels   map[string]scalar `yaml:"labels,omitempty"`
	Module   scalar            `yaml:"module,omitempty"`
	Interval scalar            `yaml:"interval,omitempty"`
}

// scalar is a value with its place, so that what is wrong with it can be found.
type scalar struct {
	text string
	line int // from 1; 0 if it is not there
}

// UnmarshalYAML takes a scalar.
func (s *scalar) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return &LineError{n.Line, errors.New("a single value is wanted here, no list and no keys")}
	}
	s.text, s.line = n.Value, n.Line
	return nil
}

// MarshalYAML returns the value.
func (s scalar) MarshalYAML() (any, error) { return s.text, nil }

// IsZero reports whether the value is not there.
func (s scalar) IsZero() bool { return s.line == 0 }

// wrong returns an error about the value, if there is one.
func (s scalar) wrong(err error) error {
	if err == nil {
		return nil
	}
	return &LineError{s.line, err}
}

// LineError is what is wrong in a line of a configuration.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error returns a line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// ParseConfig reads a configuration. An empty one has the modules that there are without one. The error is one line, which names the line
// of the configuration that it is about.
func ParseConfig(content []byte) (Config, error) {
	var file configFile
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && err != io.EOF {
		return Config{}, tidyYAML(err)
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return Config{}, errors.New("there is a second document in it, and one is wanted")
	}
	c := Config{Modules: builtIn()}
	if file.Modules != nil {
		c.Modules = make(map[string]Module)
	}
	for _, name := range slices.Sorted(maps.Keys(file.Modules)) {
		compiled, err := file.Modules[name].compile()
		if wrong, ok := errors.AsType[*LineError](err); ok {
			return Config{}, &LineError{wrong.Line, fmt.Errorf("module %s: %w", text.Printable(name), wrong.Err)}
		}
		c.Modules[name] = compiled
	}
	for _, s := range file.Allow {
		p, err := ParsePattern(s.text)
		if err != nil {
			return Config{}, s.wrong(err)
		}
		c.Allow = append(c.Allow, p)
	}
	for _, g := range file.Targets {
		group, err := g.compile(c.Modules)
		if err != nil {
			return Config{}, err
		}
		c.Watch = append(c.Watch, group)
	}
	return c, nil
}

// compile reads what stands in a group.
func (g groupFile) compile(modules map[string]Module) (Group, error) {
	group := Group{Module: defaultModule, Labels: make(map[string]string)}
	for _, s := range g.Targets {
		t, err := target.Parse(s.text)
		if err != nil {
			return group, s.wrong(err)
		}
		group.Targets = append(group.Targets, t)
	}
	for name, value := range g.Labels {
		if !labelName.MatchString(name) || strings.HasPrefix(name, "__") || slices.Contains(reservedLabels, name) {
			return group, value.wrong(fmt.Errorf("%s is no name for a label", text.Printable(name)))
		}
		group.Labels[name] = value.text
	}
	if !g.Module.IsZero() {
		group.Module = g.Module.text
	}
	if _, ok := modules[group.Module]; !ok {
		line := g.Module
		if line.IsZero() && len(g.Targets) > 0 {
			line = g.Targets[0]
		}
		return group, line.wrong(fmt.Errorf("there is no module %s", text.Printable(group.Module)))
	}
	if !g.Interval.IsZero() {
		d, err := parseDuration(g.Interval.text)
		if err == nil && d <= 0 {
			err = errors.New("interval must be more than 0")
		}
		if err != nil {
			return group, g.Interval.wrong(err)
		}
		group.Interval = d
	}
	return group, nil
}

// labelName is what a label of Prometheus may be called.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// reservedLabels are those that the metrics of targets have anyway.
var reservedLabels = []string{"target", "outcome", "finding", "phase", "le"}

// unknownKey is how the library says that a key is not known.
var unknownKey = regexp.MustCompile(`^line (\d+): field (.*) not found in type .*$`)

// tidyYAML rewords an error of the library: one line, without the names of types of Go.
func tidyYAML(err error) error {
	if line, ok := errors.AsType[*LineError](err); ok {
		return line
	}
	said := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:"))
	said, _, _ = strings.Cut(said, "\n")
	if m := unknownKey.FindStringSubmatch(said); m != nil {
		return fmt.Errorf("line %s: there is no key %s here", m[1], text.Printable(m[2]))
	}
	said, _, _ = strings.Cut(said, " into serve.")
	said, _, _ = strings.Cut(said, " into webconfig.")
	said, _, _ = strings.Cut(said, " into map")
	return errors.New(text.Printable(said))
}

// parseDuration reads a duration as Go and Prometheus write it.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s: a duration is wanted, as 300ms or 5s", text.Printable(s))
	}
	return d, nil
}
