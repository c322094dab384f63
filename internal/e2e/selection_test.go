//go:build linux

package e2e_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// probed returns the targets of the verdicts in an output, in their order.
func probed(stdout string) (targets []string) {
	for line := range strings.Lines(stdout) {
		if words := strings.Fields(line); len(words) > 1 && strings.HasPrefix(words[1], "10.78.") {
			targets = append(targets, words[1])
		}
	}
	return targets
}

// TestExclude: neither an address of a prefix nor that of a name gets a packet if it is left out.
func TestExclude(t *testing.T) {
	t.Parallel()
	client, server := anyIP(t)
	seen := labtest.Wire(t, server, "eth0")
	named := func() error {
		return ownEtc(func() error {
			return os.WriteFile("/etc/hosts", []byte("10.78.1.7 left.lab.test\n10.78.2.7 taken.lab.test\n"), 0o644)
		})
	}
	excluded := filepath.Join(t.TempDir(), "excluded")
	must(t, os.WriteFile(excluded, []byte("10.78.1.0/25 # theirs\n10.78.2.1\n"), 0o644))
	r := tcpprobe(t, client, "--exclude", excluded, "10.78.0.0/22:80", "--rate", "0", "--close", "rst")
	targets := probed(r.stdout)
	if r.code != exit.Established || len(targets) != 1024-128-1 {
		t.Errorf("exit code %d, %d targets\n%s", r.code, len(targets), r.stderr)
	}
	for _, target := range targets {
		if a := netip.MustParseAddrPort(target).Addr(); netip.MustParsePrefix("10.78.1.0/25").Contains(a) || a == netip.MustParseAddr("10.78.2.1") {
			t.Errorf("%s was probed", target)
		}
	}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"taken.lab.test:80"}, exit.Established, "ESTABLISHED  taken.lab.test:80"},
		{[]string{"left.lab.test:80"}, exit.System, "10.78.1.7 may not be probed: --exclude leaves it"},
		{[]string{"left.lab.test:80", "--race"}, exit.System, "10.78.1.7"},
		{[]string{"left.lab.test:80", "--compare-send"}, exit.System, "10.78.1.7"},
		{[]string{"left.lab.test:80", "--send", "connect"}, exit.System, "10.78.1.7 may not be probed"},
	} {
		r := runPrepared(t, client, named, append(test.args, "--exclude", excluded)...)
		if r.code != test.code || !strings.Contains(r.stdout, test.want) {
			t.Errorf("%q: exit code %d, want %d\n%s%s", test.args, r.code, test.code, r.stdout, r.stderr)
		}
	}
	if n := len(seen.Tshark(t, "ip.dst == 10.78.1.0/25 || ip.dst == 10.78.2.1", "frame.number")); n > 0 {
		t.Errorf("%d packets for those that were left out", n)
	}
}

// TestShard: three hosts with a third each probe everything once, in an order that a seed repeats.
func TestShard(t *testing.T) {
	t.Parallel()
	client, _ := anyIP(t)
	var all []string
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		r := tcpprobe(t, client, "10.78.0.0/22:80", "--shard", shard, "--rate", "0", "--close", "rst")
		if r.code != exit.Established {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
		all = append(all, probed(r.stdout)...)
	}
	slices.Sort(all)
	if len(all) != 1024 || len(slices.Compact(all)) != 1024 {
		t.Errorf("%d targets, want each of 1024 once", len(all))
	}
	var orders [3][]string
	for i, seed := range []string{"1", "1", "2"} {
		r := tcpprobe(t, client, "10.78.0.0/23:80", "--seed", seed, "--source-port", "40000", "--rate", "2000", "--close", "rst", "--json=brief")
		for _, m := range regexp.MustCompile(`"target":"([^"]+)","host"`).FindAllStringSubmatch(r.stdout, -1) {
			orders[i] = append(orders[i], m[1])
		}
	}
	if len(orders[0]) != 512 || slices.IsSorted(orders[0]) || slices.Equal(orders[0], orders[2]) {
		t.Errorf("%d targets, in order or in the same order for two seeds", len(orders[0]))
	}
}

// TestResume breaks a sweep off and goes on with it, until each target was probed once.
func TestResume(t *testing.T) {
	t.Parallel()
	client, server := anyIP(t)
	labtest.Nft(t, server, `table ip some {
		chain input {
			type filter hook input priority 0;
			ip daddr 10.78.0.128/25 drop
		}
	}`)
	name := filepath.Join(t.TempDir(), "resume")
	args := []string{"10.78.0.0/23:80", "--resume", name, "--rate", "500", "-W", "300ms", "--close", "rst"}
	var all []string
	for range 2 {
		p := start(t, client, args...)
		for range 20 {
			p.await(t, "ESTABLISHED  10.78.")
		}
		must(t, p.cmd.Process.Signal(os.Interrupt))
		r := p.end(t)
		if !regexp.MustCompile(`tcpprobe: \d+ targets are left; --resume \S+ goes on\n`).MatchString(r.stderr) {
			t.Fatalf("exit code %d, stderr %q", r.code, r.stderr)
		}
		for _, target := range probed(r.stdout) {
			if !strings.Contains(r.stdout, "INTERRUPTED  "+target) {
				all = append(all, target)
			}
		}
	}
	if r := tcpprobe(t, client, "10.78.0.0/24:80", "--resume", name); r.code != exit.Usage || !strings.Contains(r.stderr, "it is of other targets, another exclusion or another shard") {
		t.Errorf("other targets: exit code %d, %q", r.code, r.stderr)
	}
	r := tcpprobe(t, client, args...)
	if r.code != exit.Mixed || !strings.Contains(r.stderr, " goes on: ") {
		t.Fatalf("exit code %d, %q", r.code, r.stderr)
	}
	all = append(all, probed(r.stdout)...)
	slices.Sort(all)
	if len(all) != 512 || len(slices.Compact(all)) != 512 {
		t.Errorf("%d verdicts, want each of 512 targets once", len(all))
	}
	if content, err := os.ReadFile(name); err != nil || len(content) > 0 {
		t.Errorf("in the end %q stands in the file, %v", content, err)
	}
	must(t, os.WriteFile(name, []byte("hosts\n"), 0o644))
	if r := tcpprobe(t, client, args...); r.code != exit.Usage || !strings.Contains(r.stderr, "this is no file of --resume") {
		t.Errorf("another file: exit code %d, %q", r.code, r.stderr)
	}
}
