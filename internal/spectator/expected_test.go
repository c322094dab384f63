package spectator_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/internal/spectator"
	"tcpprobe/probe"
)

// expectation is what others say of a connection in a capture.
type expectation struct {
	File         string
	Outcome, Why string
	FirstFrame   int        `json:"first_frame"`
	Client       netip.Addr `json:"client"`
	ClientPort   uint16     `json:"client_port"`
	Server       netip.Addr `json:"server"`
	ServerPort   uint16     `json:"server_port"`
	Tunnel       bool
	SYN          int   `json:"syn"`
	FirstSYN     int64 `json:"t_first_syn_ns"`
	AnsweredSYN  *int  `json:"answered_syn"`
	RTT          *time.Duration
	RTTNS        *time.Duration `json:"rtt_ns"`
	Ambiguous    *bool          `json:"rtt_ambiguous"`
	ACKAfter     *time.Duration `json:"ack_after_syn_ack_ns"`
	Duplicates   int            `json:"duplicate_frames"`
	Frames       struct {
		SYN    []int `json:"syn"`
		SYNACK []int `json:"syn_ack"`
		ACK    *int
		RST    *int
	} `json:"frames_of_handshake"`
}

// knownDifferences are the expectations that are not met, each with its reason.
var knownDifferences = map[string]string{
	// The table takes copies for repetitions, and knows none of those to be answered. They are counted once here.
	"zeek/http/ctu-62604-80.pcap":          "every frame is there twice",
	"zeek/http/m57-long-49600-80.pcap":     "every frame is there twice",
	"zeek/rdp/rdp-no-cookie-mstshash.pcap": "every frame is there twice",
	"zeek/vlan-collisions.pcap":            "every frame is there three times, in three VLANs",
	"zeek/pop3/pop3.pcap":                  "the first SYN was refused before there was a second one",
	"zeek/tunnels/ayiya3.pcap":             "AYIYA is no tunnel that is looked into",
}

// readCapture shows all packets of a capture to a spectator, and returns what it tells.
func readCapture(t testing.TB, r io.Reader, tunnels link.Tunnels, c spectator.Config) (told []*spectator.Handshake, counts spectator.Counts) {
	t.Helper()
	c.Tell = func(h *spectator.Handshake) { told = append(told, h) }
	s := spectator.New(c)
	file, err := capfile.NewReader(r)
	if err != nil {
		return nil, s.Counts()
	}
	decoder := link.NewDecoder(tunnels)
	var p capfile.Packet
	var l link.Packet
	for file.Next(&p) == nil {
		if decoder.Decode(p.LinkType, p.Data, p.Length, &l) == nil {
			s.Packet(spectator.Packet{Number: p.Number, Time: p.Time, IP: &l.Datagram, Length: l.Length, Octets: l.Octets, VLANs: l.VLANs.All()})
		}
	}
	s.Finish(false)
	return told, s.Counts()
}

// sharedFolder returns a folder beside the module, or the one that an environment variable names.
func sharedFolder(t testing.TB, variable, name string) string {
	folder := os.Getenv(variable)
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", name)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("SKIPPED: there are no captures: %v; set %s to a folder with them", err, variable)
	}
	return folder
}

// TestExpected holds the verdicts against what others say of the same captures.
func TestExpected(t *testing.T) {
	folder := sharedFolder(t, "TCPPROBE_CAPTURES", "captures")
	table, err := os.Open(filepath.Join(folder, "expected.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: %v", err)
	}
	defer table.Close()
	byFile := make(map[string][]expectation)
	total := 0
	lines := bufio.NewScanner(table)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e expectation
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		byFile[e.File] = append(byFile[e.File], e)
		total++
	}
	wrong, explained := 0, 0
	for name, expected := range byFile {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		var outer, inner []*spectator.Handshake
		outer, _ = readCapture(t, f, 0, spectator.Config{})
		if slices.ContainsFunc(expected, func(e expectation) bool { return e.Tunnel }) {
			f.Seek(0, io.SeekStart)
			inner, _ = readCapture(t, f, link.AllTunnels, spectator.Config{})
		}
		f.Close()
		for _, e := range expected {
			told := outer
			if e.Tunnel {
				told = inner
			}
			if difference := compare(told, e); difference == "not told" && knownDifferences[name] != "" {
				explained++
			} else if difference != "" {
				wrong++
				t.Errorf("%s: %v:%d > %v:%d: %s", name, e.Client, e.ClientPort, e.Server, e.ServerPort, difference)
			}
		}
		// Nothing is told that is not there.
		for _, h := range slices.Concat(outer, inner) {
			if !slices.ContainsFunc(expected, func(e expectation) bool { return e.client() == h.Client && e.server() == h.Server }) {
				t.Errorf("%s: %v > %v is told, stream %d, frames %v", name, h.Client, h.Server, h.Stream, h.Frames)
			}
		}
	}
	t.Logf("%d of %d connections as others see them, %d not looked into", total-wrong-explained, total, explained)
}

func (e expectation) client() netip.AddrPort { return netip.AddrPortFrom(e.Client, e.ClientPort) }
func (e expectation) server() netip.AddrPort { return netip.AddrPortFrom(e.Server, e.ServerPort) }

// compare says in what a verdict differs from what is expected; "" if in nothing.
func compare(told []*spectator.Handshake, e expectation) string {
	i := slices.IndexFunc(told, func(h *spectator.Handshake) bool {
		return h.Client == e.client() && h.Server == e.server() && slices.Contains(h.Frames, firstOf(e))
	})
	if e.Why == "middle" {
		if i >= 0 {
			return "the capture begins inside, and it is told"
		}
		return ""
	}
	if i < 0 {
		return "not told"
	}
	h := told[i]
	var differs []string
	note := func(what string) { differs = append(differs, what) }
	if h.Result.Outcome.String() != e.Outcome {
		note("outcome " + h.Result.Outcome.String() + ", want " + e.Outcome)
	}
	if len(e.Frames.SYN) > 0 && h.Result.Time.UnixNano() != e.FirstSYN {
		note("first SYN at " + h.Result.Time.String())
	}
	tcp := h.Result.TCP
	if e.RTTNS != nil && (!tcp.Answered || tcp.RTT != *e.RTTNS) {
		note("rtt " + tcp.RTT.String() + ", want " + e.RTTNS.String())
	}
	if e.AnsweredSYN != nil && tcp.AnsweredSYN != *e.AnsweredSYN {
		note("another SYN was answered")
	}
	if e.Ambiguous != nil && tcp.RTTAmbiguous != *e.Ambiguous && knownDifferences[e.File] == "" {
		note("ambiguous is not as it should be")
	}
	if e.Duplicates == 0 && e.SYN != tcp.SYNSent {
		note("SYNs are counted wrongly")
	}
	if e.Outcome == probe.OutcomeEstablished.String() && e.ACKAfter != nil && *e.ACKAfter >= 0 && (!h.Answered || h.ClientRTT != *e.ACKAfter) {
		note("client " + h.ClientRTT.String() + ", want " + e.ACKAfter.String())
	}
	return strings.Join(differs, "; ")
}

// firstOf returns the first frame of a handshake that all agree on.
func firstOf(e expectation) int { return e.FirstFrame }
