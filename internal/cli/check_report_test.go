//go:build linux

package cli

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/target"
	"tcpprobe/probe"
)

// checked is the result of a handshake as check sees it.
func checked(o probe.Outcome, connect time.Duration, syns int) *probe.Result {
	r := &probe.Result{Target: "db.example:5432", Host: "db.example", Port: 5432, Seq: 1, Outcome: o}
	r.DNS = &probe.DNS{Source: "dns", RCode: "NOERROR", Duration: 1912 * time.Microsecond}
	if syns > 0 {
		r.TCP = &probe.TCP{Remote: netip.MustParseAddrPort("192.0.2.80:5432"), SYNSent: syns}
	}
	if o == probe.OutcomeEstablished {
		r.TCP.Answered, r.TCP.Connected, r.TCP.Connect, r.TCP.RTT = true, true, connect, connect
	}
	return r
}

// opened is a handshake that took so long.
func opened(connect time.Duration) *probe.Result {
	return checked(probe.OutcomeEstablished, connect, 1)
}

func TestCheckLine(t *testing.T) {
	const ms = time.Millisecond
	timeout := checked(probe.OutcomeTimeout, 0, 3)
	timeout.Seq = 2
	cut, early := checked(probe.OutcomeInterrupted, 0, 4), checked(probe.OutcomeInterrupted, 0, 0)
	early.DNS = &probe.DNS{Source: "dns"}
	noName := checked(probe.OutcomeDNSError, 0, 0)
	noName.DNS.RCode, noName.Err = "NXDOMAIN", errors.New("the name|'evil'\x1b[31m\n=1 does not exist")
	local := checked(probe.OutcomeLocalError, 0, 0)
	local.Err = errors.New("interface eth9 does not exist")
	refused := checked(probe.OutcomeRefused, 0, 1)
	literal := opened(5 * ms)
	literal.DNS = &probe.DNS{Source: "literal"}
	hosts := opened(5 * ms)
	hosts.DNS = &probe.DNS{Source: "hosts"}
	half := opened(7 * ms)
	half.TCP.Connected, half.TCP.Connect = false, 0
	for _, test := range []struct {
		name     string
		warning  string
		critical string
		refused  pluginState
		number   int
		results  []*probe.Result
		want     string
	}{
		{"open", "0.1", "0.5", stateCritical, 1, []*probe.Result{opened(11601 * time.Microsecond)},
			"OK - db.example:5432 open, handshake 11.601 ms, 1 SYN | handshake=0.011601s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"no thresholds", "", "", stateCritical, 1, []*probe.Result{opened(9 * time.Second)},
			"OK - db.example:5432 open, handshake 9000.000 ms, 1 SYN | handshake=9.000000s;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"at the threshold", "0.1", "0.5", stateCritical, 1, []*probe.Result{opened(100 * ms)},
			"OK - db.example:5432 open, handshake 100.000 ms, 1 SYN | handshake=0.100000s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"slow", "0.1", "0.5", stateCritical, 1, []*probe.Result{opened(101 * ms)},
			"WARNING - db.example:5432 open, handshake 101.000 ms, 1 SYN | handshake=0.101000s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"too slow", "100ms", "500ms", stateCritical, 1, []*probe.Result{opened(501 * ms)},
			"CRITICAL - db.example:5432 open, handshake 501.000 ms, 1 SYN | handshake=0.501000s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"too fast", "", "10ms:", stateCritical, 1, []*probe.Result{opened(5 * ms)},
			"CRITICAL - db.example:5432 open, handshake 5.000 ms, 1 SYN | handshake=0.005000s;;0.01:;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"inside", "@0:10ms", "", stateCritical, 1, []*probe.Result{literal},
			"WARNING - db.example:5432 open, handshake 5.000 ms, 1 SYN | handshake=0.005000s;@0.01;;0;10 syn=1;;;0"},
		{"from hosts", "", "", stateCritical, 1, []*probe.Result{hosts},
			"OK - db.example:5432 open, handshake 5.000 ms, 1 SYN | handshake=0.005000s;;;0;10 dns=U;;;0 syn=1;;;0"},
		{"half open", "", "", stateCritical, 1, []*probe.Result{half},
			"OK - db.example:5432 open, handshake 7.000 ms, 1 SYN | handshake=0.007000s;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"silent", "0.1", "", stateOK, 1, []*probe.Result{timeout},
			"CRITICAL - db.example:5432 timeout: No answer to 3 SYNs | handshake=U;0.1;;0;10 dns=0.001912s;;;0 syn=3;;;0"},
		{"out of time", "", "", stateOK, 1, []*probe.Result{cut},
			"CRITICAL - db.example:5432 timeout: no answer to 4 SYNs in 10s | handshake=U;;;0;10 dns=0.001912s;;;0 syn=4;;;0"},
		{"out of time before a SYN", "", "", stateOK, 1, []*probe.Result{early},
			"CRITICAL - db.example:5432 timeout: after 10s, before a SYN was sent | handshake=U;;;0;10 dns=U;;;0 syn=0;;;0"},
		{"no such name", "", "", stateOK, 1, []*probe.Result{noName},
			`CRITICAL - db.example:5432 dns_error: The name\x7c'evil'\x1b[31m\x0a=1 does not exist | handshake=U;;;0;10 dns=0.001912s;;;0 syn=0;;;0`},
		{"fault of this host", "", "", stateOK, 1, []*probe.Result{local},
			"UNKNOWN - db.example:5432 local_error: interface eth9 does not exist | handshake=U;;;0;10 dns=0.001912s;;;0 syn=0;;;0"},
		{"refused, which is fine", "", "", stateOK, 1, []*probe.Result{refused},
			"OK - db.example:5432 refused: The peer reset the SYN after 0.000 ms: nothing listens on port 5432, or a firewall rejects it | handshake=U;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"refused, a warning", "", "", stateWarning, 1, []*probe.Result{refused},
			"WARNING - db.example:5432 refused: The peer reset the SYN after 0.000 ms: nothing listens on port 5432, or a firewall rejects it | handshake=U;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"three", "100ms", "1", stateCritical, 3, []*probe.Result{opened(50 * ms), opened(100 * ms), opened(300 * ms)},
			"WARNING - db.example:5432: 3 of 3 handshakes established, 150.000 ms on average, 3 SYNs | handshake=0.150000s;0.1;1;0;10 dns=0.001912s;;;0 syn=3;;;0 loss=0%"},
		{"one of three lost", "1", "2", stateCritical, 3, []*probe.Result{opened(50 * ms), timeout, opened(60 * ms)},
			"WARNING - db.example:5432: 2 of 3 handshakes established, 55.000 ms on average, 5 SYNs; handshake 2 timeout: No answer to 3 SYNs | handshake=0.055000s;1;2;0;10 dns=0.001912s;;;0 syn=5;;;0 loss=33.33%"},
		{"one of two refused, which is fine", "", "", stateOK, 2, []*probe.Result{opened(50 * ms), refused},
			"OK - db.example:5432: 1 of 2 handshakes established, 50.000 ms on average, 2 SYNs; handshake 1 refused: The peer reset the SYN after 0.000 ms: nothing listens on port 5432, or a firewall rejects it | handshake=0.050000s;;;0;10 dns=0.001912s;;;0 syn=2;;;0 loss=0%"},
		{"all lost", "", "", stateOK, 2, []*probe.Result{cut, cut},
			"CRITICAL - db.example:5432: 0 of 2 handshakes established, 8 SYNs; handshake 1 timeout: no answer to 4 SYNs in 10s | handshake=U;;;0;10 dns=0.001912s;;;0 syn=8;;;0 loss=100%"},
		{"a fault beside silence", "", "", stateOK, 2, []*probe.Result{local, cut},
			"CRITICAL - db.example:5432: 0 of 2 handshakes established, 4 SYNs; handshake 1 local_error: interface eth9 does not exist | handshake=U;;;0;10 dns=0.001912s;;;0 syn=4;;;0 loss=100%"},
	} {
		u := rule{target: target.Target{Text: "db.example:5432"}, refused: test.refused, number: test.number, limit: 10 * time.Second}
		for text, r := range map[string]**thresholdRange{test.warning: &u.warning, test.critical: &u.critical} {
			if text != "" {
				parsed, err := parseRange(text)
				must(t, err)
				*r = &parsed
			}
		}
		if got := u.line(test.results); got != "TCPPROBE "+test.want {
			t.Errorf("%s:\n%s\nwant\nTCPPROBE %s", test.name, got, test.want)
		}
		if n := strings.Count(u.line(test.results), "|"); n != 1 {
			t.Errorf("%s: %d vertical bars", test.name, n)
		}
	}
}

// TestGraver: what is known to be critical counts more than what is not known.
func TestGraver(t *testing.T) {
	for _, test := range []struct{ a, b, want pluginState }{
		{stateOK, stateOK, stateOK}, {stateOK, stateWarning, stateWarning}, {stateWarning, stateUnknown, stateUnknown},
		{stateUnknown, stateCritical, stateCritical}, {stateCritical, stateWarning, stateCritical},
	} {
		if got, turned := graver(test.a, test.b), graver(test.b, test.a); got != test.want || turned != test.want {
			t.Errorf("%v, %v: %v, %v; want %v", test.a, test.b, got, turned, test.want)
		}
	}
}
