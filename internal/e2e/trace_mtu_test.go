//go:build linux

package e2e_test

import (
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// mtuLine is what --json says of a path MTU, as far as the tests ask.
type mtuLine struct {
	Outcome, Reason string
	MTU             int
	BlackHole       *struct {
		Size, Hop int
		From      string
	} `json:"black_hole"`
	Tries []struct {
		Size, Hops, MTU int
		Result, From    string
	}
}

func traceMTU(t *testing.T, n *labtest.Network, family int, args ...string) mtuLine {
	t.Helper()
	r := tcpprobe(t, n.Client, append([]string{"trace", farServers[family] + ":80", "--mtu", "--json"}, args...)...)
	validate(t, r.stdout)
	var m mtuLine
	decode(t, r.stdout, &m)
	if r.code != exit.Established || m.Outcome != "established" {
		t.Errorf("exit code %d, outcome %s", r.code, m.Outcome)
	}
	return m
}

// narrow gives the link between the routers a smaller MTU.
func narrow(t *testing.T, n *labtest.Network, octets int) {
	t.Helper()
	must(t, n.R1.SetMTU("eth1", octets))
	must(t, n.R2.SetMTU("eth0", octets))
}

// noFragmentationNeeded keeps a router from saying that a datagram is too large.
const noFragmentationNeeded = `table inet hole {
	chain output {
		type filter hook output priority filter
		icmp type destination-unreachable icmp code frag-needed drop
		icmpv6 type packet-too-big drop
	}
}`

// TestTraceMTU: the path MTU is found whether a router names it or not, and where the path gets narrow.
func TestTraceMTU(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	for i, family := range families {
		if m := traceMTU(t, n, i); m.MTU != 1500 || m.BlackHole != nil || len(m.Tries) != 2 {
			t.Errorf("%s, wide: %+v", family, m)
		}
	}
	narrow(t, n, 1400)
	for i, family := range families {
		for _, send := range []string{"link", "ip"} {
			m := traceMTU(t, n, i, "--send="+send)
			if m.MTU != 1400 || m.BlackHole != nil || len(m.Tries) != 3 {
				t.Fatalf("%s, named, --send %s: %+v", family, send, m)
			}
			if step := m.Tries[1]; step.Result != "too_big" || step.From != inFamily(i, "10.1.0.1") || step.Hops != 1 || step.MTU != 1400 {
				t.Errorf("%s, named, --send %s: %+v", family, send, step)
			}
		}
	}
	checkText(t, tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--mtu", "--source-port=40000"), exit.Established, `
mtu of the path to 10.3.0.80:80 from 10.1.0.2:40000 on eth0
    68  passes T ms
  1500  too big  for hop 1, 10.1.0.1, which has room for 1400
  1400  passes T ms
ESTABLISHED  10.3.0.80:80  path mtu 1400
  It shrinks from 1500 to 1400 behind hop 1, 10.1.0.1, which says so.
`)
	labtest.Nft(t, n.R1, noFragmentationNeeded)
	inBoth(t, func(t *testing.T, i int) {
		m := traceMTU(t, n, i)
		router := inFamily(i, "10.1.0.1")
		if m.MTU != 1400 || m.BlackHole == nil || m.BlackHole.Size != 1401 || m.BlackHole.Hop != 1 || m.BlackHole.From != router {
			t.Errorf("black hole: %+v", m)
		}
		if want := "black hole: datagrams over 1400 octets vanish after hop 1, " + router + ", without ICMP."; m.Reason != want {
			t.Errorf("reason %q, want %q", m.Reason, want)
		}
	})
}

// TestTraceMTUUnusable: a firewall that lets no SYN with data pass leaves nothing to find out.
func TestTraceMTUUnusable(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table inet small {
	chain forward {
		type filter hook forward priority filter
		meta nfproto ipv4 tcp flags syn / syn,ack meta length > 60 drop
		meta nfproto ipv6 tcp flags syn / syn,ack meta length > 80 drop
	}
}`)
	inBoth(t, func(t *testing.T, i int) {
		r := tcpprobe(t, n.Client, "trace", farServers[i]+":80", "--mtu", "-q")
		if want := "TIMEOUT  " + farServers[i] + ":80  does not answer SYNs that carry data\n"; r.code != exit.Timeout || r.stdout != want {
			t.Errorf("exit code %d, %q; want %d, %q", r.code, r.stdout, exit.Timeout, want)
		}
	})
}
