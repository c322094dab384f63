//go:build linux

package cli

import (
	"strings"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for _, test := range []struct {
		done, all, established int
		took                   time.Duration
		want                   string
	}{
		{0, 100, 0, time.Second, "0/100 targets, 0/s, 0 established"},
		{500, 65536, 490, 500 * time.Millisecond, "500/65536 targets, 1000/s, 490 established, 1m5s left"},
		{100, 100, 99, time.Second, "100/100 targets, 100/s, 99 established"},
		{1_000_000, 10_000_000, 1_000_000, 10 * time.Second, "1000000/10000000 targets, 100000/s, 1000000 established, 1m30s left"},
	} {
		if got := progressLine(test.done, test.all, test.established, test.took); got != test.want || len(got) > 80 {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestProgressBelowTheOutput: what is written stands where the line was, and in the end there is no line.
func TestProgressBelowTheOutput(t *testing.T) {
	var screen strings.Builder
	drawn := make(chan struct{}, 100)
	p := newProgress(&screen)
	go p.draw(func() string { drawn <- struct{}{}; return "1/2 targets" })
	w := p.over(&screen)
	<-drawn
	if _, err := w.Write([]byte("ESTABLISHED\n")); err != nil {
		t.Fatal(err)
	}
	p.stop()
	const line = "\r1/2 targets\x1b[K"
	got := screen.String()
	if !strings.HasPrefix(got, line+"\r\x1b[KESTABLISHED\n") || strings.HasSuffix(got, line) {
		t.Errorf("%q", got)
	}
}
