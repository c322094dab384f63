package watch

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares a screen with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var began = time.Date(2026, 11, 29, 14, 0, 0, 0, time.UTC)

// result returns the result of a handshake that began so long after the others.
func result(target string, after time.Duration, outcome probe.Outcome, rtt time.Duration, syns int) *probe.Result {
	at := began.Add(after)
	r := &probe.Result{Target: target, Host: strings.Split(target, ":")[0], Port: 80, Seq: 1 + int(after/time.Second), Time: at, Outcome: outcome}
	r.TCP = &probe.TCP{SYNSent: syns}
	if outcome == probe.OutcomeEstablished || outcome == probe.OutcomeRefused {
		r.TCP.Answered, r.TCP.RTT, r.TCP.AnsweredSYN = true, rtt, syns
		r.TCP.Connected, r.TCP.Connect = true, rtt+20*time.Microsecond
	}
	if syns > 1 && outcome == probe.OutcomeEstablished {
		r.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
	}
	return r
}

// scene is a minute of four targets: one is well, one loses SYNs, one is down for the last 12 s, and one is refused.
func scene() (Targets, Moment) {
	b := NewBoard(4, began)
	names := []string{"web.example:443", "shop.example:80", "db-primary.internal.example:5432", "192.0.2.7:25"}
	for _, name := range names {
		b.Add(name)
	}
	for i := range 60 {
		after := time.Duration(i) * time.Second
		wave := time.Duration(i%7) * 300 * time.Microsecond
		b.Result(0, result(names[0], after, probe.OutcomeEstablished, 2*time.Millisecond+wave, 1))
		syns := 1
		if i%20 == 9 {
			syns = 2
		}
		b.Result(1, result(names[1], after, probe.OutcomeEstablished, 9*time.Millisecond+2*wave, syns))
		if i >= 48 || i == 20 {
			b.Result(2, result(names[2], after, probe.OutcomeTimeout, 0, 3))
		} else {
			b.Result(2, result(names[2], after, probe.OutcomeEstablished, 5*time.Millisecond+wave/2, 1))
		}
		b.Result(3, result(names[3], after, probe.OutcomeRefused, 700*time.Microsecond, 1))
	}
	now := began.Add(time.Minute)
	return b.At(now), Moment{Now: now, Began: began}
}

func TestScreens(t *testing.T) {
	utf8 := text.Style{UTF8: true, Color: true}
	for _, test := range []struct {
		name          string
		width, height int
		style         text.Style
		keys          string
	}{
		{"targets-80x24", 80, 24, utf8, ""},
		{"targets-160x50", 160, 50, utf8, ""},
		{"targets-40x12", 40, 12, utf8, ""},
		{"targets-ascii", 80, 24, text.Style{}, "ss"},
		{"target-80x24", 80, 24, utf8, "j\n"},
		{"target-40x24", 40, 24, utf8, "\n+"},
		{"help-80x24", 80, 24, utf8, "?"},
		{"tiny", 9, 2, utf8, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			targets, m := scene()
			c := NewCanvas(test.width, test.height, test.style)
			v := &View{Interval: time.Second}
			v.Draw(c, targets, m)
			for _, k := range test.keys {
				if k == '\n' {
					k = rune(KeyEnter)
				}
				v.Press(Key(k))
				c.Resize(test.width, test.height)
				v.Draw(c, targets, m)
			}
			golden(t, test.name, c.String())
			for y, line := range strings.Split(c.String(), "\n") {
				if n := text.Columns(line); n > test.width {
					t.Errorf("row %d has %d columns of %d: %s", y, n, test.width, line)
				}
			}
		})
	}
}

// TestOrder: who is down comes first, then who had trouble, and the selected target stays selected.
func TestOrder(t *testing.T) {
	targets, m := scene()
	for sort, want := range map[Sort]string{
		ByTrouble: "[3 2 1 0]", ByList: "[0 1 2 3]", ByName: "[3 2 1 0]", ByLoss: "[2 1 0 3]", ByLast: "[2 1 0 3]",
	} {
		if got := fmt.Sprint(order(targets, sort, m.Now)); got != want {
			t.Errorf("%v: %s, want %s", sort, got, want)
		}
	}
	c, v := NewCanvas(80, 24, text.Style{}), &View{}
	v.Draw(c, targets, m)
	v.Press('j')
	selected := v.Selected
	for range sorts {
		v.Press('s')
		v.Draw(c, targets, m)
		if v.Selected != selected {
			t.Errorf("%v: target %d is selected, want %d", v.Sort, v.Selected, selected)
		}
	}
}

// TestScroll: of 300 targets each can be got at, and the selected one is always on the screen.
func TestScroll(t *testing.T) {
	b := NewBoard(300, began)
	for i := range 300 {
		b.Add(fmt.Sprintf("host-%03d:80", i))
	}
	targets, m := b.At(began), Moment{Now: began, Began: began}
	var downs []Key
	for range 299 {
		downs = append(downs, KeyDown)
	}
	c, v := NewCanvas(80, 24, text.Style{}), &View{Sort: ByList}
	v.Draw(c, targets, m)
	for _, k := range append([]Key{KeyEnd, KeyHome, KeyPageDown, KeyPageDown, KeyPageUp, KeyUp}, downs...) {
		v.Press(k)
		c.Resize(80, 24)
		v.Draw(c, targets, m)
		if name := fmt.Sprintf("host-%03d:80", v.Selected); !strings.Contains(c.String(), name) {
			t.Fatalf("after key %q %s is not on the screen:\n%s", k, name, c)
		}
	}
	if v.Selected != 299 {
		t.Errorf("target %d is selected, want the last", v.Selected)
	}
}

// TestLateTimeout: a timeout that ends after a handshake that began later does not make the target look down.
func TestLateTimeout(t *testing.T) {
	b := NewBoard(1, began)
	b.Add("a:80")
	b.Result(0, result("a:80", 3*time.Second, probe.OutcomeEstablished, time.Millisecond, 1))
	b.Result(0, result("a:80", time.Second, probe.OutcomeTimeout, 0, 3))
	brief := b.At(began.Add(4 * time.Second)).Brief(0)
	if !brief.Up() || !brief.OutageSince.IsZero() || brief.Sent != 2 || brief.SYNsLost != 3 {
		t.Errorf("%+v, want one that is up", brief)
	}
}
