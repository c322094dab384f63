//go:build linux

package e2e_test

import (
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/nagios"
	"tcpprobe/internal/netlab"
	"tcpprobe/tcphdr"
)

// TestFailOn: a finding that was named fails a run whose handshakes were all established, and is named.
func TestFailOn(t *testing.T) {
	t.Parallel()
	a, b, _ := impaired(t, netlab.Impairment{From: netlab.FromB, Set: tcphdr.SYN | tcphdr.ACK, Action: netlab.Duplicate})
	serve(t, b, "10.0.0.2:80")
	const said = "tcpprobe: 10.0.0.2:80: --fail-on duplicate_syn_ack: in 1 handshake\n"
	for _, test := range []struct {
		flags  string
		code   int
		stderr string
	}{
		{"", exit.Established, ""},
		{"--fail-on rst_ignored", exit.Established, ""},
		{"--fail-on rst_ignored --fail-on duplicate_syn_ack", exit.Mixed, said},
		{"--fail-on duplicate_syn_ack --fail-on duplicate_syn_ack --require any", exit.Mixed, said},
		{"--fail-on=duplicate_syn_ack --json", exit.Mixed, said},
		{"--fail-on duplicate_syn_ack --targets -", exit.Mixed, said},
	} {
		cmd := program(t.Context(), a, strings.Fields(""+test.flags)...)
		if strings.Contains(test.flags, "--targets") {
			cmd.Stdin = strings.NewReader("10.0.0.2:80\n")
		} else {
			cmd.Args = append(cmd.Args, "10.0.0.2:80")
		}
		if r := finish(t, cmd); r.code != test.code || r.stderr != test.stderr {
			t.Errorf("%s: exit code %d, stderr %q; want %d, %q", test.flags, r.code, r.stderr, test.code, test.stderr)
		}
	}
	for flags, want := range map[string]nagios.State{
		"": nagios.OK, "--fail-on rst_ignored": nagios.OK, "--fail-on rst_ignored --fail-on duplicate_syn_ack": nagios.Critical,
	} {
		r := checkPlugin(t, a, strings.Fields("-H 10.0.0.2 -p 80 -r ok "+flags)...)
		if r.code != int(want) || (want == nagios.Critical) != strings.Contains(r.stdout, ", --fail-on duplicate_syn_ack |") {
			t.Errorf("check %s: %v, want %v: %s", flags, nagios.State(r.code), want, r.stdout)
		}
	}
	if r := checkPlugin(t, a, strings.Fields("-H 10.0.0.2 -p 80 --fail-on nosuch")...); r.code != int(nagios.Unknown) || !strings.Contains(r.stdout, "--fail-on nosuch: one of syn_retransmitted, ") {
		t.Errorf("check --fail-on nosuch: %s", r.stdout)
	}
}
