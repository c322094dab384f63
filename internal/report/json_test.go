package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tcpprobe/docs"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// decode reads JSON as the validator wants it.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// compile returns the schema of package docs. In a closed one no object may have a field that the schema does not name:
// the published schema allows for fields to be added, and a misspelt one must not pass for such.
func compile(t *testing.T, closed bool) *jsonschema.Schema {
	t.Helper()
	doc := decode(t, string(docs.Schema))
	if closed {
		for _, def := range doc["$defs"].(map[string]any) {
			closeObjects(def)
		}
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// closeObjects forbids additional properties wherever a schema says that something is an object.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if s["type"] == "object" {
			s["additionalProperties"] = false
		}
		for _, sub := range s {
			closeObjects(sub)
		}
	case []any:
		for _, sub := range s {
			closeObjects(sub)
		}
	}
}

// TestSchema validates every line that is written, with every field named in the schema.
func TestSchema(t *testing.T) {
	open, closed := compile(t, false), compile(t, true)
	validate := func(name, line string) {
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("%s is not one line: %q", name, line)
		}
		v := decode(t, line)
		if err := open.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := closed.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	outcomes := map[probe.Outcome]bool{}
	sum := stats.NewSummary("example.com:80")
	for _, c := range cases {
		r := c.make()
		if r.Outcome == probe.OutcomePending || strings.HasPrefix(c.name, "hostile") {
			continue // no results that a probe could end with
		}
		outcomes[r.Outcome] = true
		validate(c.name, object(t, r))
		var b bytes.Buffer
		if err := report.NewJSON(&b).Summary(sum); err != nil {
			t.Fatal(err)
		}
		validate("summary before "+c.name, b.String())
		sum.Add(r)
	}
	for o := probe.OutcomeEstablished; o <= probe.OutcomeInterrupted; o++ {
		if !outcomes[o] {
			t.Errorf("no case ends as %v", o)
		}
	}
}

// TestSchemaRejects makes sure that the schema can tell right from wrong.
func TestSchemaRejects(t *testing.T) {
	open, closed := compile(t, false), compile(t, true)
	line := object(t, cases[0].make())
	for name, change := range map[string][2]string{
		"another version":       {`"tcpprobe/1"`, `"tcpprobe/2"`},
		"an unknown outcome":    {`"outcome":"established"`, `"outcome":"open"`},
		"a duration as string":  {`"rtt_ns":11573000`, `"rtt_ns":"11573000"`},
		"a missing field":       {`"rtt_ns"`, `"rtt"`},
		"a time without zone":   {`123456789Z`, `123456789`},
		"octal bits":            {`"010010"`, `"012"`},
		"a lower-case flag":     {`"SYN,ACK"`, `"syn,ack"`},
		"a sequence number":     {`"seq":2871324873`, `"seq":4294967296`},
		"a state of its own":    {`"TIME_WAIT"`, `"TIME-WAIT"`},
		"a MAC without colons":  {`02:00:00:00:00:01`, `020000000001`},
		"an endpoint":           {`192.0.2.80:80`, `192.0.2.80`},
		"refused without a TTL": {`,"ttl":57,"close":"fin"`, `,"close":"fin"`},
	} {
		changed := strings.Replace(line, change[0], change[1], 1)
		if changed == line {
			t.Errorf("%s: nothing changed", name)
		}
		if open.Validate(decode(t, changed)) == nil {
			t.Errorf("%s passed", name)
		}
	}
	added := decode(t, strings.Replace(line, `"seq":1,`, `"seq":1,"colour":"red",`, 1))
	if err := open.Validate(added); err != nil {
		t.Errorf("an added field: %v", err)
	}
	if closed.Validate(added) == nil {
		t.Error("a field that the schema does not name passed")
	}
}

// TestSchemaKnowsAllFindings checks that the examples of the schema are all findings that there are words for.
func TestSchemaKnowsAllFindings(t *testing.T) {
	defs := decode(t, string(docs.Schema))["$defs"].(map[string]any)
	findings := defs["probe"].(map[string]any)["properties"].(map[string]any)["findings"].(map[string]any)
	for _, code := range findings["examples"].([]any)[0].([]any) {
		r := cases[0].make()
		r.Findings = []probe.Finding{probe.Finding(code.(string))}
		_, notes, _ := strings.Cut(ladder(t, r, report.Style{}), "\n  note: ")
		if notes == "" || strings.Contains(notes, code.(string)) {
			t.Errorf("%s: %q", code, notes)
		}
	}
}

// TestAbsent checks that what did not happen is absent, and never 0.
func TestAbsent(t *testing.T) {
	for _, c := range cases {
		for path, v := range leaves("", decode(t, object(t, c.make()))) {
			switch name := path[strings.LastIndex(path, ".")+1:]; {
			case name == "ttl" && c.name == "refused_ttl_zero": // which came with it
			case v == nil, v == "" && name != "reason":
				t.Errorf("%s: %s is %v", c.name, path, v)
			case v == json.Number("0") && !slices.Contains([]string{"t_ns", "ack", "seq", "window", "length", "code", "kind", "ecr"}, name):
				t.Errorf("%s: %s is 0", c.name, path)
			}
		}
	}
}

// leaves returns all values of a JSON value that are neither objects nor arrays, by their paths.
func leaves(path string, v any) map[string]any {
	all := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for name, sub := range v {
			for p, leaf := range leaves(path+"."+name, sub) {
				all[p] = leaf
			}
		}
	case []any:
		for i, sub := range v {
			for p, leaf := range leaves(fmt.Sprintf("%s[%d]", path, i), sub) {
				all[p] = leaf
			}
		}
	default:
		all[path] = v
	}
	return all
}

// TestFieldOrder checks that the fields stand in the order of the documentation.
func TestFieldOrder(t *testing.T) {
	line := object(t, cases[0].make())
	at := 0
	for _, name := range strings.Fields(`schema type target host port seq time outcome reason findings
		dns source server name rcode addresses attempts duration_ns
		route interface source next_hop on_link mtu
		arp source address mac attempts duration_ns
		tcp local remote send state states state t_ns syn_sent answered_syn rtt_ns rtt_ambiguous clock
		connect_ns turnaround_ns mss window_scale sack_permitted timestamps ecn ttl close segments
		dir t_ns flags bits seq ack window ttl length options kind name mss checksum`) {
		i := strings.Index(line[at:], `"`+name+`":`)
		if i < 0 {
			t.Fatalf("%s does not follow in %s", name, line[at:])
		}
		at += i
	}
}

// TestHostileJSON checks that JSON gives back what was received, although no character of it is printed raw (H-13).
func TestHostileJSON(t *testing.T) {
	r := cases[0].make()
	const name = "\x1b]0;owned\x07\u009b31m\u202egnp\x00\r\"'\\ \u0085\U000e0001\x7f<&>"
	r.Host = name
	line := object(t, r)
	legible(t, strings.TrimSuffix(line, "\n"))
	if got := decode(t, line)["host"]; got != name {
		t.Errorf("%q came back as %q", name, got)
	}
	if !strings.Contains(line, "<&>") {
		t.Error("HTML is escaped, which JSON lines have no need of")
	}
}
