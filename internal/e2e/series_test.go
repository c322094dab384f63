//go:build linux

package e2e_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

func TestSeries(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	t.Run("text", func(t *testing.T) {
		r := tcpprobe(t, n.Client, labDNS, "-c3", "-i", "10ms", "www.lab.test:80")
		r.stdout = regexp.MustCompile(`(SYNs, 0 lost; ).*|(mdev = ).*|(jitter ).*`).ReplaceAllString(r.stdout, "${1}${2}${3}T")
		checkText(t, r, 0, `
www.lab.test:80 (10.3.0.80) from 10.1.0.2 on eth0 via 10.1.0.1
seq=1  established T ms  ttl=62
seq=2  established T ms  ttl=62
seq=3  established T ms  ttl=62
--- www.lab.test:80 (10.3.0.80) ---
3 handshakes: 3 established; 3 SYNs, 0 lost; T
rtt min/avg/p50/p99/max/mdev = T
jitter T
`)
	})
	t.Run("JSON", func(t *testing.T) {
		l := probeJSON(t, n.Client, labDNS, "-c", "20", "-i", "5ms", "www.lab.test:80", "10.3.0.80:81")
		if l.code != exit.Mixed || len(l.probes) != 40 || len(l.summaries) != 2 {
			t.Fatalf("exit code %d, %d handshakes, %d summaries; want 6, 40, 2", l.code, len(l.probes), len(l.summaries))
		}
		// The targets are probed side by side: each has its numbers, and its summary.
		slices.SortStableFunc(l.probes, func(a, b probeLine) int { return strings.Compare(b.Target, a.Target) })
		slices.SortFunc(l.summaries, func(a, b summaryLine) int { return strings.Compare(b.Target, a.Target) })
		for i, p := range l.probes {
			if p.Seq != i%20+1 {
				t.Errorf("handshake %d has number %d", i, p.Seq)
			}
		}
		s := l.summaries[0]
		if s.Target != "www.lab.test:80" || s.Sent != 20 || s.Established != 20 || s.Refused != 0 {
			t.Errorf("%+v", s)
		}
		var low, high, sum int64
		for _, p := range l.probes[:20] {
			rtt := *p.TCP.RTT
			if low == 0 || rtt < low {
				low = rtt
			}
			high = max(high, rtt)
			sum += rtt
		}
		if s.RTT.Min != low || s.RTT.Max != high || s.RTT.Avg-sum/20 > 1 || sum/20-s.RTT.Avg > 1 {
			t.Errorf("min %d, avg %d, max %d ns; want %d, %d, %d", s.RTT.Min, s.RTT.Avg, s.RTT.Max, low, sum/20, high)
		}
		if s := l.summaries[1]; s.Target != "10.3.0.80:81" || s.Sent != 20 || s.Refused != 20 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("interval", func(t *testing.T) {
		l := probeJSON(t, n.Client, "-c", "3", "-i", "0.2", "10.3.0.80:80")
		if d := time.Duration(l.summaries[0].Duration); d < 395*time.Millisecond || d > 900*time.Millisecond {
			t.Errorf("three handshakes, 200 ms apart, took %v", d)
		}
	})
}

// TestSeriesOfAddresses: each address of a name has a header and statistics of its own.
func TestSeriesOfAddresses(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	r := tcpprobe(t, n.Client, labDNS, "--all", "-c2", "-i10ms", "-W300ms", "multi.lab.test:80")
	for address, said := range map[string]string{
		"10.3.0.80": `2 handshakes: 2 established; .*\nrtt .*\njitter .*\n(note|---|$)`,
		"10.3.0.81": `2 handshakes: 0 established, 2 timeout; .*\nlongest outage .*, 2 handshakes\n(note|---|$)`,
		"10.3.0.82": `2 handshakes: 0 established, 2 timeout; .*\nlongest outage .*, 2 handshakes\n(note|---|$)`,
	} {
		want := regexp.MustCompile(`\n--- multi\.lab\.test:80 \(` + address + `\) ---\n` + said)
		if !want.MatchString(r.stdout) || r.code != exit.Mixed {
			t.Errorf("exit code %d, stdout does not match %v", r.code, want)
		}
	}
	for _, address := range []string{"10.3.0.80", "10.3.0.81", "10.3.0.82"} {
		for _, once := range []string{
			"multi.lab.test:80 (" + address + ") from 10.1.0.2 on eth0 via 10.1.0.1\n",
			"\n" + address + ":80  seq=1  ", "\n" + address + ":80  seq=2  ",
		} {
			if strings.Count(r.stdout, once) != 1 {
				t.Errorf("%q is not there once", once)
			}
		}
	}
}

// TestLessonsApart: handshakes that go side by side are explained one after the other.
func TestLessonsApart(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	r := tcpprobe(t, a, "--explain", "-c2", "-i10ms", "-W300ms", "10.0.0.2:80")
	const begin = "Left: the offset"
	lessons := strings.Split(r.stdout, begin)[1:]
	if r.code != exit.Timeout || len(lessons) != 2 {
		t.Fatalf("exit code %d, %d lessons; want %d, 2", r.code, len(lessons), exit.Timeout)
	}
	for _, lesson := range lessons {
		for _, once := range []string{"ms  IP   ", "ms  TCP  ──▶  SYN,", "nothing came back", "\nTIMEOUT  10.0.0.2:80"} {
			if strings.Count(lesson, once) != 1 {
				t.Errorf("%q is not there once:\n%s", once, lesson)
			}
		}
	}
}
