package probe_test

import (
	"testing"
	"time"

	"tcpprobe/probe"
)

// TestChallengesLeaveAcknowledgments: the limit on challenges (RFC 5961 7) is one on answers to segments without data. What
// the peer sends again because our acknowledgment was lost is acknowledged, however many challenges there were.
func TestChallengesLeaveAcknowledgments(t *testing.T) {
	for _, test := range []struct {
		name           string
		flags          string
		seq, ack, data int
		verdict        probe.Verdict
	}{
		{"data sent again", "ACK", 1, 1, 5, probe.VerdictDuplicate},
		{"data behind a gap", "ACK", 9, 1, 5, probe.VerdictOutOfWindow},
		{"a FIN sent again", "FIN,ACK", 5, 1, 0, probe.VerdictDuplicate},
		{"a FIN behind a gap", "FIN,ACK", 9, 1, 0, probe.VerdictOutOfWindow},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, closing(probe.CloseNone))
			b.sent()
			b.at(10*ms).receive("SYN,ACK", 0, 1, 0)
			b.wants("ACK 1 1")
			b.receive("ACK", 1, 1, 5)
			b.wants("ACK 1 6")
			for n := 0; b.receive("SYN", 7, 0, 0) == probe.VerdictChallenged && b.sent() != ""; n++ {
				if n > 10 {
					t.Fatal("challenges have no end")
				}
			}
			if v := b.at(20*ms).receive(test.flags, test.seq, test.ack, test.data); v != test.verdict {
				t.Errorf("%v, want %v", v, test.verdict)
			}
			b.wants("ACK 1 6")
		})
	}
}

// TestB32_AcknowledgmentsEnd: acknowledgments of what was received before leave room for what matters.
func TestB32_AcknowledgmentsEnd(t *testing.T) {
	b := newBench(t, closing(probe.CloseNone))
	b.sent()
	b.at(10*ms).receive("SYN,ACK", 0, 1, 0)
	b.sent()
	b.receive("ACK", 1, 1, 5)
	b.sent()
	for n := range 1000 {
		b.at(time.Duration(20+n)*time.Microsecond).receive("ACK", 1, 1, 5)
		b.sent()
	}
	b.is(probe.StateEstablished, probe.OutcomeEstablished, false)
	if len(b.out) != probe.MaximumSegments/2 {
		t.Errorf("%d segments were sent", len(b.out))
	}
}

// TestChallengedSYN: a SYN that a stale connection of the peer challenges was not lost.
func TestChallengedSYN(t *testing.T) {
	b := newBench(t)
	b.sent()
	b.at(10*ms).receive("ACK", 900, 700, 0)
	b.wants("RST 700")
	b.at(time.Second).wants("SYN 0")
	b.at(1010*ms).receiveWith(timestamps(benchPeer, benchTS+1000), "SYN,ACK", 0, 1, 0)
	if r := b.h.Result(); r.AnsweredSYN != 2 || r.SYNChallenged != 1 {
		t.Errorf("%+v", r)
	}
}
