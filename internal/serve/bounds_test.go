package serve

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestBounds: each bound refuses what is beyond it, and nothing else; time fills them again, forwards alone.
func TestBounds(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := newBounds(Bounds{UnderWay: 2, PerSecond: 1000, PerTarget: 1000})
	for i, want := range []string{"", "", overUnderWay} {
		if got := b.take("a", now); got != want {
			t.Errorf("probe %d at once: %q, want %q", i+1, got, want)
		}
	}
	if b.giveBack(); b.take("a", now) != "" {
		t.Error("what was given back is not there")
	}

	b = newBounds(Bounds{PerSecond: 10})
	count := func(b *bounds, key string, now time.Time) (n int, over string) {
		for ; over == ""; n++ {
			over = b.take(key, now)
		}
		return n - 1, over
	}
	if n, over := count(b, "a", now); n != 10 || over != overPerSecond {
		t.Errorf("%d, %s", n, over)
	}
	if n, _ := count(b, "a", now.Add(500*time.Millisecond)); n != 5 {
		t.Errorf("%d in half a second", n)
	}
	if n, _ := count(b, "a", now); n != 0 {
		t.Errorf("%d as the clock is set back", n)
	}
	if n, _ := count(b, "a", now.Add(time.Hour)); n != 10 {
		t.Errorf("%d after an hour", n)
	}

	b = newBounds(Bounds{PerTarget: 3, PerSecond: 1 << 16})
	for _, key := range []string{"a", "b"} {
		if n, over := count(b, key, now); n != 3 || over != overPerTarget {
			t.Errorf("%s: %d, %s", key, n, over)
		}
	}
	for i := range 10_000 {
		b.take(fmt.Sprint(i), now.Add(time.Duration(i)*time.Millisecond))
	}
	if len(b.targets) > 2100 {
		t.Errorf("%d targets are remembered", len(b.targets))
	}
}

// TestLimit: how long a probe may take, by who asks, by its module and by the offset.
func TestLimit(t *testing.T) {
	const offset = 500 * time.Millisecond
	for _, test := range []struct {
		header string
		module time.Duration
		want   time.Duration // 0 for an error
	}{
		{"", 0, 9500 * time.Millisecond}, {"", 5 * time.Second, 5 * time.Second}, {"", time.Minute, 9500 * time.Millisecond},
		{"5", 0, 4500 * time.Millisecond}, {"5.25", 0, 4750 * time.Millisecond}, {"1", 5 * time.Second, offset}, {"0.4", 0, 200 * time.Millisecond}, {"0.4", 100 * time.Millisecond, 100 * time.Millisecond},
		{"1e9", 0, longestTimeout - offset}, {"-1", 0, 0}, {"0", 0, 0}, {"NaN", 0, 0}, {"Inf", 0, 0}, {"soon", 0, 0},
	} {
		h := http.Header{}
		h.Set(scrapeTimeout, test.header)
		got, err := limitOf(h, test.module, offset)
		if got != test.want || (err != nil) != (test.want == 0) {
			t.Errorf("header %q, module %v: %v, %v; want %v", test.header, test.module, got, err, test.want)
		}
	}
}
