package probe_test

import (
	"fmt"
	"testing"
	"time"

	"tcpprobe/probe"
)

// enter brings a machine into a state, by the shortest way.
func enter(t *testing.T, state probe.State) *bench {
	how := closing(probe.CloseNone)
	switch state {
	case probe.StateFINWait1, probe.StateFINWait2, probe.StateClosing, probe.StateLastACK, probe.StateTimeWait:
		how = closing(probe.CloseFIN)
	}
	b := newBench(t, how)
	b.sent()
	switch state {
	case probe.StateSYNSent:
	case probe.StateSYNReceived:
		b.receive("SYN", 0, 0, 0)
	case probe.StateLastACK:
		b.receive("SYN,FIN,ACK", 0, 1, 0)
	case probe.StateClosed:
		b.receive("RST,ACK", 0, 1, 0)
	default:
		b.receive("SYN,ACK", 0, 1, 0)
	}
	b.sent()
	switch state {
	case probe.StateCloseWait:
		b.receive("FIN,ACK", 1, 1, 0)
	case probe.StateFINWait2, probe.StateTimeWait:
		b.receive("ACK", 1, 2, 0)
	case probe.StateClosing:
		b.receive("FIN,ACK", 1, 1, 0)
	}
	if state == probe.StateTimeWait {
		b.receive("FIN,ACK", 1, 2, 0)
	}
	b.sent()
	if b.h.State() != state {
		t.Fatalf("in %v, want %v", b.h.State(), state)
	}
	return b
}

// TestStates is the table of RFC 9293 3.10.7: every state, and what may arrive in it.
func TestStates(t *testing.T) {
	const (
		pending     = probe.OutcomePending
		established = probe.OutcomeEstablished
		refused     = probe.OutcomeRefused
	)
	type row struct {
		id             string
		flags          string
		seq, ack, data int

		verdict probe.Verdict
		sent    string
		state   probe.State
		outcome probe.Outcome
		done    bool
	}
	tables := []struct {
		in   probe.State
		rows []row
	}{
		{probe.StateSYNSent, []row{
			{"B-01", "ACK", 77, 0, 0, probe.VerdictACKUnacceptable, "RST 0", probe.StateSYNSent, pending, false},
			{"B-01", "ACK", 77, 2, 0, probe.VerdictACKUnacceptable, "RST 2", probe.StateSYNSent, pending, false},
			{"B-01", "SYN,ACK", 0, 0, 0, probe.VerdictACKUnacceptable, "RST 0", probe.StateSYNSent, pending, false},
			{"B-01", "SYN,ACK", 0, 2, 0, probe.VerdictACKUnacceptable, "RST 2", probe.StateSYNSent, pending, false},
			{"B-01", "SYN,FIN,ACK", 0, -5, 9, probe.VerdictACKUnacceptable, "RST -5", probe.StateSYNSent, pending, false},
			{"B-01", "SYN,ACK", 0, -1 << 31, 0, probe.VerdictACKUnacceptable, "RST -2147483648", probe.StateSYNSent, pending, false},
			{"B-01", "SYN,ACK", 0, 1<<31 - 1, 0, probe.VerdictACKUnacceptable, "RST 2147483647", probe.StateSYNSent, pending, false},
			{"B-02", "RST,ACK", 0, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
			{"B-02", "RST,ACK", 0, 2, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
			{"B-02", "SYN,RST,ACK", 0, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
			{"B-03", "RST,ACK", 2, 1, 0, probe.VerdictRefused, "", probe.StateClosed, refused, true},
			{"B-03", "RST,ACK", 900, 1, 0, probe.VerdictRefused, "", probe.StateClosed, refused, true},
			{"B-04", "RST", 0, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
			{"B-05", "RST,ACK", 0, 1, 12, probe.VerdictRefused, "", probe.StateClosed, refused, true},
			{"B-06", "SYN,ACK", 0, 1, 0, probe.VerdictOpened, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-06", "SYN,PSH,ACK,URG", 0, 1, 0, probe.VerdictOpened, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-07", "SYN,ACK", 0, 1, 3, probe.VerdictOpened, "ACK 1 4", probe.StateEstablished, established, false},
			{"B-08", "SYN,FIN,ACK", 0, 1, 0, probe.VerdictOpened, "ACK 1 2", probe.StateCloseWait, established, false},
			{"B-08", "SYN,FIN,ACK", 0, 1, 3, probe.VerdictOpened, "ACK 1 5", probe.StateCloseWait, established, false},
			{"B-09", "SYN", 0, 0, 0, probe.VerdictCrossed, "SYN,ACK 0 1", probe.StateSYNReceived, pending, false},
			{"B-09", "SYN", 0, 0, 5, probe.VerdictCrossed, "SYN,ACK 0 1", probe.StateSYNReceived, pending, false},
			{"B-10", "SYN,FIN", 0, 0, 0, probe.VerdictCrossed, "SYN,ACK 0 1", probe.StateSYNReceived, pending, false},
			{"B-11", "ACK", 1, 1, 0, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-11", "PSH,ACK", 1, 1, 100, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-11", "FIN,ACK", 1, 1, 0, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-12", "FIN", 0, 0, 0, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-12", "none", 0, 0, 0, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-12", "PSH,URG", 0, 0, 4, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-12", "ECE,CWR,AE", 0, 0, 0, probe.VerdictDropped, "", probe.StateSYNSent, pending, false},
			{"B-13", "SYN,RST,ACK", 0, 1, 0, probe.VerdictRefused, "", probe.StateClosed, refused, true},
			{"B-13", "SYN,RST", 0, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
		}},
		{probe.StateSYNReceived, []row{
			{"B-20", "ACK", 1, 1, 0, probe.VerdictOpened, "", probe.StateEstablished, established, false},
			{"B-20", "PSH,ACK", 1, 1, 4, probe.VerdictOpened, "ACK 1 5", probe.StateEstablished, established, false},
			{"B-20", "FIN,ACK", 1, 1, 0, probe.VerdictOpened, "ACK 1 2", probe.StateCloseWait, established, false},
			{"B-21", "SYN,ACK", 0, 1, 0, probe.VerdictOpened, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-21", "SYN", 0, 0, 0, probe.VerdictDuplicate, "ACK 1 1", probe.StateSYNReceived, pending, false},
			{"B-21", "SYN,ACK", 0, 0, 0, probe.VerdictDuplicate, "ACK 1 1", probe.StateSYNReceived, pending, false},
			{"B-22", "RST", 1, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
			{"B-22", "RST,ACK", 1, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNSent, pending, false},
			{"B-22", "RST,ACK", 900000, 1, 0, probe.VerdictRefused, "", probe.StateClosed, refused, true}, // the answer to our own SYN
			{"B-21", "SYN,ACK", 900000, 1, 0, probe.VerdictOpened, "ACK 1 900001", probe.StateEstablished, established, false},
			{"B-22", "RST,ACK", 1, 1, 0, probe.VerdictRefused, "", probe.StateClosed, refused, true},
			{"B-22", "RST", 2, 0, 0, probe.VerdictChallenged, "ACK 1 1", probe.StateSYNReceived, pending, false},
			{"B-22", "RST", 0, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNReceived, pending, false},
			{"B-22", "RST", 1 + benchWindow, 0, 0, probe.VerdictRSTUnproven, "", probe.StateSYNReceived, pending, false},
			{"B-23", "ACK", 1, 0, 0, probe.VerdictACKUnacceptable, "RST 0", probe.StateSYNReceived, pending, false},
			{"B-23", "ACK", 1, 2, 0, probe.VerdictACKUnacceptable, "RST 2", probe.StateSYNReceived, pending, false},
			{"B-32", "SYN", 1, 0, 0, probe.VerdictChallenged, "ACK 1 1", probe.StateSYNReceived, pending, false},
			{"fifth", "FIN", 1, 0, 0, probe.VerdictDropped, "", probe.StateSYNReceived, pending, false},
			{"first", "ACK", 1 + benchWindow, 1, 0, probe.VerdictOutOfWindow, "ACK 1 1", probe.StateSYNReceived, pending, false},
		}},
		{probe.StateEstablished, []row{
			{"B-30", "SYN,ACK", 0, 1, 0, probe.VerdictDuplicate, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-31", "RST", 1, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
			{"B-31", "SYN,RST", 1, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
			{"B-31", "RST", 2, 0, 0, probe.VerdictChallenged, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-31", "RST", benchWindow, 0, 0, probe.VerdictChallenged, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-31", "RST,ACK", 1 + benchWindow, 1, 0, probe.VerdictRSTUnproven, "", probe.StateEstablished, established, false},
			{"B-31", "RST", 0, 0, 0, probe.VerdictRSTUnproven, "", probe.StateEstablished, established, false},
			{"B-32", "SYN", 1, 0, 0, probe.VerdictChallenged, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-32", "SYN,ACK", 500, 1, 0, probe.VerdictChallenged, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-32", "SYN", 0, 0, 0, probe.VerdictDuplicate, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-32", "SYN", 100000, 0, 0, probe.VerdictOutOfWindow, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-33", "ACK", 1, 2, 0, probe.VerdictACKUnacceptable, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-33", "ACK", 1, -1, 0, probe.VerdictACKUnacceptable, "ACK 1 1", probe.StateEstablished, established, false},
			{"B-33", "ACK", 1, 0, 0, probe.VerdictAcknowledged, "", probe.StateEstablished, established, false},
			{"fifth", "ACK", 1, 1, 0, probe.VerdictAcknowledged, "", probe.StateEstablished, established, false},
			{"fifth", "PSH", 1, 0, 5, probe.VerdictDropped, "", probe.StateEstablished, established, false},
			{"B-35", "PSH,ACK", 1, 1, 5, probe.VerdictData, "ACK 1 6", probe.StateEstablished, established, false},
			{"B-35", "ACK", 0, 1, 5, probe.VerdictData, "ACK 1 5", probe.StateEstablished, established, false},
			{"B-35", "FIN,ACK", 1, 1, 0, probe.VerdictFIN, "ACK 1 2", probe.StateCloseWait, established, false},
			{"B-35", "FIN,ACK", 1, 1, 5, probe.VerdictFIN, "ACK 1 7", probe.StateCloseWait, established, false},
			{"first", "ACK", -4, 1, 5, probe.VerdictDuplicate, "ACK 1 1", probe.StateEstablished, established, false},
			{"first", "ACK", 1 + benchWindow, 1, 5, probe.VerdictOutOfWindow, "ACK 1 1", probe.StateEstablished, established, false},
			{"seventh", "ACK", 3, 1, 5, probe.VerdictOutOfWindow, "ACK 1 1", probe.StateEstablished, established, false},
		}},
		{probe.StateFINWait1, []row{
			{"fifth", "ACK", 1, 2, 0, probe.VerdictAcknowledged, "", probe.StateFINWait2, established, false},
			{"fifth", "ACK", 1, 1, 0, probe.VerdictAcknowledged, "", probe.StateFINWait1, established, false},
			{"B-33", "ACK", 1, 3, 0, probe.VerdictACKUnacceptable, "ACK 2 1", probe.StateFINWait1, established, false},
			{"eighth", "FIN,ACK", 1, 2, 0, probe.VerdictFIN, "ACK 2 2", probe.StateTimeWait, established, true},
			{"eighth", "FIN,ACK", 1, 1, 0, probe.VerdictFIN, "ACK 2 2", probe.StateClosing, established, false},
			{"eighth", "FIN,ACK", 1, 2, 8, probe.VerdictFIN, "ACK 2 10", probe.StateTimeWait, established, true},
			{"B-35", "ACK", 1, 1, 5, probe.VerdictData, "ACK 2 6", probe.StateFINWait1, established, false},
			{"B-35", "ACK", 1, 2, 5, probe.VerdictData, "ACK 2 6", probe.StateFINWait2, established, false},
			{"B-30", "SYN,ACK", 0, 1, 0, probe.VerdictDuplicate, "ACK 2 1", probe.StateFINWait1, established, false},
			{"B-31", "RST", 1, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
			{"B-31", "RST", 9, 0, 0, probe.VerdictChallenged, "ACK 2 1", probe.StateFINWait1, established, false},
		}},
		{probe.StateFINWait2, []row{
			{"eighth", "FIN,ACK", 1, 2, 0, probe.VerdictFIN, "ACK 2 2", probe.StateTimeWait, established, true},
			{"eighth", "FIN,ACK", 2, 2, 0, probe.VerdictOutOfWindow, "ACK 2 1", probe.StateFINWait2, established, false},
			{"B-35", "ACK", 1, 2, 5, probe.VerdictData, "ACK 2 6", probe.StateFINWait2, established, false},
			{"fifth", "ACK", 1, 2, 0, probe.VerdictAcknowledged, "", probe.StateFINWait2, established, false},
			{"B-31", "RST", 1, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
		}},
		{probe.StateCloseWait, []row{
			{"fifth", "ACK", 2, 1, 0, probe.VerdictAcknowledged, "", probe.StateCloseWait, established, false},
			{"first", "FIN,ACK", 1, 1, 0, probe.VerdictDuplicate, "ACK 1 2", probe.StateCloseWait, established, false},
			{"seventh", "ACK", 2, 1, 5, probe.VerdictDropped, "", probe.StateCloseWait, established, false},
			{"B-31", "RST", 2, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
			{"B-32", "SYN", 2, 0, 0, probe.VerdictChallenged, "ACK 1 2", probe.StateCloseWait, established, false},
		}},
		{probe.StateClosing, []row{
			{"fifth", "ACK", 2, 2, 0, probe.VerdictAcknowledged, "", probe.StateTimeWait, established, true},
			{"fifth", "ACK", 2, 1, 0, probe.VerdictAcknowledged, "", probe.StateClosing, established, false},
			{"first", "FIN,ACK", 1, 1, 0, probe.VerdictDuplicate, "ACK 2 2", probe.StateClosing, established, false},
			{"seventh", "ACK", 2, 1, 5, probe.VerdictDropped, "", probe.StateClosing, established, false},
			{"B-31", "RST", 2, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
		}},
		{probe.StateLastACK, []row{
			{"fifth", "ACK", 2, 2, 0, probe.VerdictAcknowledged, "", probe.StateClosed, established, true},
			{"fifth", "ACK", 2, 1, 0, probe.VerdictAcknowledged, "", probe.StateLastACK, established, false},
			{"first", "FIN,ACK", 1, 1, 0, probe.VerdictDuplicate, "ACK 2 2", probe.StateLastACK, established, false},
			{"B-31", "RST", 2, 0, 0, probe.VerdictReset, "", probe.StateClosed, established, true},
		}},
		{probe.StateTimeWait, []row{
			{"B-45", "FIN,ACK", 1, 2, 0, probe.VerdictDuplicate, "ACK 2 2", probe.StateTimeWait, established, true},
			{"B-45", "RST", 2, 0, 0, probe.VerdictLate, "", probe.StateTimeWait, established, true},
			{"B-45", "SYN,ACK", 0, 1, 0, probe.VerdictLate, "", probe.StateTimeWait, established, true},
		}},
		{probe.StateClosed, []row{
			{"B-45", "SYN,ACK", 0, 1, 0, probe.VerdictLate, "", probe.StateClosed, refused, true},
			{"B-45", "RST,ACK", 0, 1, 0, probe.VerdictLate, "", probe.StateClosed, refused, true},
			{"B-45", "ACK", 1, 9, 0, probe.VerdictLate, "", probe.StateClosed, refused, true},
		}},
	}
	for _, table := range tables {
		for _, r := range table.rows {
			t.Run(fmt.Sprintf("%v/%s %s seq %d ack %d len %d", table.in, r.id, r.flags, r.seq, r.ack, r.data), func(t *testing.T) {
				b := enter(t, table.in)
				if got := b.at(time.Millisecond).receive(r.flags, r.seq, r.ack, r.data); got != r.verdict {
					t.Errorf("verdict %q, want %q", got, r.verdict)
				}
				b.wants(r.sent)
				b.is(r.state, r.outcome, r.done)
				if !r.done {
					return
				}
				// Nothing is sent, and nothing changes, after the end.
				if _, ok := b.h.Deadline(); ok {
					t.Error("there is a deadline after the end")
				}
				for _, flags := range []string{"SYN,ACK", "RST,ACK", "ACK", "FIN,ACK", "SYN"} {
					if v := b.at(time.Hour).receive(flags, 0, 1, 3); v != probe.VerdictLate {
						t.Errorf("after the end %s is %q", flags, v)
					}
				}
				b.h.Close(b.now)
				b.h.Interrupt()
				b.wants("")
				b.is(r.state, r.outcome, true)
			})
		}
	}
}
