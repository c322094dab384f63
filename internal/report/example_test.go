package report_test

import (
	"os"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
)

func ExampleLadder() {
	r := cases[0].make() // a handshake that was made
	l := report.NewLadder(os.Stdout, report.Style{})
	for i := range r.Events {
		l.Event(r, &r.Events[i])
	}
	l.Verdict(r)
	// Output:
	//     0.000  DNS  -->  A? example.com                 ask 203.0.113.53
	//     1.912  DNS  <--  A 192.0.2.80                   ttl 3600            1.912 ms
	//     1.930  IP        via 198.51.100.1 on eth0, from 198.51.100.15
	//     1.951  ARP  -->  who has 198.51.100.1
	//     2.240  ARP  <--  198.51.100.1 is at 02:00:00:00:00:01               0.289 ms
	//     2.301  TCP  -->  SYN      [000010]  mss 1460 ws 7 sack ts
	//    13.874  TCP  <--  SYN,ACK  [010010]  mss 1400 ws 7 sack ts  ttl 57  11.573 ms
	//    13.902  TCP  -->  ACK      [010000]  ESTABLISHED                     0.028 ms
	//    13.931  TCP  -->  FIN,ACK  [010001]
	//    25.480  TCP  <--  FIN,ACK  [010001]                                 11.549 ms
	//    25.490  TCP  -->  ACK      [010000]  TIME_WAIT
	// ESTABLISHED  example.com:80  rtt 11.573 ms  connect 11.601 ms
	//   (dns 1.912, arp 0.289)
}

func ExampleSeries() {
	results := example() // five handshakes
	s := report.NewSeries(os.Stdout, report.Style{})
	sum := stats.NewSummary("example.com:80")
	s.Header(results[0])
	for _, r := range results {
		s.Line(r)
		sum.Add(r)
	}
	s.Summary(sum)
	// Output:
	// example.com:80 (192.0.2.80) from 198.51.100.15 on eth0 via 198.51.100.1
	// seq=1  established  11.573 ms  ttl=57
	// seq=2  established  11.702 ms  ttl=57
	// seq=3  timeout                 1 SYN, no answer in 1 s
	// seq=4  established  11.641 ms  ttl=57  SYN 2 of 2 answered, the first was lost
	// seq=5  refused      11.498 ms  ttl=57
	// --- example.com:80 (192.0.2.80) ---
	// 5 handshakes: 3 established, 1 refused, 1 timeout; 6 SYNs, 2 lost; 3.1 s
	// rtt min/avg/p50/p99/max/mdev = 11.573/11.639/11.641/11.702/11.702/0.053 ms
	// jitter 0.095 ms; longest outage 1.0 s from 12:00:00.523, 1 handshake; 2 flaps
}
