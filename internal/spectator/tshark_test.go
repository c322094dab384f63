package spectator_test

import (
	"bytes"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/spectator"
)

// initialRTTs returns tshark's tcp.analysis.initial_rtt of connections in a capture, from the first SYN to the ACK, by the number of
// the first SYN's frame; those alone that have one SYN and one SYN-ACK: of repeated ones tshark takes the wrong one.
func initialRTTs(t *testing.T, name string) map[int]time.Duration {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", name, "-o", "tcp.check_checksum:FALSE", "-Y", "tcp", "-T", "fields",
		"-E", "occurrence=f", "-e", "tcp.stream", "-e", "frame.number", "-e", "tcp.flags", "-e", "tcp.analysis.initial_rtt").Output()
	if err != nil && len(out) == 0 {
		return nil // it is no capture to tshark
	}
	type stream struct {
		syn, syns, synACKs int
		rtt                time.Duration
	}
	streams := make(map[string]*stream)
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || f[0] == "" {
			continue
		}
		s := streams[f[0]]
		if s == nil {
			s = new(stream)
			streams[f[0]] = s
		}
		flags, _ := strconv.ParseUint(strings.TrimPrefix(f[2], "0x"), 16, 16)
		switch flags & 0x12 {
		case 0x02:
			s.syns++
			s.syn, _ = strconv.Atoi(f[1])
		case 0x12:
			s.synACKs++
		}
		if seconds, err := strconv.ParseFloat(f[3], 64); err == nil {
			s.rtt = time.Duration(math.Round(seconds * 1e9))
		}
	}
	rtts := make(map[int]time.Duration)
	for _, s := range streams {
		if s.syns == 1 && s.synACKs == 1 && s.rtt > 0 {
			rtts[s.syn] = s.rtt
		}
	}
	return rtts
}

// TestInitialRTT: the time from SYN to ACK is that of tshark, in all captures of others.
func TestInitialRTT(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	compared := 0
	sharedCaptures(t, func(name string, content []byte) {
		// tshark takes a second for each file: those of one folder will do, and the others have verdicts of their own (TestExpected).
		if ext := filepath.Ext(name); ext != ".pcap" && ext != ".pcapng" || !strings.Contains(name, "tcpdump") || strings.Contains(name, "timestamp_invalid") {
			return
		}
		told, _ := readCapture(t, bytes.NewReader(content), 0, spectator.Config{})
		if len(told) == 0 {
			return
		}
		want := initialRTTs(t, name)
		for _, h := range told {
			rtt, known := want[h.Frames[0]]
			if !known || !h.Result.TCP.Connected || slices.Contains(h.Result.Findings, spectator.FindingTimeBack) {
				continue
			}
			if apart := (h.Result.TCP.Connect - rtt).Abs(); apart > time.Microsecond {
				t.Errorf("%s: stream %d: %v from SYN to ACK, tshark says %v", name, h.Stream, h.Result.TCP.Connect, rtt)
			}
			compared++
		}
	})
	t.Logf("%d handshakes compared", compared)
}
