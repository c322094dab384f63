package nagios

import (
	"math"
	"testing"
)

// TestRanges is the table of the guidelines, with the values at both sides of each end.
func TestRanges(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		text   string
		want   string // as performance data have it
		alerts []float64
		quiet  []float64
	}{
		{"10", "10", []float64{-0.001, 10.001, -inf, inf}, []float64{0, 5, 10}},
		{"10:", "10:", []float64{9.999, -1, -inf}, []float64{10, 10.001, inf}},
		{"~:10", "~:10", []float64{10.001, inf}, []float64{10, 0, -1000, -inf}},
		{"10:20", "10:20", []float64{9.999, 20.001, 0}, []float64{10, 15, 20}},
		{"@10:20", "@10:20", []float64{10, 15, 20}, []float64{9.999, 20.001, 0}},
		{"@10", "@10", []float64{0, 10}, []float64{-0.001, 10.001}},
		{"@~:10", "@~:10", []float64{10, -5}, []float64{10.001}},
		{"@10:", "@10:", []float64{10, inf}, []float64{9.999}},
		{"~:", "~:", nil, []float64{-inf, 0, inf}},
		{"0:", "0:", []float64{-0.001}, []float64{0, 1}},
		{":10", "10", []float64{-0.001, 10.001}, []float64{0, 10}},
		{"10:10", "10:10", []float64{9.999, 10.001}, []float64{10}},
		{"0", "0", []float64{0.001}, []float64{0}},
		{"-10:-5", "-10:-5", []float64{-10.001, -4.999, 0}, []float64{-10, -5}},
		{"0.1", "0.1", []float64{0.1001}, []float64{0.1}},
		{"100ms", "0.1", []float64{0.1001}, []float64{0.1}},
		{"10ms:1.5s", "0.01:1.5", []float64{0.0099, 1.51}, []float64{0.01, 1.5}},
		{"@250us:1m", "@0.00025:60", []float64{0.00025, 60}, []float64{0.0002, 60.1}},
		{"1e-3", "0.001", []float64{0.0011}, []float64{0.001}},
	} {
		r, err := ParseRange(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if r.String() != test.want {
			t.Errorf("%s is written %s, want %s", test.text, &r, test.want)
		}
		again, err := ParseRange(r.String())
		if err != nil || again != r {
			t.Errorf("%s: read again %v: %v", test.text, again, err)
		}
		for _, value := range test.alerts {
			if !r.Alerts(value) {
				t.Errorf("%s: no alert for %v", test.text, value)
			}
		}
		for _, value := range test.quiet {
			if r.Alerts(value) {
				t.Errorf("%s: an alert for %v", test.text, value)
			}
		}
	}
	var none *Range
	if none.Alerts(5) || none.String() != "" {
		t.Errorf("no range: an alert, or %q", none.String())
	}
}

func TestBadRanges(t *testing.T) {
	for _, text := range []string{
		"", "@", ":", "@:", "~", "10:~", "~10", "20:10", "@20:10", "10:20:30", "x", "10:x", "x:10", "10%", "NaN", "Inf", "1e999",
		"NaN:", "-Inf:5", "10 ", " 10", "10;20", "@@10", "10ms:5ms", "1s2", "0x", "--5", "10|",
	} {
		if r, err := ParseRange(text); err == nil {
			t.Errorf("%q is read as %v", text, &r)
		}
	}
}

// FuzzParseRange: whatever is typed, a range that is accepted reads back as itself.
func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"10", "10:", "~:10", "10:20", "@10:20", "100ms:1s", "1e-9", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		if err != nil {
			return
		}
		if again, err := ParseRange(r.String()); err != nil || again != r {
			t.Errorf("%q: %v is read again as %v: %v", text, r, again, err)
		}
	})
}
