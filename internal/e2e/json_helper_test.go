//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tcpprobe/docs"
	"tcpprobe/internal/netlab"
)

// totalLine is what JSON says of all targets together.
type totalLine struct {
	Targets, Sent, Established, Refused, Unreachable, Timeout, Failed int

	NotBegun int `json:"not_begun"`
	Broken   int `json:"broken_off"`
	Drops    int `json:"receive_drops"`
}

// lines is what a run with --json says: the handshakes of all targets, and the summaries.
type lines struct {
	ran
	probes    []probeLine
	summaries []summaryLine
	total     totalLine
}

// probeJSON runs the program on a host with --json, and validates each line against the schema.
func probeJSON(t testing.TB, h *netlab.Host, args ...string) lines {
	t.Helper()
	return parseLines(t, tcpprobe(t, h, append([]string{"--json"}, args...)...))
}

// probeOnce is probeJSON for one handshake, which is to end with an exit code and an outcome.
func probeOnce(t testing.TB, h *netlab.Host, code int, outcome string, args ...string) probeLine {
	t.Helper()
	l := probeJSON(t, h, args...)
	if len(l.probes) != 1 {
		t.Fatalf("%d handshakes, want 1", len(l.probes))
	}
	p := l.probes[0]
	if l.code != code || p.Outcome != outcome {
		t.Errorf("%q: exit code %d, outcome %s; want %d, %s", args, l.code, p.Outcome, code, outcome)
	}
	if l.stderr != "" {
		t.Errorf("%q: on stderr: %s", args, l.stderr)
	}
	return p
}

func parseLines(t testing.TB, r ran) lines {
	t.Helper()
	l := lines{ran: r}
	for text := range strings.Lines(r.stdout) {
		validate(t, text)
		var kind struct{ Type string }
		decode(t, text, &kind)
		switch kind.Type {
		case "probe":
			var p probeLine
			decode(t, text, &p)
			l.probes = append(l.probes, p)
		case "summary":
			var s summaryLine
			decode(t, text, &s)
			l.summaries = append(l.summaries, s)
		case "total":
			decode(t, text, &l.total)
		default:
			t.Errorf("a line of type %q", kind.Type)
		}
	}
	return l
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

// schema is that of the program's documents.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(docs.Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", document); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
})

func validate(t testing.TB, text string) {
	t.Helper()
	s, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	line, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = s.Validate(line)
	}
	if err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}

// neighborLine is how a next hop was found.
type neighborLine struct {
	Source, Address, MAC string
	Attempts             int
	Duration             int64 `json:"duration_ns"`
	Router, Override     bool
}

// probeLine is a handshake as the contract with scripts has it, as far as tests ask.
type probeLine struct {
	Target, Host    string
	Address, Family string
	Port, Seq       int
	Outcome, Reason string
	Findings        []string
	DNS             *struct {
		Source, Server, Name, RCode string
		Addresses, CNAME            []string
		Attempts                    int
		Duration                    int64 `json:"duration_ns"`
		Queries                     []struct {
			Type, RCode string
			Addresses   []string
		}
	}
	Route *struct {
		Interface, Source string
		NextHop           string `json:"next_hop"`
		OnLink            bool   `json:"on_link"`
		MTU               int
	}
	NAT64    *nat64Line
	ARP, NDP *neighborLine
	TCP      *tcpLine
	ICMP     []struct {
		From            string
		Type, Code, MTU int
		Name, Protocol  string
		T               int64 `json:"t_ns"`
		Hops            int
	}
}

type nat64Line struct{ Prefix, Address, Synthesized string }

type tcpLine struct {
	Local, Remote, Send, State string
	Bypassed                   []string
	States                     []struct {
		State string
		T     int64 `json:"t_ns"`
	}
	SYNSent     int    `json:"syn_sent"`
	AnsweredSYN int    `json:"answered_syn"`
	RTT         *int64 `json:"rtt_ns"`
	Ambiguous   bool   `json:"rtt_ambiguous"`
	Clock       string
	Connect     *int64 `json:"connect_ns"`
	MSS         int
	WindowScale int  `json:"window_scale"`
	SACK        bool `json:"sack_permitted"`
	Timestamps  bool
	TTL         int
	Close       string
	Segments    []struct {
		Dir         string
		T           int64 `json:"t_ns"`
		Flags, Bits string
		Seq, Ack    uint32
		Window, TTL int
		Length      int
		Checksum    string
	}
}

type summaryLine struct {
	Target, Address                                          string
	Flaps                                                    int
	Sent, Established, Refused, Unreachable, Timeout, Failed int
	Loss                                                     float64
	RTT                                                      *struct{ Min, Avg, Max, Mdev, P50, P90, P99 int64 } `json:"rtt_ns"`
	Assertions                                               []struct {
		Text    string
		Held    bool
		Value   *float64
		ValueNS *int64 `json:"value_ns"`
	}
	Duration int64 `json:"duration_ns"`
}
