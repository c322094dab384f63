//go:build linux

package e2e_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/netlab/labtest"
)

// longName returns a name of so many octets that ends in .test.
func longName(octets int) string {
	name := strings.Repeat("a-label-of-thirty-octets-in-it.", 10) + "test"
	return "x" + name[len(name)-octets+1:]
}

// TestLongNames: in whatever way a target is shown, its name is there as a whole, and no line is wider than a terminal.
func TestLongNames(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		answer := reply(query, [4]byte{10, 3, 0, 80})
		if strings.HasPrefix(query.Questions[0].Name.String(), "y") {
			answer.Answers, answer.RCode = nil, dnsmessage.RCodeNameError
		}
		octets, err := answer.Pack()
		must(t, err)
		conn.WriteTo(octets, from)
	})
	const wide = -1 // lines may be of any length
	for _, octets := range []int{60, 78, 253} {
		name := longName(octets)
		if len(name) != octets {
			t.Fatalf("%q has %d octets, want %d", name, len(name), octets)
		}
		for _, test := range []struct {
			args    string // NAME stands for the name
			columns int
		}{
			{"NAME:80", 80}, {"-v NAME:80", 80}, {"-q NAME:80", 80}, {"-q NAME:81", 80}, {"NAME:81", 80}, {"--explain NAME:80", 80},
			{"-c2 -i=10ms NAME:80", 80}, {"-c2 -i=10ms NAME:80 NAME:81", 80}, {"-c2 -i=10ms --all NAME:80 NAME:81", 80},
			{"--all NAME:80", 80}, {"NAME:70-90", 80}, {"--dry-run NAME:80", 80}, {"yNAME:80", 80}, {"-q yNAME:80", 80}, {"-c2 -i=10ms yNAME:80", 80},
			{"trace -W=500ms NAME:80", 80}, {"trace -W=500ms NAME:81", 80}, {"trace -q -W=500ms NAME:80", 80}, {"trace -W=500ms --flows=2 NAME:80", 80}, {"trace -W=500ms --compare-syn NAME:80", 80},
			{"trace -W=500ms --mtu NAME:80", 80}, {"--compare-send NAME:80", 80}, {"--compare-send NAME:81", 80}, {"--send=connect NAME:80", 80}, {"--send=connect NAME:81", 80},
			{"-q -c2 -i=10ms NAME:80", 80}, {"--wait=2s NAME:80", 80}, {"--only=failed NAME:80 NAME:81", 80},
			{"--json NAME:80", wide}, {"-o=mermaid NAME:80", wide}, {"--diagram=- NAME:80", wide}, {"trace -W=500ms --diagram=- NAME:80", wide}, {"trace -W=500ms -o=mermaid NAME:80", wide},
			{"check -H NAME -p 80", wide}, {"check -H NAME -p 81", wide}, {"check -vv -H NAME -p 80", wide},
		} {
			wanted := name
			if strings.Contains(test.args, "yNAME") {
				wanted = "y" + name[1:]
			}
			args := strings.Fields(strings.NewReplacer("yNAME", wanted, "NAME", wanted).Replace(test.args))
			at := 0
			if args[0] == "trace" || args[0] == "check" {
				at = 1
			}
			args = append(args[:at:at], append([]string{"--dns=10.3.0.54"}, args[at:]...)...)
			r := tcpprobe(t, n.Client, args...)
			whole := strings.NewReplacer(" ", "", "\n", "").Replace(withoutTags(r.stdout))
			if !strings.Contains(whole, wanted) || strings.Contains(r.stdout, "…") {
				t.Errorf("%s: the name of %d octets is not whole\n%s%s", test.args, octets, r.stdout, r.stderr)
			}
			for line := range strings.Lines(r.stdout) {
				if test.columns != wide && utf8.RuneCountInString(line)-1 > test.columns {
					t.Errorf("%s: %d columns: %s", test.args, utf8.RuneCountInString(line)-1, line)
				}
			}
		}
	}
}

// withoutTags returns what stands between the tags of an SVG.
func withoutTags(s string) string {
	if !strings.HasPrefix(s, "<svg") {
		return s
	}
	var b strings.Builder
	_, s, _ = strings.Cut(s, "</desc>")
	for part := range strings.SplitSeq(s, "<") {
		_, content, _ := strings.Cut(part, ">")
		b.WriteString(content)
	}
	return b.String()
}

// TestManyAddresses: each address of a name has a verdict and a summary of its own that names it.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	const addresses = 30
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		answer := reply(query, [4]byte{10, 3, 0, 100})
		for i := 1; i < addresses; i++ {
			answer.Answers = append(answer.Answers, reply(query, [4]byte{10, 3, 0, byte(100 + i)}).Answers...)
		}
		octets, err := answer.Pack()
		must(t, err)
		conn.WriteTo(octets, from)
	})
	var want []string
	for i := range addresses {
		address := netip.AddrFrom4([4]byte{10, 3, 0, byte(100 + i)})
		want = append(want, address.String())
		if i%2 == 0 {
			must(t, n.Server.Address("eth0", netip.PrefixFrom(address, 24)))
		} else {
			swallow(t, n.R2, netip.PrefixFrom(address, 32).String())
		}
	}
	const target = "many.lab.test:80"
	args := []string{"--dns=10.3.0.54", "--all", "--close=half", "-W=1s", "-i=100ms", target}
	for _, mode := range []string{"-c=1", "-q"} {
		r := tcpprobe(t, n.Client, append(args, mode)...)
		for i, address := range want {
			word := []string{"ESTABLISHED", "TIMEOUT"}[i%2]
			if said := fmt.Sprintf("\n%s  %s (%s)  ", word, target, address); strings.Count("\n"+r.stdout, said) != 1 {
				t.Errorf("%s: no %q in\n%s", mode, said, r.stdout)
			}
		}
	}
	r := tcpprobe(t, n.Client, append(args, "-c=2")...)
	at := -1
	for _, address := range want {
		if next := strings.Index(r.stdout, fmt.Sprintf("--- %s (%s) ---\n2 handshakes: ", target, address)); next <= at {
			t.Errorf("no summary of %s in its place in\n%s", address, r.stdout)
		} else {
			at = next
		}
	}
	if strings.Contains(r.stdout, "flap") {
		t.Errorf("one address is not another that flaps:\n%s", r.stdout)
	}
	l := probeJSON(t, n.Client, append(args, "-c=2", "--assert=loss<1%")...)
	if len(l.probes) != 2*addresses || len(l.summaries) != addresses {
		t.Fatalf("%d probes, %d summaries, want %d and %d", len(l.probes), len(l.summaries), 2*addresses, addresses)
	}
	for i, s := range l.summaries {
		if s.Address != want[i] || s.Sent != 2 || s.Flaps != 0 || s.Established != 2*(1-i%2) {
			t.Errorf("summary %d: %+v, want two handshakes with %s", i, s, want[i])
		}
	}
	for _, p := range l.probes {
		if p.TCP == nil || p.Address+":80" != p.TCP.Remote {
			t.Errorf("handshake with %s: %+v", p.Address, p.TCP)
		}
	}
	if said := "tcpprobe: " + target + " (10.3.0.101): loss<1% does not hold: "; !strings.Contains(l.stderr, said) {
		t.Errorf("stderr has no %q:\n%s", said, l.stderr)
	}
}
