package page_test

import (
	"bytes"
	"testing"

	"tcpprobe/internal/page"
)

// TestOverviewSize: a page of a thousand targets, and one of ten thousand, of which it shows as many.
func TestOverviewSize(t *testing.T) {
	r := newRenderer(t)
	for _, targets := range []int{1000, 2500} {
		store, now := network(t, targets)
		b, err := r.Overview(page.Overview{Now: now, Targets: store.Targets(), Failures: store.Failures()})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d targets: %d octets", targets, len(b))
		if rows := bytes.Count(b, []byte("data-key=")); rows != 1000 {
			t.Errorf("%d targets: %d rows", targets, rows)
		}
		if most := 1_500_000; len(b) > most {
			t.Errorf("%d targets: %d octets, more than %d", targets, len(b), most)
		}
	}
}

func BenchmarkOverview(b *testing.B) {
	r := newRenderer(b)
	for _, bench := range []struct {
		name    string
		targets int
		rows    page.Rows
	}{{"1000", 1000, page.Rows{}}, {"1000, as refreshed", 1000, page.Rows{First: 100, End: 120}}, {"10000, as refreshed", 10_000, page.Rows{First: 100, End: 120}}} {
		store, now := network(b, bench.targets)
		targets, failures := store.Targets(), store.Failures()
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Overview(page.Overview{Now: now, Targets: targets, Failures: failures, Selection: page.Selection{Rows: bench.rows}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
