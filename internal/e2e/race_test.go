//go:build linux

package e2e_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// raceLine is a line of type race.
type raceLine struct {
	Type, Target, Winner, Verdict string
	Families                      []struct {
		Family, Address, Outcome string
		Started                  *time.Duration `json:"started_ns"`
		Connected                *time.Duration `json:"connected_ns"`
		RTT                      *time.Duration `json:"rtt_ns"`
	}
	Browser *time.Duration `json:"browser_delay_ns"`
	Plain   *time.Duration `json:"plain_delay_ns"`
}

// TestRace: the addresses of a name begin one after the other, and none is cancelled.
func TestRace(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table ip6 refuse {
		chain forward {
			type filter hook forward priority filter
			ip6 daddr 2001:db8:3::80 tcp dport 81 reject with icmpv6 admin-prohibited
		}
	}`)
	must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix("2001:db8:3::99/128"), Type: netlab.Blackhole}))
	for _, test := range []struct {
		name, args string
		code       int
		winner     string
		outcomes   []string
		text       string
		late       bool // the winner began second
	}{
		{"both", "dual.lab.test:80", exit.Established, "ipv6", []string{"established", "established"}, "ESTABLISHED  dual.lab.test:80  IPv6 wins by 2", false},
		{"both, required", "--require both dual.lab.test:80", exit.Established, "ipv6", []string{"established", "established"}, "IPv6 wins", false},
		{"dead IPv6", "-W 700ms dead6.lab.test:80", exit.Established, "ipv4", []string{"timeout", "established"}, "IPv4 wins, IPv6 is announced", true},
		{"dead IPv6, required", "-W 700ms --require both dead6.lab.test:80", exit.Mixed, "ipv4", []string{"timeout", "established"}, "loses 127 s", true},
		{"all refused", "dual.lab.test:82", exit.Refused, "", []string{"refused", "refused"}, "REFUSED  dual.lab.test:82  no address was established", false},
		{"another each", "dual.lab.test:81", exit.Mixed, "", []string{"unreachable", "refused"}, "no address was established", false},
		{"one family", "www.lab.test:80", exit.Established, "ipv4", []string{"established"}, "there is only IPv4", false},
		{"one family, both required", "--require both www.lab.test:80", exit.Mixed, "ipv4", []string{"established"}, "there is only IPv4", false},
		{"no name", "nosuch.lab.test:80", exit.DNS, "", nil, "DNS_ERROR  nosuch.lab.test:80  does not exist", false},
	} {
		args := append([]string{labDNS, "--race"}, strings.Fields(test.args)...)
		r := tcpprobe(t, n.Client, args...)
		if r.code != test.code || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), strings.Join(strings.Fields(test.text), " ")) || r.stderr != "" {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s%s", test.name, r.code, test.code, test.text, r.stdout, r.stderr)
		}
		for line := range strings.Lines(r.stdout) {
			if len([]rune(strings.TrimSuffix(line, "\n"))) > 80 {
				t.Errorf("%s: more than 80 columns: %s", test.name, line)
			}
		}
		r = tcpprobe(t, n.Client, append(args, "--json")...)
		validate(t, r.stdout)
		var line raceLine
		decode(t, r.stdout, &line)
		if r.code != test.code || line.Type != "race" || line.Winner != test.winner || len(line.Families) != len(test.outcomes) {
			t.Errorf("%s: exit code %d, %s", test.name, r.code, r.stdout)
			continue
		}
		for i, f := range line.Families {
			if f.Outcome != test.outcomes[i] || (f.Connected != nil) != (f.Outcome == "established") {
				t.Errorf("%s: %+v", test.name, f)
			}
		}
		if len(line.Families) == 2 {
			if gap := *line.Families[1].Started - *line.Families[0].Started; gap < 150*time.Millisecond {
				t.Errorf("%s: the second began %v after the first", test.name, gap)
			}
		}
		if test.late && (*line.Browser < 150*time.Millisecond || *line.Plain < 127*time.Second) {
			t.Errorf("%s: a browser loses %v, a plain client %v", test.name, *line.Browser, *line.Plain)
		}
	}
	r := tcpprobe(t, n.Client, labDNS, "--race=50ms", "--json", "dead6.lab.test:80", "-W", "400ms")
	var line raceLine
	decode(t, r.stdout, &line)
	if r.code != exit.Established || *line.Browser >= 200*time.Millisecond && *line.Families[1].Started >= 200*time.Millisecond {
		t.Errorf("50 ms apart: %s", r.stdout)
	}
}
