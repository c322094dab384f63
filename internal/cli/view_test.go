//go:build linux

package cli

import (
	"regexp"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestSeriesOfAddresses: each address of a name has a header of its own, and the statistics of all of them name none.
func TestSeriesOfAddresses(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	r := tcpprobe(t, n.Client, labDNS, "--all", "-c2", "-i10ms", "-W300ms", "multi.lab.test:80")
	want := regexp.MustCompile(`--- multi\.lab\.test:80 ---\n6 handshakes: 2 established, 4 timeout; .*\nrtt .*\njitter .*\n$`)
	if !want.MatchString(r.stdout) || r.code != exit.Mixed {
		t.Errorf("exit code %d, stdout does not match %v", r.code, want)
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
