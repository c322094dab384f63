//go:build linux

package e2e_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// goldenRules has a router reject, reset and drop what it forwards, by port, and drop every other SYN to port 8081.
const goldenRules = `table ip golden {
	chain early {
		type filter hook prerouting priority filter
		tcp dport 1201 drop
	}
	chain forward {
		type filter hook forward priority filter
		tcp dport 1000 reject with icmp net-unreachable
		tcp dport 1001 reject with icmp host-unreachable
		tcp dport 1002 reject with icmp prot-unreachable
		tcp dport 1003 reject with icmp port-unreachable
		tcp dport 1013 reject with icmp admin-prohibited
		tcp dport 1100 reject with tcp reset
		tcp dport 1200 drop
		tcp dport 8081 tcp flags & (syn | ack) == syn numgen inc mod 2 0 drop
	}
}`

// goldenNetwork is the standard network with everything in it that a probe may come upon:
//
//	10.3.0.80:8080   reads to the end, and closes a while after its kernel has acknowledged the FIN
//	10.3.0.80:8081   the same, but every other SYN is lost
//	10.3.0.80:2222   speaks first, and stays
//	10.9.1.0/24      R2 says unreachable; 10.9.2.0/24 prohibited; 10.9.3.0/24 nothing
//	10.8.0.0/24      behind a gateway that does not answer ARP
//	10.7.0.0/24      the client has no route to it
//
// The link between the routers takes 1400 octets.
func goldenNetwork(t *testing.T) *labtest.Network {
	t.Helper()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, goldenRules)
	for prefix, kind := range map[string]netlab.RouteType{
		"10.9.1.0/24": netlab.Unreachable, "10.9.2.0/24": netlab.Prohibit, "10.9.3.0/24": netlab.Blackhole,
		// The router would ask the link for them, and what it says and when depends on when somebody last asked.
		"10.3.0.81/32": netlab.Blackhole, "10.3.0.82/32": netlab.Blackhole,
	} {
		must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	must(t, n.Client.Route(netlab.Route{Dst: netip.MustParsePrefix("10.7.0.0/24"), Type: netlab.Unreachable}))
	must(t, n.Client.Route(netlab.Route{Dst: netip.MustParsePrefix("10.8.0.0/24"), NextHop: netip.MustParseAddr("10.1.0.254")}))
	must(t, n.R1.SetMTU("eth1", 1400))
	must(t, n.R2.SetMTU("eth0", 1400))
	goldenServer(t, n.Server, "10.3.0.80:8080", polite)
	goldenServer(t, n.Server, "10.3.0.80:8081", polite)
	goldenServer(t, n.Server, "10.3.0.80:2222", func(c net.Conn) {
		io.WriteString(c, "220 lab.test ready\r\n")
		io.Copy(io.Discard, c)
		c.Close()
	})
	return n
}

// polite reads to the end, and closes a while after its kernel has acknowledged the FIN.
func polite(c net.Conn) {
	io.Copy(io.Discard, c)
	time.Sleep(100 * time.Millisecond)
	c.Close()
}

// goldenServer has a host serve each connection to an address.
func goldenServer(t *testing.T, h *netlab.Host, address string, serve func(net.Conn)) {
	t.Helper()
	listener, err := h.Listen("tcp4", address)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
}

var goldenProbe = []goldenCase{
	{name: "text", args: "--dns=10.3.0.53 www.lab.test:8080"},
	{name: "verbose", args: "-v --dns=10.3.0.53 www.lab.test:8080" + fixedPort},
	{name: "quiet", args: "-q --dns=10.3.0.53 www.lab.test:8080"},
	{name: "color", args: "--color=always -v 10.3.0.80:8080" + fixedPort},
	{name: "json", args: "--json --dns=10.3.0.53 alias.lab.test:8080" + fixedPort},
	{name: "explain", args: "--explain --dns=10.3.0.53 www.lab.test:8080" + fixedPort},
	{name: "explain-checksum", args: "--explain=checksum 10.3.0.80:8080 --close=rst" + fixedPort},
	{name: "mermaid", args: "-o mermaid 10.3.0.80:8080" + fixedPort},
	{name: "mermaid-prohibited", args: "-o mermaid 10.3.0.80:1013" + fixedPort},
	{name: "diagram", args: "-q --diagram FILE 10.3.0.80:8080" + fixedPort, file: "handshake.svg"},
	{name: "send-ip", args: "-v --send=ip 10.3.0.80:8080" + fixedPort},
	{name: "loopback", args: "-v 127.0.0.1:7" + fixedPort},
	{name: "close-rst", args: "10.3.0.80:8080 --close=rst"},
	{name: "close-half", args: "10.3.0.80:8080 --close=half"},
	{name: "close-none", args: "10.3.0.80:8080 --close=none -W=300ms"},
	{name: "speaks-first", args: "10.3.0.80:2222 --close=none -W=300ms"},
	{name: "syn-bare", args: "-v 10.3.0.80:8080 --syn=bare --close=rst" + fixedPort},
	{name: "syn-ecn", args: "-v 10.3.0.80:8080 --syn=ecn --close=rst --ttl=9 --dscp=46 --mss=900 --window=5000" + fixedPort},
	{name: "syn-accecn", args: "-v 10.3.0.80:8080 --syn=accecn --close=rst" + fixedPort},
	{name: "assert", args: "10.3.0.80:8080 --close=rst --assert loss<1% --assert established>=2"},
	{name: "require", args: "10.3.0.80:81 10.3.0.80:8080 --close=rst --require any"},
}

var goldenOutcome = []goldenCase{
	{name: "refused", args: "10.3.0.80:81"},
	{name: "refused-json", args: "--json 10.3.0.80:81" + fixedPort},
	{name: "refused-explain", args: "--explain 10.3.0.80:81" + fixedPort},
	{name: "reset-by-firewall", args: "10.3.0.80:1100"},
	{name: "timeout", args: "10.3.0.80:1200 -W=1200ms"},
	{name: "timeout-json", args: "--json 10.3.0.80:1200 -W=300ms" + fixedPort},
	{name: "timeout-explain", args: "--explain 10.3.0.80:1200 -W=300ms" + fixedPort},
	{name: "second-syn", args: "10.3.0.80:8081 --close=rst"},
	{name: "second-syn-json", args: "--json 10.3.0.80:8081 --close=rst" + fixedPort},
	{name: "net-unreachable", args: "10.3.0.80:1000"},
	{name: "host-unreachable", args: "10.3.0.80:1001"},
	{name: "protocol-unreachable", args: "10.3.0.80:1002"},
	{name: "port-unreachable", args: "10.3.0.80:1003"},
	{name: "prohibited", args: "-v 10.3.0.80:1013" + fixedPort},
	{name: "prohibited-json", args: "--json 10.3.0.80:1013" + fixedPort},
	{name: "prohibited-explain", args: "--explain 10.3.0.80:1013" + fixedPort},
	{name: "prohibited-report", args: "10.3.0.80:1013 --icmp=report -W=300ms"},
	{name: "no-hops-left", args: "10.3.0.80:8080 --ttl=1"},
	{name: "route-unreachable", args: "10.9.1.1:80"},
	{name: "route-prohibited", args: "10.9.2.1:80"},
	{name: "route-blackhole", args: "10.9.3.1:80 -W=300ms"},
	{name: "no-such-name", args: "--dns=10.3.0.53 nobody.lab.test:80"},
	{name: "no-such-name-json", args: "--json --dns=10.3.0.53 nobody.lab.test:80"},
	{name: "no-such-name-explain", args: "--explain --dns=10.3.0.53 nobody.lab.test:80"},
	{name: "no-address", args: "--dns=10.3.0.53 text.lab.test:80"},
	{name: "dns-refused", args: "--dns=10.3.0.53 www.elsewhere.test:80"},
	{name: "dns-silent", args: "--dns=10.9.3.53 --dns-timeout=200ms --dns-tries=2 www.lab.test:80"},
	{name: "no-route", args: "10.7.0.1:80"},
	{name: "no-route-json", args: "--json 10.7.0.1:80"},
	{name: "arp-timeout", args: "10.1.0.77:80"},
	{name: "arp-timeout-gateway", args: "10.8.0.1:80"},
	{name: "arp-timeout-json", args: "--json 10.8.0.1:80"},
	{name: "no-interface", args: "-I=nosuch 10.3.0.80:80"},
	{name: "no-interface-json", args: "--json -I=nosuch 10.3.0.80:80"},
	{name: "link-on-loopback", args: "--send=link 127.0.0.1:80"},
}

var goldenSeries = []goldenCase{
	{name: "text", args: "--dns=10.3.0.53 www.lab.test:8080 -c3 -i=50ms --close=rst", unordered: true},
	{name: "verbose", args: "-v 10.3.0.80:8080 -c3 -i=50ms --close=rst", unordered: true},
	{name: "quiet", args: "-q 10.3.0.80:8080 -c3 -i=50ms --close=rst"},
	{name: "json", args: "--json 10.3.0.80:8080 -c2 -i=200ms --close=rst"},
	{name: "mixed", args: "10.3.0.80:8080 10.3.0.80:81 10.3.0.80:1013 -c2 -i=100ms --close=rst", unordered: true},
	{name: "refused", args: "10.3.0.80:81 -c3 -i=50ms", unordered: true},
	{name: "timeout", args: "10.3.0.80:1200 -c2 -i=100ms -W=200ms"},
	{name: "name-fails", args: "--dns=10.3.0.53 nobody.lab.test:80 -c2 -i=50ms"},
	{name: "all", args: "--dns=10.3.0.53 --all multi.lab.test:8080 -c2 -i=100ms --close=rst -W=200ms", unordered: true},
	{name: "assert", args: "-q 10.3.0.80:81 -c2 -i=50ms --assert refused==2 --assert loss<1%"},
}

var goldenTargets = []goldenCase{
	{name: "several", args: "10.3.0.80:8080 10.3.0.80:81 10.3.0.80:1013 --close=rst"},
	{name: "several-quiet", args: "-q --dns=10.3.0.53 www.lab.test:8080 10.3.0.80:81 nobody.lab.test:80 10.7.0.1:80 --close=rst"},
	{name: "several-json", args: "--json 10.3.0.80:8080 10.3.0.80:81 --close=rst", unordered: true},
	{name: "all", args: "--dns=10.3.0.53 --all multi.lab.test:8080 --close=rst", unordered: true},
	{name: "file", args: "--targets=- --close=rst", stdin: "# a list\n10.3.0.80:8080\n\n10.3.0.80:81 # closed\n10.3.0.80:1013\n", unordered: true},
	{name: "many", args: "--targets=- --close=rst", stdin: manyTargets, unordered: true},
	{name: "many-quiet", args: "-q --targets=- --close=rst", stdin: manyTargets, unordered: true},
	{name: "many-json", args: "--json --targets=- --close=rst", stdin: manyTargets, unordered: true},
	{name: "many-series", args: "--targets=- -c2 -i=300ms --close=rst", stdin: manyTargets, unordered: true},
	{name: "bad-line", args: "--targets=- 10.3.0.80:80", stdin: "10.3.0.80:81\nnonsense\n"},
}

// manyTargets are more than are shown one below the other.
const manyTargets = "10.3.0.80:70\n10.3.0.80:71\n10.3.0.80:72\n10.3.0.80:73\n10.3.0.80:74\n10.3.0.80:75\n10.3.0.80:76\n" +
	"10.3.0.80:77\n10.3.0.80:78\n10.3.0.80:79\n10.3.0.80:80\n10.3.0.80:81\n10.3.0.80:82\n10.3.0.80:83\n10.3.0.80:84\n" +
	"10.3.0.80:85\n10.3.0.80:86\n10.3.0.80:8080\n10.3.0.80:1013\n10.7.0.1:80\n"

var goldenTrace = []goldenCase{
	{name: "text", args: "trace --dns=10.3.0.53 www.lab.test:80 -W=300ms" + fixedPort},
	{name: "quiet", args: "trace -q 10.3.0.80:80 -W=300ms"},
	{name: "json", args: "trace --json 10.3.0.80:80 -W=300ms" + fixedPort},
	{name: "color", args: "trace --color=always 10.3.0.80:80 -W=300ms" + fixedPort},
	{name: "rounds", args: "trace 10.3.0.80:80 -c3 -i=50ms -W=300ms" + fixedPort},
	{name: "rounds-json", args: "trace --json 10.3.0.80:80 -c2 -i=50ms -W=300ms" + fixedPort},
	{name: "refused", args: "trace 10.3.0.80:81 -W=300ms" + fixedPort},
	{name: "prohibited", args: "trace 10.3.0.80:1013 -W=300ms" + fixedPort},
	{name: "prohibited-json", args: "trace --json 10.3.0.80:1013 -W=300ms" + fixedPort},
	{name: "timeout", args: "trace 10.3.0.80:1200 -W=300ms --retries=0 -m5" + fixedPort},
	{name: "timeout-json", args: "trace --json 10.3.0.80:1200 -W=300ms --retries=0 -m5" + fixedPort},
	{name: "dropped-early", args: "trace 10.3.0.80:1201 -W=300ms --retries=0 -m5" + fixedPort},
	{name: "not-enough-hops", args: "trace 10.3.0.80:80 -m2 -W=300ms" + fixedPort},
	{name: "first-ttl", args: "trace 10.3.0.80:80 --first-ttl=2 -W=300ms --send=ip" + fixedPort},
	{name: "no-such-name", args: "trace --dns=10.3.0.53 nobody.lab.test:80"},
	{name: "no-route", args: "trace 10.7.0.1:80"},
	{name: "no-route-json", args: "trace --json 10.7.0.1:80"},
	{name: "arp-timeout", args: "trace 10.8.0.1:80"},
	{name: "no-interface", args: "trace -I=nosuch 10.3.0.80:80"},
	{name: "mtu", args: "trace --mtu 10.3.0.80:80" + fixedPort},
	{name: "mtu-quiet", args: "trace --mtu -q 10.3.0.80:80"},
	{name: "mtu-json", args: "trace --mtu --json 10.3.0.80:80" + fixedPort},
	{name: "compare-syn", args: "trace --compare-syn 10.3.0.80:80 -W=300ms"},
	{name: "compare-syn-quiet", args: "trace --compare-syn -q 10.3.0.80:80 -W=300ms"},
	{name: "compare-syn-json", args: "trace --compare-syn --json 10.3.0.80:80 -W=300ms"},
	{name: "flows", args: "trace --flows=4 10.3.0.80:80 -W=300ms"},
	{name: "flows-quiet", args: "trace --flows=4 -q 10.3.0.80:80 -W=300ms"},
	{name: "flows-json", args: "trace --flows=3 --json 10.3.0.80:80 -W=300ms"},
	{name: "flows-refused", args: "trace --flows=4 10.3.0.80:81 -W=300ms"},
}

var goldenCheck = []goldenCase{
	{name: "ok", args: "check -H 10.3.0.80 -p 8080 -w 5 -c 8"},
	{name: "ok-verbose", args: "check -H 10.3.0.80 -p 8080 -vv"},
	{name: "ok-very-verbose", args: "check -H 10.3.0.80 -p 8080 -vvv --close=rst" + fixedPort},
	{name: "several", args: "check -H 10.3.0.80 -p 8080 -n 3 -i 50ms -w 5 -c 8"},
	{name: "slow", args: "check -H 10.3.0.80 -p 8080 -c 0.000001"},
	{name: "refused", args: "check -H 10.3.0.80 -p 81"},
	{name: "refused-ok", args: "check -H 10.3.0.80 -p 81 -r ok"},
	{name: "prohibited", args: "check -H 10.3.0.80 -p 1013"},
	{name: "no-such-name", args: "check --dns=10.3.0.53 -H nobody.lab.test -p 80"},
	{name: "no-route", args: "check -H 10.7.0.1 -p 80"},
	{name: "usage", args: "check -H 10.3.0.80"},
	{name: "bad-range", args: "check -H 10.3.0.80 -p 80 -w x"},
}

var goldenDryRun = []goldenCase{
	{name: "address", args: "--dry-run 10.3.0.80:80" + fixedPort},
	{name: "checksum", args: "--dry-run --explain=checksum --send=ip 10.3.0.80:80" + fixedPort},
	{name: "name", args: "--dry-run --dns=10.3.0.53 www.lab.test:80"},
	{name: "loopback", args: "--dry-run localhost:7" + fixedPort},
	{name: "no-route", args: "--dry-run 10.7.0.1:80"},
	{name: "no-interface", args: "--dry-run -I=nosuch 10.3.0.80:80"},
}

var goldenWords = []goldenCase{
	{name: "help", args: "--help"},
	{name: "help-trace", args: "trace --help"},
	{name: "help-check", args: "check --help"},
	{name: "help-demo", args: "demo --help"},
	{name: "help-doctor", args: "doctor --help"},
	{name: "help-completion", args: "completion --help"},
	{name: "help-schema", args: "schema --help"},
	{name: "version", args: "--version"},
	{name: "doctor", args: "doctor"},
	{name: "demo-list", args: "demo --list"},
	{name: "completion-bash", args: "completion bash"},
	{name: "completion-zsh", args: "completion zsh"},
	{name: "completion-fish", args: "completion fish"},
	{name: "completion-none", args: "completion"},
	{name: "usage-nothing", args: ""},
	{name: "usage-no-port", args: "192.0.2.1"},
	{name: "usage-flag", args: "192.0.2.1:80 --cuont 3"},
	{name: "usage-near-flag", args: "192.0.2.1:80 --tmeout=3"},
	{name: "usage-value", args: "192.0.2.1:80 -c a"},
	{name: "usage-duration", args: "192.0.2.1:80 -W soon"},
	{name: "usage-together", args: "192.0.2.1:80 --explain --json"},
	{name: "usage-ipv6", args: "2001:db8::1:80"},
	{name: "usage-multicast", args: "224.0.0.1:80"},
	{name: "usage-trace", args: "trace 192.0.2.1:80 --flows 1"},
	{name: "usage-demo", args: "demo nonsense"},
	{name: "usage-schema", args: "schema now"},
	{name: "usage-targets", args: "--targets=/nonexistent"},
	{name: "no-output", args: "10.3.0.80:81 --pcap=/nonexistent/x.pcap"},
}
