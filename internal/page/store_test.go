package page_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/tcphdr"
)

// noon is when the handshakes of the tests begin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// server says how a simulated server answers.
type server struct {
	silent  bool
	refuses bool
	after   time.Duration // how long an answer takes
}

// handshake makes a handshake with a target whose name may be anything, at a time.
func handshake(t testing.TB, target string, at time.Time, s server) *probe.Result {
	t.Helper()
	w := probetest.NewWire()
	w.Time = at
	probetest.ServeWith(t, w, s.after, func(h tcphdr.Header) (tcphdr.Header, bool) {
		switch {
		case s.silent:
			return tcphdr.Header{}, false
		case s.refuses:
			return tcphdr.Header{SrcPort: h.DstPort, DstPort: h.SrcPort, Ack: h.Seq + 1, Flags: tcphdr.RST | tcphdr.ACK}, true
		}
		return probetest.Polite(h)
	})
	f := probetest.NewFlow(probetest.LinuxConfig())
	f.Result = &probe.Result{
		Target: target, Host: "198.51.100.80", Port: 80, Seq: 1, Address: probetest.Remote.Addr(), Time: at, Start: stamp.Stamp{User: at},
		Route: &probe.Route{Interface: "eth0", Source: probetest.Local.Addr(), NextHop: netip.MustParseAddr("192.0.2.254"), MTU: 1500},
	}
	probetest.Run(t, w, f)
	if f.Result.Outcome == probe.OutcomePending {
		t.Fatal("the handshake did not end")
	}
	return f.Result
}

// established returns a handshake that is established after a time, made from one that was simulated.
func established(model *probe.Result, target string, at time.Time, rtt time.Duration) *probe.Result {
	r := *model
	tcp := *model.TCP
	tcp.RTT, tcp.Connect = rtt, rtt+30*time.Microsecond
	r.Target, r.Time, r.Start, r.TCP = target, at, stamp.Stamp{User: at}, &tcp
	return &r
}

// failed returns one that is not, likewise.
func failed(model *probe.Result, target string, at time.Time) *probe.Result {
	r := *model
	r.Target, r.Time, r.Start = target, at, stamp.Stamp{User: at}
	return &r
}

// network is a store of targets after a day, the last two minutes of which are told second by second. The second target is down now, and
// the fourth was.
func network(t testing.TB, targets int) (store *monitor.Store, now time.Time) {
	t.Helper()
	up := handshake(t, "", noon, server{after: 11 * time.Millisecond})
	lossy := failed(up, "", noon)
	lost := *up.TCP
	lost.SYNSent, lost.AnsweredSYN = 2, 2
	lossy.TCP, lossy.Findings = &lost, []probe.Finding{probe.FindingSYNRetransmitted}
	silence := handshake(t, "", noon, server{silent: true})
	refusal := handshake(t, "", noon, server{refuses: true, after: 9 * time.Millisecond})
	store = monitor.New(monitor.Options{}, noon.Add(-24*time.Hour))
	for i := range targets {
		name := []string{"www.example.com:443", "db.example.com:5432", "mail.example.com:25", "ssh.example.com:22", "[2001:db8::80]:443"}[min(i, 4)]
		if i > 4 {
			name = fmt.Sprintf("host-%d.example.com:443", i)
		}
		target := store.Watch(name)
		for minute := range 24 * 60 {
			if i > 4 {
				break // a day is a lot to make
			}
			at := noon.Add(time.Duration(minute-24*60) * time.Minute)
			busy := time.Duration(max(0, 12-abs(at.Hour()-14))) * 200 * time.Microsecond
			noise := time.Duration((minute*7919+i*104729)%1000) * time.Microsecond
			r := established(up, name, at, time.Duration(4+3*(i%5))*time.Millisecond+busy+noise*time.Duration(1+minute%4))
			if i == 1 && at.Hour() == 3 && at.Minute() < 40 || i == 1 && minute%97 == 0 {
				r = failed(silence, name, at)
			} else if i == 2 && minute%23 < 2 {
				r = failed(lossy, name, at)
			}
			target.Result(r)
		}
		for second := range 120 {
			at := noon.Add(time.Duration(second)*time.Second + time.Duration(i)*7*time.Millisecond)
			noise := time.Duration((second*7919+i*104729)%1000) * time.Microsecond
			r := established(up, name, at, time.Duration(4+3*(i%5))*time.Millisecond+noise*time.Duration(1+second%4))
			switch {
			case i == 1 && second >= 95:
				r = failed(silence, name, at)
			case i == 2 && second%17 == 3:
				r = failed(lossy, name, at)
			case i == 3 && second >= 40 && second < 52:
				r = failed(refusal, name, at)
			}
			target.Result(r)
		}
	}
	return store, noon.Add(2 * time.Minute)
}

func abs(n int) int { return max(n, -n) }
