package sends_test

import (
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"tcpprobe/internal/hostpolicy"
	"tcpprobe/internal/sends"
	"tcpprobe/probe"
)

// Results of the ways, by what became of them.
func result(o probe.Outcome) *probe.Result {
	return &probe.Result{Outcome: o, TCP: &probe.TCP{SYNSent: 1}}
}

func notPermitted() *probe.Result {
	return &probe.Result{Outcome: probe.OutcomeLocalError, Err: os.NewSyscallError("sendmsg", syscall.EPERM), TCP: &probe.TCP{}}
}

// callForbidden is notPermitted of connect(2).
func callForbidden() *probe.Result {
	r := notPermitted()
	r.TCP.Send = probe.SendConnect
	r.Events = []probe.Event{{Kind: probe.EventConnectEnded, Connect: &probe.Connect{Errno: "EPERM"}}}
	return r
}

// markForbidden is a socket that may not have its mark.
func markForbidden() *probe.Result {
	r := notPermitted()
	r.TCP.Send = probe.SendConnect
	return r
}

func rejected(from string) *probe.Result {
	here := netip.MustParseAddr("192.0.2.1")
	r := result(probe.OutcomeUnreachable)
	r.ICMP = []*probe.ICMP{{From: netip.MustParseAddr(from), Source: here, Target: netip.MustParseAddr("192.0.2.80"), Type: 3, Code: 13, Name: "administratively prohibited"}}
	return r
}

func ledTo(to string) *probe.Result {
	r := result(probe.OutcomeEstablished)
	r.TCP.ConnectedTo = netip.MustParseAddrPort(to)
	return r
}

func TestPartsAt(t *testing.T) {
	up, refused, silent := result(probe.OutcomeEstablished), result(probe.OutcomeRefused), result(probe.OutcomeTimeout)
	noFrames := &probe.Result{Outcome: probe.OutcomeLocalError}
	for _, test := range []struct {
		name              string
		link, ip, connect *probe.Result
		moved             string // a counter
		want              sends.Part
		sentence          string
	}{
		{"all get through", up, up, up, "", sends.Nowhere, "frames, raw IP and connect(2) end alike: nothing on this host is in the way"},
		{"all are silent", silent, silent, silent, "", sends.Nowhere, "frames, raw IP and connect(2) end alike: firewall, translation and IPsec of this host are not the cause"},
		{"all are silent, and something moved", silent, silent, silent, "IPReversePathFilter", sends.Nowhere, ""},
		{"a router rejects all", rejected("192.0.2.254"), rejected("192.0.2.254"), rejected("192.0.2.254"), "", sends.Nowhere, ""},
		{"no frames, both silent", noFrames, silent, silent, "", sends.Nowhere, "raw IP and connect(2) end alike, and both go through the firewall of this host"},
		{"no frames, connect forbidden", noFrames, up, callForbidden(), "", sends.Socket, "raw IP gets through, connect(2) does not: a program of the cgroup, or a security module, forbids the call"},
		{"OUTPUT drops", up, notPermitted(), silent, "", sends.Output, "frames get through, raw IP and connect(2) do not: a firewall of this host stops what goes out"},
		{"OUTPUT resets", up, notPermitted(), refused, "", sends.Output, "frames get through, raw IP and connect(2) do not: a firewall of this host stops what goes out"},
		{"OUTPUT rejects", up, notPermitted(), rejected("192.0.2.1"), "", sends.Output, ""},
		{"a router rejects frames, this host the rest", rejected("192.0.2.254"), rejected("192.0.2.1"), rejected("192.0.2.1"), "", sends.Output, ""},
		{"INPUT drops", up, silent, silent, "", sends.Input, "frames get through, raw IP and connect(2) do not: a firewall of this host drops what comes in"},
		{"INPUT drops a RST", refused, silent, silent, "", sends.Input, ""},
		{"NAT", silent, up, up, "", sends.NAT, "raw IP and connect(2) get through, frames do not: this host translates the address of what its IP sends (NAT)"},
		{"NAT to a closed port", silent, refused, refused, "", sends.NAT, ""},
		{"a policy blocks", up, notPermitted(), callForbidden(), "XfrmOutPolBlock", sends.IPsec, "frames get through, raw IP and connect(2) do not: a policy of IPsec on this host; frames go past it, in the clear"},
		{"a policy has no state", up, silent, silent, "XfrmOutNoStates", sends.IPsec, ""},
		{"rp_filter", up, silent, silent, "IPReversePathFilter", sends.ReversePath, ""},
		{"connect is forbidden", up, up, callForbidden(), "", sends.Socket, ""},
		{"the mark is forbidden", up, up, markForbidden(), "", sends.Unknown, ""},
		{"connect is led elsewhere", silent, silent, ledTo("192.0.2.9:80"), "", sends.Socket, "connect(2) gets through, frames and raw IP do not: a program of the cgroup leads connect(2) elsewhere"},
		{"connect is led elsewhere, and all get through", up, up, ledTo("192.0.2.9:80"), "", sends.Socket, "a program of the cgroup leads connect(2) elsewhere"},
		{"connect alone is silent", up, up, silent, "", sends.Unknown, "frames and raw IP get through, connect(2) does not: they part, and it is not known at what"},
	} {
		c := &sends.Comparison{
			Link: sends.Way{Name: "link", Result: test.link}, IP: sends.Way{Name: "ip", Result: test.ip},
			Connect: sends.Way{Name: "connect", Result: test.connect},
		}
		if test.moved != "" {
			c.IP.Moved = []hostpolicy.Moved{{Name: test.moved, By: 2}}
			c.Connect.Moved = []hostpolicy.Moved{{Name: test.moved, By: 3}}
		}
		if got := c.PartsAt(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if got := c.Sentence(); test.sentence != "" && got != test.sentence {
			t.Errorf("%s: %q, want %q", test.name, got, test.sentence)
		}
		evidence := strings.Join(c.Evidence(), "; ")
		if evidence == "" || test.moved != "" && test.want != sends.Nowhere && !strings.Contains(evidence, test.moved+" rose by 5") {
			t.Errorf("%s: evidence %q", test.name, evidence)
		}
	}
}

// TestSuspects: of what is known of this host, that is named which may be it.
func TestSuspects(t *testing.T) {
	policy := hostpolicy.Policy{Chains: []string{"iptables filter", "nftables input", "nftables nat", "nftables output"}}
	up, silent := result(probe.OutcomeEstablished), result(probe.OutcomeTimeout)
	for _, test := range []struct {
		ip, connect *probe.Result
		want        string
	}{
		{silent, silent, "this host has iptables filter, nftables input"},
		{notPermitted(), silent, "this host has iptables filter, nftables output"},
	} {
		c := &sends.Comparison{Policy: policy, Link: sends.Way{Name: "link", Result: up}, IP: sends.Way{Name: "ip", Result: test.ip}, Connect: sends.Way{Name: "connect", Result: test.connect}}
		if got := strings.Join(c.Evidence(), "; "); !strings.HasSuffix(got, test.want) {
			t.Errorf("%q, want %q at its end", got, test.want)
		}
	}
}
