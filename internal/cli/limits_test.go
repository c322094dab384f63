//go:build linux

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
)

func TestParseLimits(t *testing.T) {
	for content, want := range map[string]limits{
		"":                          {1000, 65536},
		"# nothing\n\n":             {1000, 65536},
		"rate 5000 # for the sweep": {5000, 65536},
		"max-targets\t0\nrate 0\n":  {0, 0},
		"rate 1\nmax-targets 10":    {1, 10},
	} {
		if got, err := parseLimits(content); err != nil || got != want {
			t.Errorf("%q: %+v (%v), want %+v", content, got, err, want)
		}
	}
	for _, content := range []string{"rate", "rate 1 2", "speed 1", "rate -1", "rate x", "rate=1"} {
		if got, err := parseLimits(content); err == nil {
			t.Errorf("%q is taken: %+v", content, got)
		}
	}
}

func TestWithinLimits(t *testing.T) {
	byDefault := limits{defaultRate, defaultMaxTargets}
	for _, test := range []struct {
		rate, maxTargets int
		allowed          limits
		want             string // the flag that asks for too much; "" for none
	}{
		{1000, 65536, byDefault, ""},
		{1, 1, byDefault, ""},
		{1001, 65536, byDefault, "--rate 1001"},
		{0, 65536, byDefault, "--rate 0"},
		{1000, 65537, byDefault, "--max-targets 65537"},
		{1000, 0, byDefault, "--max-targets 0"},
		{0, 0, limits{0, 0}, ""},
		{0, 65536, limits{5000, 0}, "--rate 0"},
		{5000, 0, limits{5000, 0}, ""},
	} {
		err := options{rate: test.rate, maxTargets: test.maxTargets}.within(test.allowed)
		switch ended, ok := errors.AsType[*exit.Error](err); {
		case test.want == "" && err != nil, test.want != "" && err == nil:
			t.Errorf("%+v: %v", test, err)
		case ok && (ended.Code != exit.NotPermitted || !strings.HasPrefix(err.Error(), test.want+" is for root")):
			t.Errorf("%+v: %d, %v", test, ended.Code, err)
		}
	}
}

// TestOpenLimits: a file that others may write allows nothing.
func TestOpenLimits(t *testing.T) {
	dir := t.TempDir()
	if got, err := openLimits(filepath.Join(dir, "none")); err != nil || got != (limits{defaultRate, defaultMaxTargets}) {
		t.Errorf("no file: %+v, %v", got, err)
	}
	name := filepath.Join(dir, "limits")
	if err := os.WriteFile(name, []byte("rate 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := openLimits(name)
	if isRoot := os.Getuid() == 0; isRoot && (err != nil || got.rate != 0) || !isRoot && err == nil {
		t.Errorf("a file of uid %d: %+v, %v", os.Getuid(), got, err)
	}
	if err := os.Chmod(name, 0o666); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{name, link, dir} {
		if got, err := openLimits(name); err == nil {
			t.Errorf("%s is taken: %+v", name, got)
		}
	}
}
