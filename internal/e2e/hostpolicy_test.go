package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestFirewallBypassed: frames go past a firewall of this host that lets no application have the answer, which is said; by the
// kernel's IP the firewall has its way.
func TestFirewallBypassed(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.Client, "table ip t {\n chain i { type filter hook input priority 0; ip saddr 10.3.0.80 tcp sport 80 drop\n }\n}\n")
	r := tcpprobe(t, n.Client, "10.3.0.80:80")
	if r.code != exit.Established || !strings.Contains(r.stdout, "past this host's own firewall (nftables input)") {
		t.Errorf("exit code %d:\n%s", r.code, r.stdout)
	}
	for args, times := range map[string]int{
		"-c 2 -i 10ms 10.3.0.80:80": 1, "-q -c 2 -i 10ms 10.3.0.80:80": 1, "-q 10.3.0.80:80": 0, "trace -W 300ms 10.3.0.80:80": 1, "trace -q -W 300ms 10.3.0.80:80": 0,
		"-c 2 -i 10ms --send ip -W 200ms 10.3.0.80:80": 0, "trace -W 300ms --send ip 10.3.0.80:80": 0,
	} {
		r := tcpprobe(t, n.Client, strings.Fields(args)...)
		const note = "note: sent in frames, past this host's own firewall (nftables input), as no application's are; --send ip asks it"
		if said := strings.Join(strings.Fields(r.stdout), " "); strings.Count(said, note) != times {
			t.Errorf("%s: the note is not there %d times: %s", args, times, said)
		}
	}
	p := probeOnce(t, n.Client, exit.Established, "established", "10.3.0.80:80")
	if !slices.Equal(p.TCP.Bypassed, []string{"nftables input"}) || p.TCP.Send != "link" {
		t.Errorf("by %s past %q", p.TCP.Send, p.TCP.Bypassed)
	}
}

// TestIPsecPolicy: where a policy demands ESP nothing leaves in frames unless that is asked for.
func TestIPsecPolicy(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	arguments := strings.Fields("xfrm policy add src 10.9.0.1 dst 10.9.0.2 dir out tmpl src 10.9.0.1 dst 10.9.0.2 proto esp mode transport")
	if out, err := n.Client.Command(t.Context(), "ip", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	for _, test := range []struct {
		send, want string
		bypassed   []string
	}{{"auto", "ip", nil}, {"link", "link", []string{"IPsec"}}} {
		p := probeOnce(t, n.Client, exit.Established, "established", "--send", test.send, "10.3.0.80:80")
		if p.TCP.Send != test.want || !slices.Equal(p.TCP.Bypassed, test.bypassed) {
			t.Errorf("--send %s: by %s past %q, want %s past %q", test.send, p.TCP.Send, p.TCP.Bypassed, test.want, test.bypassed)
		}
	}
}

// TestReservedPorts: the ports that an administrator keeps for servers are none for probes.
func TestReservedPorts(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for name, value := range map[string]string{"net/ipv4/ip_local_port_range": "40000 40009", "net/ipv4/ip_local_reserved_ports": "40000-40007"} {
		if err := n.Client.Sysctl(name, value); err != nil {
			t.Fatal(err)
		}
	}
	r := tcpprobe(t, n.Client, "--json", "-c", "6", "-i", "20ms", "--close", "rst", "10.3.0.80:80")
	for _, reserved := range []string{":40000\"", ":40003\"", ":40007\""} {
		if strings.Contains(r.stdout, "10.1.0.2"+reserved) {
			t.Errorf("a reserved port was used:\n%s", r.stdout)
		}
	}
	for _, free := range []string{":40008\"", ":40009\""} {
		if strings.Count(r.stdout, `"local":"10.1.0.2`+free) != 3 {
			t.Errorf("port %s was not used 3 of 6 times:\n%s", free, r.stdout)
		}
	}
}
