package report_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// erased is how a line begins that takes the place of another.
const erased = "\r\x1b[K"

// silence is a handshake that nobody answers.
func silence(j *exchange, start float64) { j.timedOut(start + 1000.093) }

// sparkline returns the line after handshakes with these round-trip times in milliseconds; 0 stands for a timeout.
func sparkline(t *testing.T, s report.Style, columns int, rtts ...float64) string {
	t.Helper()
	var b strings.Builder
	line := report.NewSparkline(&b, s)
	for i, rtt := range rtts {
		end := opened(rtt)
		if rtt == 0 {
			end = silence
		}
		line.Add(reply(i+1, 1000*float64(i), end))
	}
	if b.Len() > 0 {
		t.Errorf("something was drawn before it was asked for: %q", b.String())
	}
	if err := line.Draw(columns); err != nil {
		t.Fatal(err)
	}
	drawn, ok := strings.CutPrefix(b.String(), erased)
	if !ok {
		t.Errorf("%q does not take the place of the line before", b.String())
	}
	return drawn
}

func TestSparkline(t *testing.T) {
	utf8, ascii := report.Style{Style: text.Style{UTF8: true}}, report.Style{}
	for _, test := range []struct {
		name  string
		style report.Style
		rtts  []float64
		want  string
	}{
		{"nothing", utf8, nil, ""},
		{"one", utf8, []float64{11.573}, "▁  ▁ 11.573 ms"},
		{"all alike", utf8, []float64{2, 2, 2}, "▁▁▁  ▁ 2.000 ms"},
		{"every level", utf8, []float64{1, 2, 3, 4, 5, 6, 7, 8}, "▁▂▃▄▅▆▇█  ▁ 1.000  █ 8.000 ms"},
		{"just below a level", utf8, []float64{1, 1.999, 2, 7.999, 8}, "▁▁▂▇█  ▁ 1.000  █ 8.000 ms"},
		{"every level in ASCII", ascii, []float64{6, 5, 4, 3, 2, 1}, "#^~-._  _ 1.000  # 6.000 ms"},
		{"some without answer", utf8, []float64{0, 10, 0, 0, 24, 0}, "x▁xx█x  ▁ 10.000  █ 24.000 ms"},
		{"none with an answer", ascii, []float64{0, 0}, "xx"},
		{"in color", report.Style{Style: text.Style{Color: true}}, []float64{3, 0, 4}, "_\x1b[31mx\x1b[0m#  _ 3.000  # 4.000 ms"},
	} {
		if got := sparkline(t, test.style, 80, test.rtts...); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestSparklineRefused: a refusal has a round-trip time, but it is not one of a connection.
func TestSparklineRefused(t *testing.T) {
	var b strings.Builder
	line := report.NewSparkline(&b, report.Style{})
	line.Add(reply(1, 0, refusal(11.498)))
	line.Add(&probe.Result{Outcome: probe.OutcomeDNSError})
	line.Draw(80)
	if want := erased + "xx"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// TestSparklineIsShort: it shows the latest 60 handshakes, and fewer where there is no room for them.
func TestSparklineIsShort(t *testing.T) {
	var rtts []float64
	for i := range 100 {
		rtts = append(rtts, float64(100-i))
	}
	for _, test := range []struct {
		columns int
		want    string
	}{
		{200, "#" + strings.Repeat("^", 11) + strings.Repeat("~", 12) + strings.Repeat("-", 12) + strings.Repeat(".", 12) +
			strings.Repeat("_", 12) + "  _ 1.000  # 60.000 ms"},
		{25, "#-_  _ 1.000  # 3.000 ms"}, // one more handshake would take the last column
		{26, "#~._  _ 1.000  # 4.000 ms"},
		{14, "_  _ 1.000 ms"},
		{13, ""},
		{0, ""},
	} {
		if got := sparkline(t, report.Style{}, test.columns, rtts...); got != test.want {
			t.Errorf("%d columns: %q, want %q", test.columns, got, test.want)
		}
	}
}

func TestSparklineErase(t *testing.T) {
	var b strings.Builder
	if err := report.NewSparkline(&b, report.Style{}).Erase(); err != nil || b.String() != erased {
		t.Errorf("%q (%v), want %q", b.String(), err, erased)
	}
}

func TestSparklineWriterFails(t *testing.T) {
	line := report.NewSparkline(failing{}, report.Style{})
	if err := line.Draw(80); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Draw: %v", err)
	}
	if err := line.Erase(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Erase: %v", err)
	}
}
