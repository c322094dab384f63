package nagios

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

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

// isLocal calls local errors faults of this host's own.
func isLocal(r *probe.Result) bool { return r.Outcome == probe.OutcomeLocalError }

func TestLine(t *testing.T) {
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
		refused  State
		number   int
		results  []*probe.Result
		want     string
	}{
		{"open", "0.1", "0.5", Critical, 1, []*probe.Result{opened(11601 * time.Microsecond)},
			"OK - db.example:5432 open, handshake 11.601 ms, 1 SYN | handshake=0.011601s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"no thresholds", "", "", Critical, 1, []*probe.Result{opened(9 * time.Second)},
			"OK - db.example:5432 open, handshake 9000.000 ms, 1 SYN | handshake=9.000000s;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"at the threshold", "0.1", "0.5", Critical, 1, []*probe.Result{opened(100 * ms)},
			"OK - db.example:5432 open, handshake 100.000 ms, 1 SYN | handshake=0.100000s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"slow", "0.1", "0.5", Critical, 1, []*probe.Result{opened(101 * ms)},
			"WARNING - db.example:5432 open, handshake 101.000 ms (above -w 0.1), 1 SYN | handshake=0.101000s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"too slow", "100ms", "500ms", Critical, 1, []*probe.Result{opened(501 * ms)},
			"CRITICAL - db.example:5432 open, handshake 501.000 ms (above -c 0.5), 1 SYN | handshake=0.501000s;0.1;0.5;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"too fast", "", "10ms:", Critical, 1, []*probe.Result{opened(5 * ms)},
			"CRITICAL - db.example:5432 open, handshake 5.000 ms (below -c 0.01:), 1 SYN | handshake=0.005000s;;0.01:;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"inside", "@0:10ms", "", Critical, 1, []*probe.Result{literal},
			"WARNING - db.example:5432 open, handshake 5.000 ms (within -w @0.01), 1 SYN | handshake=0.005000s;@0.01;;0;10 syn=1;;;0"},
		{"from hosts", "", "", Critical, 1, []*probe.Result{hosts},
			"OK - db.example:5432 open, handshake 5.000 ms, 1 SYN | handshake=0.005000s;;;0;10 dns=U;;;0 syn=1;;;0"},
		{"half open", "", "", Critical, 1, []*probe.Result{half},
			"OK - db.example:5432 open, handshake 7.000 ms, 1 SYN | handshake=0.007000s;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"silent", "0.1", "", OK, 1, []*probe.Result{timeout},
			"CRITICAL - db.example:5432 timeout after 10s: No answer to 3 SYNs | handshake=U;0.1;;0;10 dns=0.001912s;;;0 syn=3;;;0"},
		{"out of time", "", "", OK, 1, []*probe.Result{cut},
			"CRITICAL - db.example:5432 timeout after 10s: No answer to 4 SYNs | handshake=U;;;0;10 dns=0.001912s;;;0 syn=4;;;0"},
		{"out of time before a SYN", "", "", OK, 1, []*probe.Result{early},
			"CRITICAL - db.example:5432 timeout: after 10s, before a SYN was sent | handshake=U;;;0;10 dns=U;;;0 syn=0;;;0"},
		{"no such name", "", "", OK, 1, []*probe.Result{noName},
			`CRITICAL - db.example:5432 dns_error: The name\x7c'evil'\x1b[31m\x0a=1 does not exist | handshake=U;;;0;10 dns=0.001912s;;;0 syn=0;;;0`},
		{"fault of this host", "", "", OK, 1, []*probe.Result{local},
			"UNKNOWN - db.example:5432 local_error: interface eth9 does not exist | handshake=U;;;0;10 dns=0.001912s;;;0 syn=0;;;0"},
		{"refused, which is fine", "", "", OK, 1, []*probe.Result{refused},
			"OK - db.example:5432 refused: A RST came in the name of 192.0.2.80 after 0.000 ms: nothing listens on port 5432, or a firewall rejects it | handshake=U;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"refused, a warning", "", "", Warning, 1, []*probe.Result{refused},
			"WARNING - db.example:5432 refused: A RST came in the name of 192.0.2.80 after 0.000 ms: nothing listens on port 5432, or a firewall rejects it | handshake=U;;;0;10 dns=0.001912s;;;0 syn=1;;;0"},
		{"three", "100ms", "1", Critical, 3, []*probe.Result{opened(50 * ms), opened(100 * ms), opened(300 * ms)},
			"WARNING - db.example:5432: 3 of 3 handshakes established, 150.000 ms on average (above -w 0.1), 3 SYNs | handshake=0.150000s;0.1;1;0;10 dns=0.001912s;;;0 syn=3;;;0 loss=0%"},
		{"one of three lost", "1", "2", Critical, 3, []*probe.Result{opened(50 * ms), timeout, opened(60 * ms)},
			"WARNING - db.example:5432: 2 of 3 handshakes established, 55.000 ms on average, 5 SYNs; handshake 2 timeout after 10s: No answer to 3 SYNs | handshake=0.055000s;1;2;0;10 dns=0.001912s;;;0 syn=5;;;0 loss=33.33%"},
		{"one of two refused, which is fine", "", "", OK, 2, []*probe.Result{opened(50 * ms), refused},
			"OK - db.example:5432: 1 of 2 handshakes established, 50.000 ms on average, 2 SYNs; handshake 1 refused: A RST came in the name of 192.0.2.80 after 0.000 ms: nothing listens on port 5432, or a firewall rejects it | handshake=0.050000s;;;0;10 dns=0.001912s;;;0 syn=2;;;0 loss=0%"},
		{"all lost", "", "", OK, 2, []*probe.Result{cut, cut},
			"CRITICAL - db.example:5432: 0 of 2 handshakes established, 8 SYNs; handshake 1 timeout after 10s: No answer to 4 SYNs | handshake=U;;;0;10 dns=0.001912s;;;0 syn=8;;;0 loss=100%"},
		{"a fault beside silence", "", "", OK, 2, []*probe.Result{local, cut},
			"CRITICAL - db.example:5432: 0 of 2 handshakes established, 4 SYNs; handshake 1 local_error: interface eth9 does not exist | handshake=U;;;0;10 dns=0.001912s;;;0 syn=4;;;0 loss=100%"},
	} {
		rule := Rule{Target: "db.example:5432", Refused: test.refused, Number: test.number, Limit: 10 * time.Second, Local: isLocal}
		for text, r := range map[string]**Range{test.warning: &rule.Warning, test.critical: &rule.Critical} {
			if text != "" {
				parsed, err := ParseRange(text)
				if err != nil {
					t.Fatal(err)
				}
				*r = &parsed
			}
		}
		if got := rule.Line(test.results); got != "TCPPROBE "+test.want {
			t.Errorf("%s:\n%s\nwant\nTCPPROBE %s", test.name, got, test.want)
		}
		if n := strings.Count(rule.Line(test.results), "|"); n != 1 {
			t.Errorf("%s: %d vertical bars", test.name, n)
		}
	}
}

// TestGraver: what is known to be critical counts more than what is not known.
func TestGraver(t *testing.T) {
	for _, test := range []struct{ a, b, want State }{
		{OK, OK, OK}, {OK, Warning, Warning}, {Warning, Unknown, Unknown},
		{Unknown, Critical, Critical}, {Critical, Warning, Critical},
	} {
		if got, turned := graver(test.a, test.b), graver(test.b, test.a); got != test.want || turned != test.want {
			t.Errorf("%v, %v: %v, %v; want %v", test.a, test.b, got, turned, test.want)
		}
	}
}

// TestPortUnreachable: what connect(2) calls refused is refused, whether a RST says so or ICMP; other errors are not.
func TestPortUnreachable(t *testing.T) {
	for _, test := range []struct {
		kind, code uint8
		refused    bool
	}{{3, 3, true}, {3, 1, false}, {3, 13, false}, {11, 3, false}} {
		r := checked(probe.OutcomeUnreachable, 0, 1)
		r.ICMP = []*probe.ICMP{{From: netip.MustParseAddr("192.0.2.1"), Type: test.kind, Code: test.code}}
		want := Critical
		if test.refused {
			want = Warning
		}
		rule := Rule{Refused: Warning, Number: 1, Local: isLocal}
		if got := rule.Judge([]*probe.Result{r}); got != want {
			t.Errorf("%d/%d: %v, want %v", test.kind, test.code, got, want)
		}
	}
}

// TestFailOn: a finding that was named is CRITICAL whatever else there is, and stands in the line.
func TestFailOn(t *testing.T) {
	repeated := opened(5 * time.Millisecond)
	repeated.Findings = []probe.Finding{probe.FindingDuplicateSYNACK, probe.FindingSYNRetransmitted}
	for _, test := range []struct {
		failOn []probe.Finding
		want   string
	}{
		{nil, "OK - db.example:5432 open, handshake 5.000 ms, 1 SYN |"},
		{[]probe.Finding{probe.FindingRSTIgnored}, "OK - db.example:5432 open, handshake 5.000 ms, 1 SYN |"},
		{[]probe.Finding{probe.FindingSYNRetransmitted, probe.FindingRSTIgnored, probe.FindingSYNRetransmitted},
			"CRITICAL - db.example:5432 open, handshake 5.000 ms, 1 SYN, --fail-on syn_retransmitted |"},
	} {
		rule := Rule{Target: "db.example:5432", Refused: OK, Number: 1, Limit: 10 * time.Second, Local: isLocal, FailOn: test.failOn}
		if got := rule.Line([]*probe.Result{repeated}); !strings.HasPrefix(got, "TCPPROBE "+test.want) {
			t.Errorf("%q: %s\nwant TCPPROBE %s", test.failOn, got, test.want)
		}
	}
}
