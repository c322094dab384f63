package labtest

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"tcpprobe/internal/netlab"
)

// Nft loads a ruleset, in the language of nft(8), into a host's firewall.
func Nft(t testing.TB, h *netlab.Host, ruleset string) {
	t.Helper()
	NeedTool(t, "nft")
	cmd := h.Command(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}

// SNMP returns the counters of a host's network stack, which the kernel shows in /proc/net/snmp and /proc/net/netstat, by names
// like "Tcp.OutRsts" and "TcpExt.ListenDrops".
func SNMP(t testing.TB, h *netlab.Host) map[string]int {
	t.Helper()
	counters := make(map[string]int)
	for _, name := range []string{"snmp", "netstat"} {
		var text []byte
		err := h.Do(func() (err error) {
			text, err = os.ReadFile("/proc/thread-self/net/" + name)
			return err
		})
		if err == nil {
			err = parseCounters(counters, string(text))
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return counters
}

// parseCounters reads pairs of lines: names, then values, both behind the same prefix.
func parseCounters(counters map[string]int, text string) error {
	var names []string
	for line := range strings.Lines(text) {
		values := strings.Fields(line)
		if names == nil {
			names = values
			continue
		}
		if len(values) != len(names) || values[0] != names[0] {
			return errors.New("values do not stand under their names: " + line)
		}
		for i, value := range values[1:] {
			n, err := strconv.Atoi(value)
			if err != nil {
				return err
			}
			counters[strings.Replace(names[0], ":", ".", 1)+names[i+1]] = n
		}
		names = nil
	}
	return nil
}

// output runs a program outside of any network and returns what it wrote to its standard output.
func output(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%v: %v\n%s", cmd, err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
