//go:build linux

package e2e_test

import (
	"os/exec"
	"strings"
	"testing"
)

// handshakeLine is a handshake between others as the contract with scripts has it, as far as tests ask.
type handshakeLine struct {
	Client, Server, Outcome, Reason, Close string

	Stream      int
	Findings    []string
	Frames      []int
	SYNSent     int    `json:"syn_sent"`
	AnsweredSYN int    `json:"answered_syn"`
	ServerRTT   *int64 `json:"server_rtt_ns"`
	ClientRTT   *int64 `json:"client_rtt_ns"`
	Connect     *int64 `json:"connect_ns"`
	MSS         *int
	WindowScale *int `json:"window_scale"`
	ICMP        []struct {
		From       string
		Type, Code int
		Hops       int
	}
}

// captureLine is a capture as a whole.
type captureLine struct {
	Handshakes, Established, Refused, Unreachable, Timeout int

	Packets   int
	TCP       int `json:"tcp_packets"`
	Dropped   int `json:"dropped_packets"`
	HalfOpen  int `json:"half_open"`
	Unknown   int
	Truncated bool
	Reason    string `json:"truncated_reason"`
}

// pairLine is a handshake at two places.
type pairLine struct {
	A, B *struct {
		Client, Server, Outcome string
	}
	Outcome    string
	ClientSide string                         `json:"client_side"`
	Changes    []struct{ Field, A, B string } `json:"changes"`
	SYNsLost   int                            `json:"syns_lost"`
	ACKsLost   int                            `json:"syn_acks_lost"`
	Client     *int64                         `json:"client_rtt_ns"`
	Between    *int64                         `json:"between_rtt_ns"`
	ServerRTT  *int64                         `json:"server_rtt_ns"`
}

// comparisonLine is two captures together.
type comparisonLine struct {
	Both        int
	OnlyA       int    `json:"only_a"`
	OnlyB       int    `json:"only_b"`
	Offset      *int64 `json:"clock_offset_ns"`
	Uncertainty *int64 `json:"clock_uncertainty_ns"`
}

// readLines is what a run of read with --json says.
type readLines struct {
	ran
	handshakes []handshakeLine
	capture    captureLine
	pairs      []pairLine
	comparison comparisonLine
}

// readProgram runs read, which needs no network, to its end.
func readProgram(t testing.TB, stdin string, args ...string) ran {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{"read"}, args...)...)
	cmd.Env = programEnv()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.Run() // the exit code is looked at instead
	if cmd.ProcessState == nil {
		t.Fatalf("%q did not start", args)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// readJSON runs read with --json, and validates each line against the schema.
func readJSON(t testing.TB, args ...string) readLines {
	t.Helper()
	return parseReadLines(t, readProgram(t, "", append([]string{"--json"}, args...)...))
}

// parseReadLines takes apart what read has written.
func parseReadLines(t testing.TB, r ran) readLines {
	t.Helper()
	l := readLines{ran: r}
	for text := range strings.Lines(r.stdout) {
		validate(t, text)
		var kind struct{ Type string }
		decode(t, text, &kind)
		switch kind.Type {
		case "handshake":
			var h handshakeLine
			decode(t, text, &h)
			l.handshakes = append(l.handshakes, h)
		case "capture":
			decode(t, text, &l.capture)
		case "pair":
			var p pairLine
			decode(t, text, &p)
			l.pairs = append(l.pairs, p)
		case "comparison":
			decode(t, text, &l.comparison)
		default:
			t.Errorf("a line of type %q", kind.Type)
		}
	}
	return l
}
