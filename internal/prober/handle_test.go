//go:build linux

package prober_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// silence drops what comes for TCP.
const silence = "table ip silence {\n chain in {\n type filter hook input priority 0\n tcp dport 80 drop\n }\n}\n"

// observed is an observer that hands results on.
type observed chan *probe.Result

func (observed) Event(*probe.Result, *probe.Event) {}
func (o observed) Result(r *probe.Result)          { o <- r }
func (observed) Over()                             {}

// running returns a Prober that runs on a host until the test ends.
func running(t *testing.T, h *netlab.Host, o prober.Options) *prober.Prober {
	t.Helper()
	opened, ended := make(chan *prober.Prober, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		ended <- h.Do(func() error {
			p, err := prober.Open(o)
			opened <- p
			if err != nil {
				return err
			}
			return errors.Join(p.Run(ctx), p.Close())
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p := <-opened
	if p == nil {
		t.FailNow()
	}
	return p
}

// spec returns that of a handshake for which there is a minute.
func spec(send prober.Send) *prober.Spec {
	return &prober.Spec{Count: 1, Interval: time.Minute, Send: send, TTL: 64, Handshake: probe.Config{Timeout: time.Minute, Retries: 2, Window: 64240}}
}

// submit has a handshake made, and returns where its result is to come.
func submit(t *testing.T, p *prober.Prober, to string, r prober.Request) observed {
	t.Helper()
	var err error
	if r.Target, err = target.Parse(to); err != nil {
		t.Fatal(err)
	}
	ended := make(observed, 1)
	r.Observer = ended
	p.Submit(prober.One(r))
	return ended
}

// TestHandle: a request that is broken off ends at once, is judged by how far it has come, and leaves room for others.
func TestHandle(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	p := running(t, a, prober.Options{Targets: 1, Record: true, UnderWay: 1})
	for _, test := range []struct {
		name, target string
		send         prober.Send
		end          func(*prober.Handle)
		want         probe.Outcome
	}{
		{"its time is over", "10.0.0.2:80", prober.SendIP, (*prober.Handle).Expire, probe.OutcomeTimeout},
		{"nobody waits", "10.0.0.2:80", prober.SendIP, (*prober.Handle).Cancel, probe.OutcomeInterrupted},
		{"in frames", "10.0.0.2:80", prober.SendLink, (*prober.Handle).Expire, probe.OutcomeTimeout},
		{"by connect", "10.0.0.2:80", prober.SendConnect, (*prober.Handle).Expire, probe.OutcomeTimeout},
		{"no MAC yet", "10.0.0.9:80", prober.SendLink, (*prober.Handle).Expire, probe.OutcomeARPTimeout},
		{"no MAC yet, and nobody waits", "10.0.0.9:80", prober.SendLink, (*prober.Handle).Cancel, probe.OutcomeInterrupted},
	} {
		h := new(prober.Handle)
		ended := submit(t, p, test.target, prober.Request{Spec: spec(test.send), Handle: h})
		time.Sleep(100 * time.Millisecond) // for the SYN to leave, or the request
		test.end(h)
		select {
		case r := <-ended:
			if r.Outcome != test.want {
				t.Errorf("%s: %v, %v; want %v", test.name, r.Outcome, r.Err, test.want)
			}
			if r.TCP != nil && r.TCP.SYNSent != 1 {
				t.Errorf("%s: %d SYNs", test.name, r.TCP.SYNSent)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no result", test.name)
		}
		test.end(h) // which is nothing by now
	}
	// The one that may be under way is not in the way, and one that it is in the way of has asked nothing.
	first, second := new(prober.Handle), new(prober.Handle)
	blocking := submit(t, p, "10.0.0.2:80", prober.Request{Spec: spec(prober.SendIP), Handle: first})
	waiting := submit(t, p, "10.0.0.2:80", prober.Request{Spec: spec(prober.SendIP), Handle: second})
	second.Expire()
	first.Cancel()
	<-blocking
	if r := <-waiting; r.Outcome != probe.OutcomeInterrupted {
		t.Errorf("it was not its turn, and it ends as %v", r.Outcome)
	}
	if r := <-submit(t, p, "10.0.0.2:81", prober.Request{Spec: spec(prober.SendIP)}); r.Outcome != probe.OutcomeRefused {
		t.Errorf("after all that: %v, %v", r.Outcome, r.Err)
	}
}

// TestPermit: the address that segments would go to is the one that is judged, and nothing leaves for it if it is not permitted.
func TestPermit(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	wire := labtest.Wire(t, b, "eth0")
	p := running(t, a, prober.Options{Targets: 1, Record: true})
	var asked []netip.Addr
	why := errors.New("it is not allowed")
	r := <-submit(t, p, "10.0.0.2:80", prober.Request{Spec: spec(prober.SendLink), Permit: func(a netip.Addr, _ bool) error {
		asked = append(asked, a)
		return why
	}})
	refused, ok := errors.AsType[*prober.NotPermittedError](r.Err)
	if !ok || !errors.Is(refused, why) || r.Outcome != probe.OutcomeLocalError || r.TCP != nil || refused.Address != r.Address {
		t.Errorf("%v, %v, %v", r.Outcome, r.Err, r.TCP)
	}
	if len(asked) != 1 || asked[0] != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("asked about %v", asked)
	}
	if r := <-submit(t, p, "10.0.0.2:81", prober.Request{Spec: spec(prober.SendIP), Permit: func(netip.Addr, bool) error { return nil }}); r.Outcome != probe.OutcomeRefused {
		t.Errorf("%v, %v", r.Outcome, r.Err)
	}
	for _, send := range []prober.Send{prober.SendIP, prober.SendConnect} {
		r := <-submit(t, p, "10.0.0.1:80", prober.Request{Spec: spec(send), Permit: func(_ netip.Addr, own bool) error {
			if own {
				return why
			}
			return nil
		}})
		if !errors.Is(r.Err, why) || r.TCP != nil {
			t.Errorf("this host, by %s: %v, %v", send, r.Outcome, r.Err)
		}
	}
	if seen := wire.Tshark(t, "tcp.dstport == 80 || arp.dst.proto_ipv4 == 10.0.0.2", "frame.number"); len(seen) > 1 { // the kernel asks once
		t.Errorf("%d packets about an address that is not permitted", len(seen))
	}
}
