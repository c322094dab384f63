package target

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestPermutation: each number once, whatever their number, and another order with another seed.
func TestPermutation(t *testing.T) {
	for _, size := range []int{1, 2, 3, 4, 5, 16, 17, 255, 257, 1000, 65536, 65537} {
		var orders [2][]int
		for seed := range orders {
			p := newPermutation(size, uint64(seed))
			for place := range size {
				orders[seed] = append(orders[seed], p.at(place))
			}
			sorted := slices.Sorted(slices.Values(orders[seed]))
			for i, n := range sorted {
				if i != n {
					t.Fatalf("size %d, seed %d: %d stands where %d should", size, seed, n, i)
				}
			}
		}
		if size > 16 && slices.Equal(orders[0], orders[1]) {
			t.Errorf("size %d: two seeds give one order", size)
		}
	}
}

// TestPermutationSpreads: among 256 neighbors in the order of a /8, no /16 is met much more often than by chance: 1 is the mean, and
// Poisson's distribution has 9 of them about once in 10^6.
func TestPermutationSpreads(t *testing.T) {
	p := newPermutation(1<<24, 7)
	for from := 0; from < 1<<16; from += 256 {
		met := make(map[int]int)
		for place := range 256 {
			n := p.at(from+place) >> 16
			if met[n]++; met[n] > 9 {
				t.Fatalf("%d of 256 targets from place %d on are in one /16", met[n], from)
			}
		}
	}
}

func exclusionOf(t *testing.T, lines string) Exclusion {
	t.Helper()
	e, err := readExclusion(strings.NewReader(lines), "none")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestExclusion compares what is left of prefixes with what is found address by address.
func TestExclusion(t *testing.T) {
	for _, test := range []struct{ lines, prefix string }{
		{"", "192.0.2.0/28"},
		{"192.0.2.0/24", "192.0.2.0/28"},
		{"192.0.2.0/28", "192.0.2.0/28"},
		{"192.0.2.0/29", "192.0.2.0/28"},
		{"192.0.2.8/29", "192.0.2.0/28"},
		{"192.0.2.5\n192.0.2.4/31 # both\n\n192.0.2.0/32\n192.0.2.15", "192.0.2.0/28"},
		{"0.0.0.0/0\n192.0.2.1", "192.0.2.0/28"},
		{"198.51.100.0/24\n192.0.2.3\n::/0", "192.0.2.0/28"},
		{"2001:db8::4/126\n[2001:db8::1]\n192.0.2.0/24", "2001:db8::/124"},
		{"fe80::/10\n10.0.0.0/8", "2001:db8::/124"},
	} {
		e, p := exclusionOf(t, test.lines), netip.MustParsePrefix(test.prefix)
		left := Selection{Exclude: e}.without(set{prefix: p, ports: []portRange{{80, 81}}, count: 2 << hostBits(p)})
		var got, want []string
		for i := range left.count {
			got = append(got, left.at(i).Text)
		}
		for a := p.Addr(); p.Contains(a); a = a.Next() {
			if !e.Contains(a) {
				want = append(want, netip.AddrPortFrom(a, 80).String(), netip.AddrPortFrom(a, 81).String())
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q leaves of %v\n%q, want\n%q", test.lines, p, got, want)
		}
	}
	if e := exclusionOf(t, "fe80::/10"); !e.Contains(netip.MustParseAddr("fe80::1%eth0")) || e.Contains(netip.Addr{}) {
		t.Error("a zone decides, or no address is left out")
	}
}

func TestExclusionErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"192.0.2.0/24\nexample.com": "f line 2: example.com: a prefix or an address is wanted, as in 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1",
		"192.0.2.1/24":              "f line 1: 192.0.2.1/24 is an address in a prefix: 192.0.2.0/24 is the prefix, and 192.0.2.1 the address",
		"\x1b[1m":                   `f line 1: \x1b[1m: a prefix or an address is wanted, as in 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1`,
		"\xff\xfea":                 "f line 1: the file is UTF-16: save it as UTF-8",
	} {
		if _, err := readExclusion(strings.NewReader(lines), "f"); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", lines, err, want)
		}
	}
}

// TestShards: shards have nothing in common and are everything together, whatever their seeds, of arguments and lines, with and
// without an exclusion.
func TestShards(t *testing.T) {
	args, lines := []string{"a:1", "198.51.100.0/22:80,443", "b:1-7"}, "c:1\n192.0.2.0/29:22\nd:4\n192.0.2.77:1\n"
	for _, exclude := range []string{"", "198.51.101.0/24\n192.0.2.4\n192.0.2.77"} {
		taken := func(s Selection) []string {
			s.Exclude = exclusionOf(t, exclude)
			l, err := Rules{Selection: s}.Open(t.Context(), args, "-", strings.NewReader(lines), 0)
			if err != nil {
				t.Fatal(err)
			}
			n := l.Len()
			var all []string
			for target, ok := l.Next(); ok; target, ok = l.Next() {
				all = append(all, target.Text)
			}
			if len(all) != n || l.Remaining() != 0 {
				t.Errorf("%+v: %d targets, of %d", s.Shard, len(all), n)
			}
			return all
		}
		want := taken(Selection{})
		slices.Sort(want)
		for _, of := range []int{1, 2, 3, 8, 100} {
			var together []string
			for i := range of {
				part := taken(Selection{Shard: Shard{i, of}, Seed: uint64(i)})
				if len(part) < len(want)/of || len(part) > len(want)/of+1 {
					t.Errorf("%d/%d has %d of %d targets", i+1, of, len(part), len(want))
				}
				together = append(together, part...)
			}
			slices.Sort(together)
			if !slices.Equal(together, want) {
				t.Errorf("%d shards have %d targets together, want %d", of, len(together), len(want))
			}
		}
	}
}

func TestShardErrors(t *testing.T) {
	for _, s := range []string{"", "3", "0/8", "9/8", "-1/8", "+1/8", "1/0", "1/8/2", "a/b", "1 / 2"} {
		if _, err := ParseShard(s); err == nil || !strings.HasSuffix(err.Error(), ": I/N is wanted, I from 1 to N, as in 3/8") {
			t.Errorf("%q: %v", s, err)
		}
	}
	if s, err := ParseShard("3/8"); err != nil || s != (Shard{2, 8}) {
		t.Errorf("3/8 is %v, %v", s, err)
	}
	for _, test := range []struct {
		selection Selection
		want      string
	}{
		{Selection{Shard: Shard{2, 3}}, "shard 3/3 of 2 targets is empty"},
		{Selection{Exclude: Exclusion{netip.MustParsePrefix("192.0.2.0/24")}}, "--exclude leaves no target"},
	} {
		_, err := Rules{Selection: test.selection}.Open(t.Context(), []string{"192.0.2.0/31:1"}, "", nil, 0)
		if err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

// TestResume breaks a run off again and again, with targets under way, and counts what was done in the end.
func TestResume(t *testing.T) {
	args, lines := []string{"a:1", "198.51.100.0/23:80"}, "c:1\nd:4\n192.0.2.0/29:22\n"
	done := make(map[string]int)
	var state State
	for run := 0; ; run++ {
		l, err := Rules{Selection: Selection{Seed: 5}}.Open(t.Context(), args, "-", strings.NewReader(lines), 0)
		if err != nil {
			t.Fatal(err)
		}
		l.Track()
		if run > 0 {
			if err := l.Resume(state); err != nil {
				t.Fatal(err)
			}
		}
		left := l.Len()
		if run == 100 {
			t.Fatal("this never ends")
		}
		for i := range 37 {
			target, place, ok := l.Take()
			if !ok {
				break
			}
			if i%3 != 1 { // the others are broken off
				l.Done(place)
				done[target.Text]++
				left--
			}
		}
		var remaining int
		if state, remaining = l.State(); remaining != left {
			t.Fatalf("run %d leaves %d, by its state %d", run, left, remaining)
		}
		if left == 0 {
			break
		}
		if state, err = ParseState(fmt.Appendf(nil, `{"schema":"tcpprobe-resume/1","content":"%s","seed":5,"next":%d,"again":%s}`,
			state.Content, state.Next, strings.ReplaceAll(fmt.Sprint(state.Again), " ", ","))); err != nil {
			t.Fatal(err)
		}
	}
	for target, times := range done {
		if times != 1 {
			t.Errorf("%s was done %d times", target, times)
		}
	}
	if len(done) != 1+512+1+1+8 {
		t.Errorf("%d targets were done", len(done))
	}
}

func TestResumeErrors(t *testing.T) {
	for _, content := range []string{"", "{}", "null", "[]", `{"schema":"tcpprobe/1"}`, "\x00"} {
		if _, err := ParseState([]byte(content)); err == nil || err.Error() != "this is no file of --resume" {
			t.Errorf("%q: %v", content, err)
		}
	}
	for _, fields := range []string{`"next":-1`, `"next":3,"again":[3]`, `"next":3,"again":[-1]`} {
		if _, err := ParseState([]byte(`{"schema":"tcpprobe-resume/1",` + fields + "}")); err == nil || !strings.HasSuffix(err.Error(), "contradicts itself") {
			t.Errorf("%q: %v", fields, err)
		}
	}
	open := func(s Selection, args ...string) *List {
		l, err := Rules{Selection: s}.Open(t.Context(), args, "", nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	of, _ := open(Selection{Seed: 5}, "a:1", "b:2").State()
	for _, test := range []struct {
		list *List
		want string
	}{
		{open(Selection{Seed: 5}, "a:1", "b:3"), "it is of other targets, another exclusion or another shard"},
		{open(Selection{Seed: 5, Shard: Shard{0, 2}}, "a:1", "b:2"), "it is of other targets, another exclusion or another shard"},
		{open(Selection{Seed: 6}, "a:1", "b:2"), "it is of --seed 5"},
	} {
		if err := test.list.Resume(of); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	of.Next = 3
	if err := open(Selection{Seed: 5}, "a:1", "b:2").Resume(of); err == nil {
		t.Error("there are not so many targets")
	}
}
