//go:build linux

package prober_test

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// cloning is an observer that copies results whose memory is used again.
type cloning chan *probe.Result

func (cloning) Event(*probe.Result, *probe.Event) {}
func (c cloning) Result(r *probe.Result)          { c <- r.Clone() }
func (cloning) Over()                             {}

// TestReuse: a target that is probed for ever has its events in memory that is used again, and each result has its own.
func TestReuse(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	p := running(t, a, prober.Options{Targets: 1, Record: true})
	to, err := target.Parse("10.0.0.2:81")
	if err != nil {
		t.Fatal(err)
	}
	for _, send := range []prober.Send{prober.SendIP, prober.SendLink} {
		s := spec(send)
		s.Count, s.Interval, s.Reuse = 5, 10*time.Millisecond, true
		ended := make(cloning, s.Count)
		began := time.Now()
		p.Submit(prober.One(prober.Request{Target: to, Spec: s, Observer: ended, Delay: 50 * time.Millisecond}))
		seen := make(map[int]bool) // handshakes that overlap may end in any order
		for range s.Count {
			r := <-ended
			seq := r.Seq
			if waited := r.Time.Sub(began); seq == 1 && waited < 40*time.Millisecond { // a busy engine's now is some milliseconds old
				t.Errorf("the first began after %v", waited)
			}
			var syn, rst *probe.Segment
			for i := range r.Events {
				switch e := r.Events[i]; e.Kind {
				case probe.EventSegmentSent:
					syn = e.Segment
				case probe.EventSegmentReceived:
					rst = e.Segment
				}
			}
			if r.Outcome != probe.OutcomeRefused || seen[seq] || syn == nil || rst == nil || rst.Header.Ack != syn.Header.Seq+1 ||
				len(syn.Header.Options) == 0 || len(rst.Header.Options) != 0 || syn.Header.SrcPort != r.TCP.Local.Port() {
				t.Errorf("%s %d: %v, %+v, %+v", send, seq, r.Outcome, syn, rst)
			}
			seen[seq] = true
		}
	}
}

// TestStampsOfManyByIP: by the kernel's IP, all times are the kernel's, however many handshakes wait for their answers.
func TestStampsOfManyByIP(t *testing.T) {
	t.Parallel()
	const many = 1000
	lab := labtest.New(t)
	var hosts [3]*netlab.Host
	for i, name := range []string{"a", "b", "middle"} {
		var err error
		if hosts[i], err = lab.Host(name); err != nil {
			t.Fatal(err)
		}
	}
	a, middle := hosts[0], hosts[2]
	for i, h := range hosts[:2] {
		prefix := netip.MustParsePrefix("10.0.0." + strconv.Itoa(i+1) + "/24")
		if err := lab.Link(h, "eth0", prefix, middle, "eth"+strconv.Itoa(i), netip.Prefix{}, netlab.NoChecksumOffload()); err != nil {
			t.Fatal(err)
		}
	}
	cable, err := middle.Impair("eth0", "eth1", 1, netlab.Impairment{From: netlab.FromB, Set: tcphdr.RST, Action: netlab.Delay, Time: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cable.Close() })

	p := running(t, a, prober.Options{Targets: many, Record: true, IPOnly: true, InOrder: true})
	ended := make(cloning, many)
	for i := range many {
		to, err := target.Parse("10.0.0.2:" + strconv.Itoa(1000+i))
		if err != nil {
			t.Fatal(err)
		}
		s := spec(prober.SendIP)
		s.Reuse = true
		p.Submit(prober.One(prober.Request{Target: to, Spec: s, Observer: ended}))
	}
	user, again := 0, 0
	for range many {
		r := <-ended
		if r.Outcome != probe.OutcomeRefused {
			t.Errorf("%s: %v, %v", r.Target, r.Outcome, r.Err)
			continue
		}
		if r.TCP.Clock != stamp.Kernel {
			user++
		}
		if r.TCP.SYNSent > 1 {
			again++
		}
	}
	if user > 0 || again > 0 {
		t.Errorf("%d times by the process's clock, %d handshakes with a second SYN", user, again)
	}
}
