package stats_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// answered is the summary of 1000 handshakes, one a second: 990 established in 10 to 19 ms, 10 timed out.
func answered() *stats.Summary {
	s := stats.NewSummary("example.com:80")
	for i := range 1000 {
		if i%100 == 50 {
			s.Add(second{start: i}.result())
		} else {
			s.Add(second{start: i, rtt: 10 + i%10}.result())
		}
	}
	return s
}

func TestAssertions(t *testing.T) {
	some, none := answered(), stats.NewSummary("example.com:80")
	refused := stats.NewSummary("example.com:80")
	refused.Add(handshake(probe.OutcomeRefused, 0, time.Second, tcp(1, 1, µs)))
	phases := stats.NewSummary("example.com:80")
	for i, ms := range []time.Duration{3, 7, 5} {
		r := handshake(probe.OutcomeEstablished, time.Duration(i)*time.Second, time.Second, tcp(1, 1, µs))
		r.TCP.Connected, r.TCP.Connect = true, ms*time.Millisecond
		if i < 2 {
			r.DNS = &probe.DNS{Source: "dns", RCode: "NOERROR", Duration: 2 * ms * time.Millisecond}
			r.NextHop = &probe.NextHop{Source: "arp", Attempts: 1, MAC: [6]byte{2}, Duration: ms * time.Microsecond}
		}
		phases.Add(r)
	}
	known := stats.NewSummary("example.com:80")
	r := handshake(probe.OutcomeTimeout, 0, time.Second, tcp(1, 0, 0))
	r.DNS, r.NextHop = &probe.DNS{Source: "hosts"}, &probe.NextHop{Source: "permanent", MAC: [6]byte{2}}
	known.Add(r)
	for _, test := range []struct {
		text string
		s    *stats.Summary
		want bool
	}{
		{"sent==1000", some, true},
		{"sent!=1000", some, false},
		{"established>=990", some, true},
		{"established>990", some, false},
		{"established<=990", some, true},
		{"established<990", some, false},
		{"established == 990", some, true},
		{" established\t>= 3 ", some, true},
		{"refused==0", some, true},
		{"refused==1", refused, true},
		{"unreachable>0", some, false},
		{"timeout==10", some, true},
		{"failed<1", some, true},
		{"loss==1%", some, true}, // 0.01 either way
		{"loss==0.01", some, true},
		{"loss<1%", some, false},
		{"loss<=1.0%", some, true},
		{"loss<100%", some, true},
		{"loss==0", refused, true},
		{"syns==1000", some, true},
		{"syns_lost==10", some, true},
		{"flaps==10", some, true},
		{"min==10ms", some, true},
		{"min==0.010", some, true}, // seconds
		{"max<19ms", some, false},
		{"max<=19ms", some, true},
		{"avg>10ms", some, true},
		{"mdev<1", some, true},
		{"p50==15ms", some, true},
		{"p90==19ms", some, true},
		{"p99<50ms", some, true},
		{"p99>1h", some, false},
		{"jitter<10ms", some, true},
		{"outage==1s", some, true},
		{"outage<1s", some, false},
		{"outage<=1", some, true},
		{"outage==1s", refused, true},
		{"duration>=16m", some, true},
		{"connect==7ms", phases, true}, // the longest of each
		{"connect<7ms", phases, false},
		{"dns==14ms", phases, true},
		{"arp==7us", phases, true},
		{"arp<=0.001", phases, true},
		// What was not asked for, or not answered, took no time that is known.
		{"connect<1h", known, false},
		{"dns<1h", known, false},
		{"arp<1h", known, false},
		// Of nothing, counts are known to be 0, and the rest is not known.
		{"sent==0", none, true},
		{"established>=1", none, false},
		{"loss<1%", none, false},
		{"loss>=0%", none, false},
		{"p99<50ms", none, false},
		{"p99>0s", none, false},
		{"p99!=0s", none, false},
		{"outage<1s", none, false},
		{"p99<50ms", refused, false},
		{"jitter<1s", refused, false},
	} {
		a, err := stats.ParseAssertion(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		test.s.Check([]stats.Assertion{a})
		if c := test.s.Checks[0]; c.Held != test.want || c.Text != test.text || c.Exists == (c.Why != "") {
			t.Errorf("%s: %+v, want %v", test.text, c, test.want)
		}
	}
}

// TestAssertionErrors: what is wrong is named, and what would be right.
func TestAssertionErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", `"": a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms`},
		{"p99", `"p99": a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms`},
		{"loss=1%", `"loss=1%": a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms`},
		{"loss!1%", `"loss!1%": a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms`},
		{"p95<50ms", `"p95<50ms": there is no figure "p95", but sent, established, `},
		{"<50ms", `"<50ms": there is no figure "", but sent, `},
		{"P99<50ms", `"P99<50ms": there is no figure "P99", but `},
		{"p99<", `"p99<": "" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99<50%", `"p99<50%": "50%" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99<-1ms", `"p99<-1ms": "-1ms" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99<-1", `"p99<-1": "-1" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99<Inf", `"p99<Inf": "Inf" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99<NaN", `"p99<NaN": "NaN" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99<<5ms", `"p99<<5ms": "<5ms" is no duration, as in p99<50ms, or a number of seconds`},
		{"p99=<5ms", `"p99=<5ms": a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms`},
		{"loss<1%,p99<5ms", `"loss<1%,p99<5ms": "1%,p99<5ms" is neither a percentage up to 100%, as in loss<1%, nor a number from 0 to 1`},
		{"loss<5", `"loss<5": "5" is neither a percentage up to 100%, as in loss<1%, nor a number from 0 to 1`},
		{"loss<101%", `"loss<101%": "101%" is neither a percentage up to 100%, as in loss<1%, nor a number from 0 to 1`},
		{"loss<-1%", `"loss<-1%": "-1%" is neither a percentage up to 100%, as in loss<1%, nor a number from 0 to 1`},
		{"loss<NaN", `"loss<NaN": "NaN" is neither a percentage up to 100%, as in loss<1%, nor a number from 0 to 1`},
		{"loss<%", `"loss<%": "%" is neither a percentage up to 100%, as in loss<1%, nor a number from 0 to 1`},
		{"established>=50%", `"established>=50%": "50%" is no whole number, as in established>=3`},
		{"established>=2.5", `"established>=2.5": "2.5" is no whole number, as in established>=3`},
		{"established>=-1", `"established>=-1": "-1" is no whole number, as in established>=3`},
		{"established>=99999999999", `"established>=99999999999": "99999999999" is no whole number, as in established>=3`},
	} {
		if _, err := stats.ParseAssertion(test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
}

// TestParsePercent: a percentage is the same number as the quotient of whole numbers that it stands for.
func TestParsePercent(t *testing.T) {
	for _, test := range []struct {
		text        string
		part, whole float64
	}{{"99.9", 999, 1000}, {"0.1", 1, 1000}, {"33", 33, 100}, {"100", 1, 1}, {"0", 0, 1}, {"7", 7, 100}, {"12.5", 1, 8}} {
		if got, err := stats.ParsePercent(test.text); err != nil || got != test.part/test.whole {
			t.Errorf("%s: %v %v, want %v", test.text, got, err, test.part/test.whole)
		}
	}
	for _, text := range []string{"", "x", "1e2", "Inf", "NaN", "1 "} {
		if got, err := stats.ParsePercent(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

// FuzzParseAssertion: whatever is typed, an assertion that is accepted can be checked.
func FuzzParseAssertion(f *testing.F) {
	for _, seed := range []string{"loss<1%", "p99<=50ms", "established>=3", "outage != 2", "jitter==0.5s", "=", "loss<1e-400%"} {
		f.Add(seed)
	}
	s := answered()
	f.Fuzz(func(t *testing.T, text string) {
		a, err := stats.ParseAssertion(text)
		if err != nil {
			return
		}
		s.Check([]stats.Assertion{a})
		if c := s.Checks[0]; c.Text != text || math.IsNaN(c.Value) {
			t.Errorf("%+v", c)
		}
	})
}
