//go:build linux

package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/netlab"
)

// envGolden names the program that TestGolden runs in place of the one under test, so that golden files can be made by another
// version.
const envGolden = "TCPPROBE_GOLDEN_BINARY"

var update = flag.Bool("update", false, "write the golden files anew")

// A goldenCase is one run of the program, whose exit code and output a file in testdata holds.
type goldenCase struct {
	name string
	args string
	// unordered is set where lines come in the order in which handshakes end.
	unordered bool
	stdin     string
	// file is the name of a file that the run writes, which is compared too. In args it stands as FILE.
	file string
}

// fixedPort is the source port of runs whose packets are shown: one that the kernel does not choose.
const fixedPort = " --source-port=30000"

// goldenGroups are the directories of testdata, and the runs whose files they hold.
var goldenGroups = []struct {
	name  string
	cases []goldenCase
}{
	{"probe", goldenProbe}, {"outcome", goldenOutcome}, {"series", goldenSeries}, {"targets", goldenTargets},
	{"trace", goldenTrace}, {"check", goldenCheck}, {"dryrun", goldenDryRun}, {"word", goldenWords},
}

// TestGolden compares what runs of the program print with what they printed before, but for times, ports and random numbers.
func TestGolden(t *testing.T) {
	t.Parallel()
	n := goldenNetwork(t)
	for _, group := range goldenGroups {
		for _, c := range group.cases {
			t.Run(group.name+"/"+c.name, func(t *testing.T) {
				golden(t, filepath.Join("testdata", group.name, c.name+".golden"), runGolden(t, n.Client, c))
			})
		}
	}
}

// runGolden runs the program and returns all that it left, normalized.
func runGolden(t *testing.T, h *netlab.Host, c goldenCase) string {
	t.Helper()
	args := strings.Fields(c.args)
	path := ""
	if c.file != "" {
		path = filepath.Join(t.TempDir(), c.file)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "FILE", path)
		}
	}
	cmd := program(t.Context(), h, args...)
	if other := os.Getenv(envGolden); other != "" {
		cmd = h.Command(t.Context(), other, args...)
		cmd.Env = programEnv()
	}
	cmd.Stdin = strings.NewReader(c.stdin)
	r := finish(t, cmd)
	var b strings.Builder
	fmt.Fprintf(&b, "$ tcpprobe %s\n", c.args)
	fmt.Fprintf(&b, "-- exit code %d --\n", r.code)
	for _, part := range []struct{ name, text string }{{"stdout", r.stdout}, {"stderr", r.stderr}} {
		if part.text == "" {
			continue
		}
		fmt.Fprintf(&b, "-- %s --\n%s", part.name, normalize(part.text, c.unordered))
	}
	if path != "" {
		text, err := os.ReadFile(path)
		must(t, err)
		fmt.Fprintf(&b, "-- %s --\n%s", c.file, normalize(string(text), false))
	}
	return b.String()
}

// golden compares text with a golden file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(strings.SplitAfter(string(want), "\n"), strings.SplitAfter(got, "\n")); diff != "" {
		t.Errorf("%s is not what the program prints (-want +got):\n%s", path, diff)
	}
}
