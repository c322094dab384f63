package recording_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/recording"
	"tcpprobe/internal/report"
)

// example is a recording of a run with refusals by a router, lost SYNs and an outage.
const example = "../../docs/watch.ndjson"

// TestRead: what is written of a result that was read is what was read, but for what JSON does not have.
func TestRead(t *testing.T) {
	recorded, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	results, err := recording.Read(bytes.NewReader(recorded))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(recorded)), "\n")
	if len(results) != len(lines) {
		t.Fatalf("%d results of %d lines", len(results), len(lines))
	}
	for i, r := range results {
		var b bytes.Buffer
		if err := report.NewJSON(&b).Probe(r); err != nil {
			t.Fatal(err)
		}
		want, got := object(t, lines[i]), object(t, b.String())
		for _, o := range []map[string]any{want, got} {
			if tcp, ok := o["tcp"].(map[string]any); ok {
				for _, s := range tcp["segments"].([]any) {
					delete(s.(map[string]any), "checksum")
				}
			}
			if icmp, ok := o["icmp"].([]any); ok {
				delete(icmp[0].(map[string]any)["quoted"].(map[string]any), "length")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("line %d (-want +got):\n%s", i+1, diff)
		}
	}
}

func object(t *testing.T, line string) (o map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestReadLadder: the ladder of a handshake that was recorded tells the packets that there were.
func TestReadLadder(t *testing.T) {
	file, err := os.Open(example)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	results, err := recording.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, r := range results {
		if seen[r.Outcome.String()] {
			continue
		}
		seen[r.Outcome.String()] = true
		var b strings.Builder
		l := report.NewLadder(&b, report.Style{})
		for i := range r.Events {
			l.Event(r, &r.Events[i])
		}
		l.Verdict(r)
		for _, want := range map[string][]string{
			"established": {"-->  SYN      [000010]", "<--  SYN,ACK  [010010]", "ttl 64", "ESTABLISHED"},
			"timeout":     {"again (", "nothing came back", "TIMEOUT"},
			"unreachable": {"3/13 administratively prohibited", "UNREACHABLE"},
		}[r.Outcome.String()] {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%v: no %q in\n%s", r.Outcome, want, b.String())
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("outcomes %v, want three", seen)
	}
}

// TestReadBroken: what is no recording is said to be none; a last line that was cut off, and lines about other things, do no harm.
func TestReadBroken(t *testing.T) {
	recorded, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(string(recorded), "\n")
	second, _, _ = strings.Cut(second, "\n")
	summary := `{"schema":"tcpprobe/1","type":"summary","target":"a:1"}`
	for _, test := range []struct {
		name, text string
		want       int // results; -1 for an error
	}{
		{"empty", "", -1},
		{"text", "hello\n", -1},
		{"another JSON", `{"a":1}` + "\n", -1},
		{"only a summary", summary + "\n", -1},
		{"one line", first + "\n", 1},
		{"no line feed", first, 1},
		{"other types and blank lines", "\n" + summary + "\n" + first + "\n", 1},
		{"cut off", first + "\n" + second[:100], 1},
		{"broken in the middle", first + "\n" + second[:100] + "\n" + second + "\n", -1},
		{"an outcome that there is not", strings.ReplaceAll(first, `"outcome":"`, `"outcome":"un`) + "\n", -1},
		{"established without segments", `{"schema":"tcpprobe/1","type":"probe","target":"a:1","time":"2026-11-29T01:51:03Z","outcome":"established"}` + "\n", -1},
		{"a name that does not resolve", `{"schema":"tcpprobe/1","type":"probe","target":"a:1","time":"2026-11-29T01:51:03Z","outcome":"dns_error","reason":"No such name."}` + "\n", 1},
	} {
		results, err := recording.Read(strings.NewReader(test.text))
		switch {
		case test.want < 0 && !errors.Is(err, recording.ErrNoRecording):
			t.Errorf("%s: error %v, want that it is no recording", test.name, err)
		case test.want >= 0 && (err != nil || len(results) != test.want):
			t.Errorf("%s: %d results, error %v, want %d", test.name, len(results), err, test.want)
		}
		for _, r := range results { // none of them makes a view panic
			_, _ = report.Reason(r), report.Advice(r)
			report.NewLadder(new(strings.Builder), report.Style{}).Verdict(r)
		}
	}
}

func FuzzRead(f *testing.F) {
	recorded, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	for i, line := range strings.Split(string(recorded), "\n") {
		if i%50 == 0 {
			f.Add([]byte(line))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		results, err := recording.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, r := range results {
			var text strings.Builder
			l := report.NewLadder(&text, report.Style{})
			for i := range r.Events {
				l.Event(r, &r.Events[i])
			}
			l.Verdict(r)
			_, _ = report.Reason(r), report.Advice(r)
		}
	})
}
