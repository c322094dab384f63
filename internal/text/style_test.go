package text_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/text"
)

func TestStyle(t *testing.T) {
	fancy, plain := text.Style{UTF8: true, Color: true}, text.Style{}
	for _, test := range []struct{ got, want string }{
		{fancy.Arrow(text.Out), "──▶"},
		{fancy.Arrow(text.In), "◀──"},
		{fancy.Arrow(text.Silence), " ✗ "},
		{fancy.Arrow(text.Nowhere), "   "},
		{plain.Arrow(text.Out), "-->"},
		{plain.Arrow(text.In), "<--"},
		{plain.Arrow(text.Silence), " x "},
		{fancy.Paint(text.Red, "x"), "\x1b[31mx\x1b[0m"},
		{fancy.Paint(text.Red, ""), ""},
		{fancy.Paint(text.Plain, "x"), "x"},
		{plain.Paint(text.Red, "x"), "x"},
		{fancy.Printable("bücher\x1b"), `bücher\x1b`},
		{plain.Printable("bücher\U0001f4a9"), `b\u00fccher\U0001f4a9`},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	const d = 11*time.Millisecond + 573*time.Microsecond + 400
	for _, test := range []struct{ got, want string }{
		{text.Milliseconds(d), "11.573"},
		{string(text.AppendMilliseconds([]byte("rtt "), d)), "rtt 11.573"},
		{text.Decimals(d, 1), "11.6"},
		{text.Milliseconds(-time.Microsecond), "-0.001"},
		{text.Seconds(2998 * time.Millisecond), "2.998 s"},
		{text.Seconds(1765 * time.Millisecond), "1.765 s"},
		{text.Seconds(time.Second + 400*time.Microsecond), "1 s"},
		{text.Count(1, "SYN"), "1 SYN"},
		{text.Count(2, "SYN"), "2 SYNs"},
		{text.Count(0, "SYN"), "0 SYNs"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// writes remembers how it was written to.
type writes struct {
	got bytes.Buffer
	n   int
	err error
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	w.got.Write(b)
	return len(b), w.err
}

// TestPage checks that lines are written in one piece and once, and that the writer's error is told.
func TestPage(t *testing.T) {
	w := &writes{}
	p := text.NewPage(w, text.Style{UTF8: true})
	if err := p.Flush(); err != nil || w.n != 0 {
		t.Errorf("nothing was written %d times: %v", w.n, err)
	}
	p.Line("one", "two")
	p.Paragraph("  note: ", 8, strings.Fields(strings.Repeat("例えば ", 12)+strings.Repeat("x", 100)))
	if err := p.Flush(); err != nil || w.n != 1 {
		t.Errorf("written %d times: %v", w.n, err)
	}
	want := "one\ntwo\n" +
		"  note: " + strings.TrimSpace(strings.Repeat("例えば ", 10)) + "\n" +
		"        例えば 例えば\n" +
		"        " + strings.Repeat("x", 72) + "\n" +
		"        " + strings.Repeat("x", 28) + "\n"
	if w.got.String() != want {
		t.Errorf("%q, want %q", w.got.String(), want)
	}
	w.err = errors.New("no space left")
	p.Line("three")
	if err := p.Flush(); err != w.err {
		t.Errorf("the error is %v", err)
	}
	if err := p.Flush(); err != nil || w.n != 2 {
		t.Errorf("written %d times: %v", w.n, err)
	}
}

// TestTimeOfDay: it is that of the zone, and of UTC without one.
func TestTimeOfDay(t *testing.T) {
	at := time.Date(2026, 11, 28, 23, 4, 5, 678_999_999, time.UTC)
	if got := (text.Style{}).TimeOfDay(at); got != "23:04:05.678" {
		t.Errorf("UTC: %s", got)
	}
	if got := (text.Style{Zone: time.FixedZone("", -5*3600)}).TimeOfDay(at); got != "18:04:05.678" {
		t.Errorf("five hours behind: %s", got)
	}
}
