package spectator_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tcpprobe/internal/link"
	"tcpprobe/internal/spectator"
	"tcpprobe/tcphdr"
)

// sharedCaptures calls f with every file of the folders with captures of others.
func sharedCaptures(t *testing.T, f func(name string, content []byte)) {
	n := 0
	for variable, name := range map[string]string{"TCPPROBE_CAPTURES": "captures", "TCPPROBE_CORPUS": "corpus"} {
		folder := sharedFolder(t, variable, name)
		if resolved, err := filepath.EvalSymlinks(folder); err == nil {
			folder = resolved
		}
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(name)
			if err == nil {
				n++
				f(name, content)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files", n)
}

// TestEveryCut: a capture that is cut off, wherever that is, is judged up to there.
func TestEveryCut(t *testing.T) {
	cuts := 0
	sharedCaptures(t, func(name string, content []byte) {
		if len(content) > 40_000 {
			return
		}
		step := 1 + len(content)/200 // every octet of a header comes up, in one file or another
		before := 0
		for n := 0; n <= len(content); n += step {
			told, counts := readCapture(t, bytes.NewReader(content[:n]), link.AllTunnels, spectator.Config{Keep: true})
			if len(told) < before || len(told) != counts.Handshakes {
				t.Fatalf("%s: %d octets: %d handshakes, and %d before, %d counted", name, n, len(told), before, counts.Handshakes)
			}
			before = len(told)
			cuts++
		}
	})
	t.Logf("%d cuts", cuts)
}

// TestKeptPacketsAreThoseOfTheFile: the events of a handshake are its frames, in a capture of anything.
func TestKeptPacketsAreThoseOfTheFile(t *testing.T) {
	sharedCaptures(t, func(name string, content []byte) {
		told, _ := readCapture(t, bytes.NewReader(content), link.AllTunnels, spectator.Config{Keep: true})
		for _, h := range told {
			if len(h.Packets) != len(h.Result.Events) || len(h.Packets) > len(h.Frames) {
				t.Errorf("%s: stream %d: %d packets, %d events, %d frames", name, h.Stream, len(h.Packets), len(h.Result.Events), len(h.Frames))
			}
			if h.Result.TCP.RTT < 0 || h.ClientRTT < 0 || h.Result.TCP.Connect < 0 || h.Waited < 0 {
				t.Errorf("%s: stream %d: a time is negative: %v %v", name, h.Stream, h.Result.TCP.RTT, h.ClientRTT)
			}
		}
	})
}

// FuzzSpectator: whatever a capture holds, each attempt is told once, in its order, and nothing is negative.
func FuzzSpectator(f *testing.F) {
	for _, name := range []string{"tcp/syn-then-ack-then-rst.pcap", "vlan-collisions.pcap", "pop3/pop3.pcap"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "captures", "zeek", name))
		if err == nil {
			f.Add(content, false)
			f.Add(content, true)
		} else if !errors.Is(err, fs.ErrNotExist) {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, live bool) {
		told, counts := readCapture(t, bytes.NewReader(content), link.AllTunnels, spectator.Config{Keep: true, Live: live, Most: 8})
		if len(told) != counts.Handshakes {
			t.Fatalf("%d told, %d counted", len(told), counts.Handshakes)
		}
		streams := make(map[int]bool)
		for _, h := range told {
			if streams[h.Stream] || h.Stream < 1 || h.Stream > len(told) {
				t.Fatalf("stream %d of %d", h.Stream, len(told))
			}
			streams[h.Stream] = true
		}
		for _, p := range spectator.Compare(told, told).Pairs {
			if p.A == nil && p.B == nil {
				t.Fatal("a pair of nothing")
			}
		}
	})
}

// FuzzDatagrams is FuzzSpectator for datagrams alone, between few ends, so that they meet.
func FuzzDatagrams(f *testing.F) {
	f.Add([]byte("S0A1R2"), uint32(7))
	f.Fuzz(func(t *testing.T, script []byte, seed uint32) {
		s := newScene(t, spectator.Config{Most: 4, Keep: true, Live: len(script)%2 == 0})
		for i, c := range script {
			from, to := s.client, s.server
			if c&1 != 0 {
				from, to = to, from
			}
			number := func(shift int) uint32 { return seed + uint32(c>>shift)%3 }
			s.segment(time.Duration(i)*100*ms, from, to, tcphdr.Flags(c>>1)&(fin|syn|rst|ack), number(5), number(6), nil, int(c>>7))
		}
		s.end()
	})
}
