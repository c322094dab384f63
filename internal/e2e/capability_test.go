//go:build linux

package e2e_test

import (
	"os"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestRawSocketsAreEnough makes handshakes with CAP_NET_RAW and no other capability: also on kernels that want
// CAP_NET_ADMIN for the filter of a TCP socket, the guard keeps the kernel from resetting them.
func TestRawSocketsAreEnough(t *testing.T) {
	n := labtest.Journey(t)
	for name, args := range map[string][]string{
		"link":               {"--send", "link"},
		"ip":                 {"--send", "ip"},
		"interface and mark": {"--send", "ip", "-I", "eth0", "--mark", "7"},
	} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Open("/proc/self/exe")
			must(t, err)
			defer self.Close()
			args := append([]string{"--bounding-set=-all,+net_raw", "--inh-caps=-all", "--no-new-privs",
				"/proc/self/fd/3", "-q", "-c", "50", "-i", "2ms", "10.3.0.80:80"}, args...)
			cmd := n.Client.Command(t.Context(), "setpriv", args...)
			cmd.Env = programEnv()
			cmd.ExtraFiles = []*os.File{self}
			before := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]
			r := finish(t, cmd)
			if r.code != exit.Established || strings.Count(r.stdout, "established") != 50 {
				t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
			}
			if resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"] - before; resets != 0 {
				t.Errorf("the kernel sent %d RSTs", resets)
			}
		})
	}
}
