package e2e_test

import (
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestDSCPChoosesRoute: a rule that looks at the Type of Service has another gateway for it on the same link, and both ways of
// sending use that. The other one is nobody's.
func TestDSCPChoosesRoute(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for _, arguments := range []string{
		"route replace default via 10.1.0.99",
		"route add default via 10.1.0.1 table 7",
		"rule add tos 0x10 lookup 7",
	} {
		if out, err := n.Client.Command(t.Context(), "ip", strings.Fields(arguments)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", arguments, err, out)
		}
	}
	for _, send := range []string{"link", "ip"} {
		p := probeOnce(t, n.Client, exit.Established, "established", "--dscp", "4", "--send", send, "10.3.0.80:80")
		if p.Route.NextHop != "10.1.0.1" || p.TCP.Send != send {
			t.Errorf("--send %s: by %s, next hop %s", send, p.TCP.Send, p.Route.NextHop)
		}
	}
}
