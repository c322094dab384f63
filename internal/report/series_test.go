package report_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// reply makes a short result of a series: a handshake with the target of the examples, begun at start.
func reply(seq int, start float64, fill func(j *exchange, start float64)) *probe.Result {
	j := newExchange("example.com", 80, "example.com:80")
	j.Seq, j.Start = seq, j.at(start)
	j.Route, j.Address = viaGateway(), remote
	j.begin()
	j.syn(start)
	fill(j, start)
	return j.Result
}

// opened is a handshake without closing.
func opened(rtt float64) func(*exchange, float64) {
	return func(j *exchange, start float64) { j.accepted(start+rtt, rtt) }
}

// refusal is a RST that answers the SYN.
func refusal(rtt float64) func(*exchange, float64) {
	return func(j *exchange, start float64) {
		j.Outcome = probe.OutcomeRefused
		j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN, j.TCP.TTL = true, milliseconds(rtt), 1, 57
		j.in(start+rtt, tcphdr.RST|tcphdr.ACK, 0, iss+1, nil, 0, probe.VerdictRefused)
	}
}

// example are the handshakes of the example in the documentation.
func example() []*probe.Result {
	return []*probe.Result{
		reply(1, 0, opened(11.573)),
		reply(2, 200, opened(11.702)),
		reply(3, 400, func(j *exchange, start float64) { j.timedOut(start + 1000.093) }),
		reply(4, 1400.1, func(j *exchange, start float64) {
			j.syn(start + 1000.2)
			j.accepted(start+1011.841, 11.641)
			j.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
		}),
		reply(5, 3050, refusal(11.498)),
	}
}

// series renders results as a series.
func series(t *testing.T, s report.Style, results []*probe.Result) (string, *stats.Summary) {
	t.Helper()
	var b bytes.Buffer
	p := report.NewSeries(&b, s)
	sum := stats.NewSummary(results[0].Target)
	if err := p.Header(results[0]); err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		sum.Add(r)
		if err := p.Line(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Summary(sum); err != nil {
		t.Fatal(err)
	}
	return b.String(), sum
}

func TestSeries(t *testing.T) {
	all := make([]*probe.Result, 0, len(cases))
	for i, c := range cases {
		r := c.make()
		r.Seq = i + 1
		all = append(all, r)
	}
	hostileFirst := []*probe.Result{all[len(all)-4], all[len(all)-1]}
	slow := []*probe.Result{
		reply(1, 0, opened(1011.573)), reply(2, 2000, opened(119999.999)), reply(1000000, 200000, opened(2000.5)),
	}
	for _, c := range []struct {
		name    string
		results []*probe.Result
	}{
		{"example", example()},
		{"all_outcomes", all},
		{"hostile", hostileFirst},
		{"slow", slow},
		{"nothing_answered", []*probe.Result{example()[2]}},
		{"name_fails", []*probe.Result{failed()}},
		{"literal", []*probe.Result{literal(all)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			for _, s := range styles {
				rendered, sum := series(t, s.style, c.results)
				presentable(t, rendered, s.style)
				interim := report.NewSeries(nil, s.style).Interim(sum)
				presentable(t, interim+"\n", s.style)
				text.WriteString("-- " + s.name + " --\n" + rendered + "-- " + s.name + ", interim --\n" + interim + "\n")
			}
			_, sum := series(t, report.Style{}, c.results)
			var b bytes.Buffer
			if err := report.NewJSON(&b).Summary(sum); err != nil {
				t.Fatal(err)
			}
			legible(t, strings.TrimSuffix(b.String(), "\n"))
			text.WriteString("-- json --\n" + b.String())
			golden(t, "series_"+c.name, text.String())
		})
	}
}

// failed is a result without any address.
func failed() *probe.Result {
	for _, c := range cases {
		if c.name == "dns_error_no_name" {
			return c.make()
		}
	}
	panic("no such case")
}

// literal is the result of a target that is an address.
func literal(all []*probe.Result) *probe.Result {
	for _, r := range all {
		if r.Target == "127.0.0.1:8080" {
			return r
		}
	}
	panic("no such case")
}

// TestSeriesNotes checks what a line says besides outcome, time and TTL.
func TestSeriesNotes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*probe.Result)
		want   string
	}{
		{"nothing", func(r *probe.Result) {}, "seq=1  established  11.573 ms  ttl=57\n"},
		{"third SYN", func(r *probe.Result) { r.TCP.SYNSent, r.TCP.AnsweredSYN = 3, 3 },
			"seq=1  established  11.573 ms  ttl=57  SYN 3 of 3 answered\n"},
		{"first of two SYNs", func(r *probe.Result) { r.TCP.SYNSent = 2 },
			"seq=1  established  11.573 ms  ttl=57  SYN 1 of 2 answered\n"},
		{"ambiguous", func(r *probe.Result) { r.TCP.SYNSent, r.TCP.AnsweredSYN, r.TCP.RTTAmbiguous = 2, 0, true },
			"seq=1  established  11.573 ms  ttl=57  ambiguous (2 SYNs)\n"},
		{"user clock", func(r *probe.Result) { r.TCP.Clock = stamp.User },
			"seq=1  established  11.573 ms  ttl=57  user clock\n"},
		{"findings", func(r *probe.Result) {
			r.Findings = []probe.Finding{probe.FindingSYNRetransmitted, probe.FindingDuplicateSYNACK, probe.FindingPeerSpeaksFirst}
		}, "seq=1  established  11.573 ms  ttl=57  duplicate_syn_ack  peer_speaks_first\n"},
		{"no room", func(r *probe.Result) {
			r.Findings = []probe.Finding{probe.FindingDuplicateSYNACK, probe.FindingPeerSpeaksFirst, probe.FindingChecksumInvalid}
		}, "seq=1  established  11.573 ms  ttl=57  duplicate_syn_ack  peer_speaks_first\n  checksum_invalid\n"},
	} {
		r := reply(1, 0, opened(11.573))
		c.change(r)
		var b bytes.Buffer
		if err := report.NewSeries(&b, report.Style{}).Line(r); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, b.String(), c.want)
		}
	}
}

// TestInterimOfMany checks that lines keep their width for large counts and times, and that the target is whole.
func TestInterimOfMany(t *testing.T) {
	sum := stats.NewSummary(strings.Repeat("long.", 50) + "example:65535")
	sum.Address = netip.MustParseAddr("192.0.2.80")
	for range 3000 {
		sum.Add(reply(1, 0, opened(123456.789)))
		sum.Add(reply(1, 0, refusal(1)))
	}
	interim := report.NewSeries(nil, report.Style{}).Interim(sum)
	for line := range strings.SplitSeq(interim, "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("%q", line)
		}
	}
	if !strings.HasPrefix(strings.ReplaceAll(interim, "\n  ", ""), sum.Target+":") {
		t.Errorf("the target is not whole:\n%s", interim)
	}
}

// TestSeriesElsewhere checks that a timeout names who answered in the target's place.
func TestSeriesElsewhere(t *testing.T) {
	r := reply(1, 0, func(j *exchange, start float64) { j.timedOut(start + 1000) })
	r.TCP.Strays = []probe.Stray{{Kind: probe.StrayElsewhere, Count: 1, From: netip.MustParseAddrPort("192.0.2.90:80")}}
	got, _ := series(t, report.Style{}, []*probe.Result{r})
	if want := "seq=1  timeout                 1 SYN, no answer in 1 s  but from 192.0.2.90:80\n"; !strings.Contains(got, want) {
		t.Errorf("%q is missing in\n%s", want, got)
	}
}

// TestSeriesTTL checks that a RST is told apart whose Time to Live is not that of the host's SYN-ACK before.
func TestSeriesTTL(t *testing.T) {
	foreign := reply(3, 2000, refusal(11.4))
	foreign.TCP.TTL = 63
	got, _ := series(t, report.Style{}, []*probe.Result{reply(1, 0, opened(11.5)), reply(2, 1000, refusal(11.4)), foreign})
	for _, want := range []string{
		"seq=1  established  11.500 ms  ttl=57\n", "seq=2  refused      11.400 ms  ttl=57\n", "seq=3  refused      11.400 ms  ttl=63 (SYN,ACK 57)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
