package report_test

import (
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"tcpprobe/internal/report"
	"tcpprobe/probe"
)

// TestAdviceComparesWays: a failure whose cause may be on this host names the comparison of the ways, and no other does.
func TestAdviceComparesWays(t *testing.T) {
	here, there, router := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("192.0.2.254")
	rejected := func(from netip.Addr, code uint8) []*probe.ICMP {
		return []*probe.ICMP{{From: from, Source: here, Target: there, Type: 3, Code: code, Name: "rejected"}}
	}
	for _, test := range []struct {
		name, send string
		outcome    probe.Outcome
		bypassed   []string
		icmp       []*probe.ICMP
		err        error
		want       bool
	}{
		{"silence by IP", "ip", probe.OutcomeTimeout, nil, nil, nil, true},
		{"silence by connect", "connect", probe.OutcomeTimeout, nil, nil, nil, true},
		{"silence in frames", "link", probe.OutcomeTimeout, nil, nil, nil, false},
		{"silence in frames, past a filter", "link", probe.OutcomeTimeout, []string{"nftables input"}, nil, nil, false},
		{"silence in frames, past a translation", "link", probe.OutcomeTimeout, []string{"nftables nat"}, nil, nil, true},
		{"a RST in frames, past a translation", "link", probe.OutcomeRefused, []string{"iptables nat"}, nil, nil, true},
		{"a router rejects frames, past a translation", "link", probe.OutcomeUnreachable, []string{"iptables nat"}, rejected(router, 0), nil, true},
		{"a RST by IP", "ip", probe.OutcomeRefused, nil, nil, nil, false},
		{"a router rejects", "connect", probe.OutcomeUnreachable, nil, rejected(router, 13), nil, false},
		{"this host rejects", "connect", probe.OutcomeUnreachable, nil, rejected(here, 13), nil, true},
		{"this host finds nobody", "connect", probe.OutcomeUnreachable, nil, rejected(here, 1), nil, false},
		{"not permitted", "ip", probe.OutcomeLocalError, nil, nil, os.NewSyscallError("sendmsg", syscall.EPERM), true},
		{"another fault", "ip", probe.OutcomeLocalError, nil, nil, os.NewSyscallError("sendmsg", syscall.ENOBUFS), false},
		{"established", "connect", probe.OutcomeEstablished, nil, nil, nil, false},
	} {
		r := &probe.Result{
			Target: "192.0.2.80:443", Host: "192.0.2.80", Port: 443, Outcome: test.outcome, Err: test.err, ICMP: test.icmp,
			TCP: &probe.TCP{Send: test.send, Bypassed: test.bypassed, SYNSent: 1, Remote: netip.AddrPortFrom(there, 443)},
		}
		lines := report.Advice(r)
		named := strings.Contains(strings.Join(lines, "\n"), "\nNext: tcpprobe --compare-send 192.0.2.80:443")
		if named != test.want || len(lines) > 2 {
			t.Errorf("%s: %q", test.name, lines)
		}
		for _, line := range lines {
			if len(line) > 78 {
				t.Errorf("%s: %d columns: %s", test.name, len(line), line)
			}
		}
	}
}
