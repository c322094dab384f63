//go:build linux

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// sendsLine is a line of type "sends".
type sendsLine struct {
	Type, Target, Address string
	Link, IP, Connect     struct{ Outcome, Reason string }
	PartsAt               string `json:"parts_at"`
	Verdict, Evidence     string
	Counters              []struct{ Name string }
}

// compareSend runs --compare-send as text and as JSON, checks that both end with a code and name the same place, and returns both.
func compareSend(t *testing.T, h *netlab.Host, code int, partsAt, target string) (string, sendsLine) {
	t.Helper()
	r := tcpprobe(t, h, "--compare-send", "-W=1200ms", target)
	j := tcpprobe(t, h, "--compare-send", "-W=1200ms", "--json", target)
	validate(t, j.stdout)
	var l sendsLine
	must(t, json.Unmarshal([]byte(j.stdout), &l))
	t.Logf("%s%s", r.stdout, r.stderr)
	if r.code != code || j.code != code || l.PartsAt != partsAt || l.Type != "sends" || !strings.Contains(r.stdout, target+"  parts at "+partsAt+"\n") {
		t.Errorf("exit codes %d and %d, want %d; want them to part at %s:\n%s%s\n%s", r.code, j.code, code, partsAt, r.stdout, r.stderr, j.stdout)
	}
	for line := range strings.Lines(r.stdout) {
		if len([]rune(strings.TrimSuffix(line, "\n"))) > 80 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
	return r.stdout, l
}

// TestCompareSend: what stands on this host between applications and the wire is named, each with its evidence.
func TestCompareSend(t *testing.T) {
	t.Parallel()
	chain := func(hook, rule string) func(*testing.T, *labtest.Network) {
		return func(t *testing.T, n *labtest.Network) {
			labtest.Nft(t, n.Client, fmt.Sprintf("table ip t {\n chain c {\n type filter hook %s priority 0\n %s\n }\n}\n", hook, rule))
		}
	}
	for _, test := range []struct {
		name, target, partsAt string
		code                  int
		prepare               func(*testing.T, *labtest.Network)
		outcomes              string // by link, ip and connect
		verdict, evidence     string // parts of them
	}{
		{"nothing in the way", "10.3.0.80:80", "nowhere", exit.Established, nil,
			"established established established", "Frames, raw IP and connect(2) end alike: nothing on this host is in the way.", "All ended alike."},
		{"nothing in the way, refused", "10.3.0.80:81", "nowhere", exit.Refused, nil,
			"refused refused refused", "Frames, raw IP and connect(2) end alike: firewall, translation and IPsec of this host are not the cause.", "All ended alike."},
		{"OUTPUT drop", "10.3.0.80:80", "output", exit.Timeout, chain("output", "tcp dport 80 drop"),
			"established local_error timeout", "Frames get through, raw IP and connect(2) do not: a firewall of this host stops what goes out.", "EPERM"},
		{"OUTPUT reject", "10.3.0.80:80", "output", exit.Unreachable, chain("output", "tcp dport 80 reject with icmp admin-prohibited"),
			"established local_error unreachable", "Frames get through, raw IP and connect(2) do not: a firewall of this host stops what goes out.", "this host itself rejects the SYN of connect(2): ICMP 3/13"},
		{"OUTPUT reject by RST", "10.3.0.80:80", "output", exit.Refused, chain("output", "tcp dport 80 reject with tcp reset"),
			"established local_error refused", "Frames get through, raw IP and connect(2) do not: a firewall of this host stops what goes out.", "EPERM"},
		{"INPUT drop", "10.3.0.80:80", "input", exit.Timeout, chain("input", "tcp sport 80 drop"),
			"established timeout timeout", "Frames get through, raw IP and connect(2) do not: a firewall of this host drops what comes in.", "nftables input"},
		{"DNAT", "10.96.0.1:443", "nat", exit.Established, func(t *testing.T, n *labtest.Network) {
			labtest.Nft(t, n.Client, "table ip t {\n chain c {\n type nat hook output priority -100\n ip daddr 10.96.0.1 tcp dport 443 dnat to 10.3.0.80:80\n }\n}\n")
		}, "unreachable established established", "Raw IP and connect(2) get through, frames do not: this host translates the address", "nftables nat"},
		{"IPsec", "10.3.0.80:80", "ipsec", exit.System, func(t *testing.T, n *labtest.Network) {
			out, err := n.Client.Command(t.Context(), "ip", strings.Fields("xfrm policy add src 0.0.0.0/0 dst 10.3.0.80/32 dir out action block")...).CombinedOutput()
			if err != nil {
				t.Fatalf("ip: %v\n%s", err, out)
			}
		}, "established local_error local_error", "Frames get through, raw IP and connect(2) do not: a policy of IPsec", "XfrmOutPolBlock rose by "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := labtest.Journey(t)
			if test.prepare != nil {
				test.prepare(t, n)
			}
			text, l := compareSend(t, n.Client, test.code, test.partsAt, test.target)
			if outcomes := fmt.Sprint(l.Link.Outcome, " ", l.IP.Outcome, " ", l.Connect.Outcome); outcomes != test.outcomes {
				t.Errorf("%s, want %s", outcomes, test.outcomes)
			}
			if !strings.Contains(l.Verdict, test.verdict) || !strings.Contains(l.Evidence, test.evidence) {
				t.Errorf("verdict %q, evidence %q, want %q and %q in them", l.Verdict, l.Evidence, test.verdict, test.evidence)
			}
			if l.IP.Outcome == "local_error" && !strings.Contains(l.IP.Reason, "firewall of this host") {
				t.Errorf("reason %q", l.IP.Reason)
			}
			if words := strings.Fields(text); !strings.Contains(strings.Join(words, " "), l.Verdict) {
				t.Errorf("%q is not in the text:\n%s", l.Verdict, text)
			}
		})
	}
}

// TestCompareSendSilent: with -qq nothing is said of a run that ends with 0.
func TestCompareSendSilent(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for target, code := range map[string]int{"10.3.0.80:80": exit.Established, "10.3.0.80:81": exit.Refused} {
		r := tcpprobe(t, n.Client, "--compare-send", "-qq", target)
		if r.code != code || (r.stdout == "") != (code == exit.Established) || r.stderr != "" {
			t.Errorf("%s: exit code %d, want %d\n%s%s", target, r.code, code, r.stdout, r.stderr)
		}
	}
}

// TestCompareSendReversePath: an answer that comes by another interface than the route's is one for frames alone, where rp_filter
// is strict.
func TestCompareSendReversePath(t *testing.T) {
	t.Parallel()
	lab := labtest.New(t)
	client, err := lab.Host("client")
	must(t, err)
	server, err := lab.Host("server")
	must(t, err)
	must(t, server.Sysctl("net/ipv4/conf/all/rp_filter", "0"))
	must(t, server.Sysctl("net/ipv4/conf/default/rp_filter", "0"))
	for i := range 2 {
		must(t, lab.Link(client, fmt.Sprintf("eth%d", i), netip.MustParsePrefix(fmt.Sprintf("10.0.%d.1/24", i)),
			server, fmt.Sprintf("eth%d", i), netip.MustParsePrefix(fmt.Sprintf("10.0.%d.2/24", i))))
	}
	must(t, client.Sysctl("net/ipv4/conf/all/rp_filter", "1"))
	must(t, server.Sysctl("net/ipv4/conf/all/arp_announce", "2")) // or rp_filter would not let the client answer its ARP
	must(t, server.Address("lo", netip.MustParsePrefix("10.5.0.1/32")))
	must(t, client.Route(netlab.Route{Dst: netip.MustParsePrefix("10.5.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.2")}))
	must(t, server.Route(netlab.Route{Dst: netip.MustParsePrefix("10.0.0.1/32"), NextHop: netip.MustParseAddr("10.0.1.1")}))
	serve(t, server, "10.5.0.1:80")
	_, l := compareSend(t, client, exit.Timeout, "reverse_path", "10.5.0.1:80")
	for _, want := range []string{"came by eth1, not by eth0", "IPReversePathFilter rose by "} {
		if !strings.Contains(strings.ToLower(l.Evidence), strings.ToLower(want)) {
			t.Errorf("evidence %q, want %q in it", l.Evidence, want)
		}
	}
}

// TestCompareSendWithoutFrames: on loopback the two ways that there are are compared.
func TestCompareSendWithoutFrames(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	serve(t, n.Client, "127.0.0.1:80")
	_, l := compareSend(t, n.Client, exit.Established, "nowhere", "127.0.0.1:80")
	if l.Link.Outcome != "local_error" || l.Connect.Outcome != "established" {
		t.Errorf("%+v", l)
	}
}
