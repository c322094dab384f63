package trace_test

import (
	"testing"

	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
)

// narrowPath is what becomes of a SYN of a size: it passes, or a router says what it has room for, or it is lost.
type narrowPath func(size int) *probe.Result

func passes() *probe.Result {
	return &probe.Result{Outcome: probe.OutcomeEstablished, TCP: &probe.TCP{}}
}
func isLost() *probe.Result { return &probe.Result{Outcome: probe.OutcomeTimeout, TCP: &probe.TCP{}} }

func tooBig(mtu int) *probe.Result {
	m := &probe.ICMP{From: probetest.Router, Target: probetest.Remote.Addr(), Type: 3, Code: 4, MTU: mtu, SentTTL: 64, QuotedTTL: 63}
	return &probe.Result{Outcome: probe.OutcomeInterrupted, TCP: &probe.TCP{}, ICMP: []*probe.ICMP{m}}
}

// upTo is a path that takes so many octets, and answers larger ones as a router would.
func upTo(room int, larger func(size int) *probe.Result) narrowPath {
	return func(size int) *probe.Result {
		if size <= room {
			return passes()
		}
		return larger(size)
	}
}

func TestMTUSearch(t *testing.T) {
	silent := func(int) *probe.Result { return isLost() }
	named := func(mtu int) func(int) *probe.Result {
		return func(int) *probe.Result { return tooBig(mtu) }
	}
	for _, test := range []struct {
		name      string
		path      narrowPath
		mtu       int
		blackHole int // 0: none
		tries     int // at most
	}{
		{"wide", upTo(1500, silent), 1500, 0, 2},
		{"B-60 named", upTo(1400, named(1400)), 1400, 0, 3},
		{"B-60 an old router names none", upTo(1400, named(0)), 1400, 0, 14},
		{"B-61 less than the least", upTo(1400, named(67)), 1400, 0, 14},
		{"B-61 not less than was sent", upTo(1400, named(1500)), 1400, 0, 14},
		{"B-61 more than was sent", upTo(1400, named(65535)), 1400, 0, 14},
		{"two steps", upTo(1300, func(size int) *probe.Result {
			if size > 1400 {
				return tooBig(1400)
			}
			return tooBig(1300)
		}), 1300, 0, 4},
		{"a step and a black hole", upTo(1300, func(size int) *probe.Result {
			if size > 1400 {
				return tooBig(1400)
			}
			return isLost()
		}), 1300, 1301, 30},
		{"a black hole", upTo(1400, silent), 1400, 1401, 30},
		{"a narrow one", upTo(68, silent), 68, 69, 30},
		{"no data", upTo(60, silent), 0, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := trace.NewMTUSearch(60, 1500)
			for {
				size, ok := s.Next()
				if !ok {
					break
				}
				if len(s.Tries) == test.tries {
					t.Fatalf("after %d tries it wants %d", len(s.Tries), size)
				}
				s.Take(size, test.path(size))
			}
			size, ok := s.BlackHole()
			if s.MTU != test.mtu || ok != (test.blackHole != 0) || ok && size != test.blackHole || s.Usable() != (test.mtu > 0) {
				t.Errorf("path MTU %d, black hole from %d on, %t; want %d and %d; %+v", s.MTU, size, ok, test.mtu, test.blackHole, s.Tries)
			}
		})
	}
}

// TestMTUSearchOneLoss: a SYN that is lost by chance is sent again before its size is given up.
func TestMTUSearchOneLoss(t *testing.T) {
	s := trace.NewMTUSearch(60, 1500)
	for i := 0; ; i++ {
		size, ok := s.Next()
		if !ok {
			break
		}
		if i%2 == 0 {
			s.Take(size, isLost())
		} else {
			s.Take(size, passes())
		}
	}
	if _, ok := s.BlackHole(); s.MTU != 1500 || ok || len(s.Tries) != 4 {
		t.Errorf("path MTU %d after %d tries, black hole %t", s.MTU, len(s.Tries), ok)
	}
}
