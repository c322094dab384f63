package probe_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// TestVectors runs handshakes that others have written down for other stacks: each script in the JSON files of
// $TCPPROBE_VECTORS, or of the folder shared/vectors beside the module.
func TestVectors(t *testing.T) {
	folder := os.Getenv("TCPPROBE_VECTORS")
	if folder == "" {
		folder = filepath.Join("..", "..", "shared", "vectors")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no third-party handshake scripts in %s; set TCPPROBE_VECTORS to a folder that has some", folder)
	}
	agreed, skipped := 0, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var scripts []script
		if err := json.Unmarshal(text, &scripts); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range scripts {
			t.Run(s.Script, func(t *testing.T) {
				if why := s.outside(); why != "" {
					skipped++
					t.Skipf("SKIPPED: %s", why)
				}
				s.run(t)
				if !t.Failed() {
					agreed++
				}
			})
		}
	}
	t.Logf("%d scripts agree, %d are outside of what an active open has to do", agreed, skipped)
}

// script is a handshake written down: what the application does, what we must send, and what the peer sends.
type script struct {
	Script string
	Family int // 4, 6, or 0 for 4
	Sysctl map[string]string
	Events []scriptEvent
	Expect expectation
}

// expectation is what the result must say in the end; what is nil is not laid down.
type expectation struct {
	Outcome, ECN, Close *string
	SYNLost             *int     `json:"syn_lost"`
	ConnectMS           *float64 `json:"connect_ms"`
}

type scriptEvent struct {
	Kind  string // "call", "segment", "so_error", "assert"
	T     string // "+x": seconds after the event before; "x": absolute; "*": any time
	Call  string
	Dir   string // "out": the machine must send it; "in": the peer sends it
	Flags string // S F R P . E W, "." being ACK
	Seq   int    // relative to the sender's ISS
	Len   int
	Ack   *int // relative to the receiver's ISS
	Win   int
	Opts  []string // nil if they are not laid down
	ECN   string   // codepoint of the datagram
	Type  any      // of an ICMP error: a number or a name
	Code  any
	MTU   int
	Field string
	Value string
	text  string // the event as it is written
}

// UnmarshalJSON keeps the text too: how an ICMP error is spelled out is not laid down.
func (e *scriptEvent) UnmarshalJSON(b []byte) error {
	type plain scriptEvent
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	e.text = string(b)
	return nil
}

// outside says why a script is about something that is not our business, or "".
func (s script) outside() string {
	for name, value := range s.Sysctl {
		short := name[strings.LastIndexByte(name, '.')+1:]
		if value == "1" && (short == "drop_synfin" || strings.HasPrefix(short, "insecure_")) {
			return fmt.Sprintf("%s=1 is a policy outside of the RFC", name)
		}
	}
	if s.Family != 0 && s.Family != 4 && s.Family != 6 {
		return fmt.Sprintf("this runner does not know the family %d", s.Family)
	}
	for _, e := range s.Events {
		switch {
		case !slices.Contains([]string{"call", "segment", "icmp", "so_error", "assert"}, e.Kind):
			return "this runner lacks events of kind " + e.Kind
		case e.Kind == "icmp" && !s.knows(e):
			return "this runner does not know the ICMP error " + e.text
		case e.Kind == "segment" && e.Dir == "out" && e.Len > 0 && !strings.Contains(e.Flags, "S"):
			return "its application sends data, and a probe has none"
		case e.Kind != "call":
			continue
		}
		switch e.Call {
		case "listen", "accept":
			return "it is about a passive open"
		case "write", "send", "sendto", "writev", "sendmsg":
			return "its application calls " + e.Call + ", and a probe has no data to send"
		case "connect", "close", "shutdown", "linger0", "read", "recv", "fcntl", "setsockopt", "getsockopt", "socket", "bind":
		default:
			return "this runner lacks the call " + e.Call
		}
	}
	if kind, known := s.syn(); known && kind == probe.SYNBare && strings.ContainsAny(s.firstSYN().Flags, "EWA") {
		return "no SYN of ours offers ECN without options"
	}
	return ""
}

// firstSYN returns the first segment that the machine must send.
func (s script) firstSYN() scriptEvent {
	for _, e := range s.Events {
		if e.Kind == "segment" && e.Dir == "out" {
			return e
		}
	}
	return scriptEvent{}
}

// syn returns the kind of SYN that the script has. It is not known if the script does not lay down its options, or if they
// are those of none of our kinds.
func (s script) syn() (kind probe.SYN, known bool) {
	first := s.firstSYN()
	var names []string
	for _, o := range first.Opts {
		if name := strings.Fields(o)[0]; name != "nop" && name != "eol" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch strings.Join(names, " ") {
	case "":
		kind, known = probe.SYNBare, first.Opts != nil || s.Sysctl["socket.noopt"] == "1"
	case "TS mss sackOK wscale":
		kind, known = probe.SYNLinux, true
	case "mss sackOK wscale":
		kind, known = probe.SYNNoTimestamps, true
	case "FO TS mss sackOK wscale":
		kind, known = probe.SYNFastOpen, true
	}
	if !known {
		kind = probe.SYNLinux
	}
	if kind == probe.SYNLinux {
		switch flags := flagsOf(first.Flags); {
		case flags.Has(tcphdr.AE):
			kind = probe.SYNAccECN
		case flags.Has(tcphdr.ECE):
			kind = probe.SYNECN
		}
	}
	return kind, known
}

// The scripts' relative numbers become absolute ones near the end of the sequence space.
const (
	scriptISS = tcphdr.SeqNum(0xffffffff)
	scriptIRS = tcphdr.SeqNum(0xfffffffe)
)
