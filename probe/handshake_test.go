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
	case probe.FinWait1, probe.FinWait2, probe.Closing, probe.LastAck, probe.TimeWait:
		how = closing(probe.CloseFIN)
	}
	b := newBench(t, how)
	b.sent()
	switch state {
	case probe.SynSent:
	case probe.SynReceived:
		b.receive("SYN", 0, 0, 0)
	case probe.LastAck:
		b.receive("SYN,FIN,ACK", 0, 1, 0)
	case probe.Closed:
		b.receive("RST,ACK", 0, 1, 0)
	default:
		b.receive("SYN,ACK", 0, 1, 0)
	}
	b.sent()
	switch state {
	case probe.CloseWait:
		b.receive("FIN,ACK", 1, 1, 0)
	case probe.FinWait2, probe.TimeWait:
		b.receive("ACK", 1, 2, 0)
	case probe.Closing:
		b.receive("FIN,ACK", 1, 1, 0)
	}
	if state == probe.TimeWait {
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
		pending     = probe.Pending
		established = probe.Established
		refused     = probe.Refused
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
		{probe.SynSent, []row{
			{"B-01", "ACK", 77, 0, 0, probe.AckUnacceptable, "RST 0", probe.SynSent, pending, false},
			{"B-01", "ACK", 77, 2, 0, probe.AckUnacceptable, "RST 2", probe.SynSent, pending, false},
			{"B-01", "SYN,ACK", 0, 0, 0, probe.AckUnacceptable, "RST 0", probe.SynSent, pending, false},
			{"B-01", "SYN,ACK", 0, 2, 0, probe.AckUnacceptable, "RST 2", probe.SynSent, pending, false},
			{"B-01", "SYN,FIN,ACK", 0, -5, 9, probe.AckUnacceptable, "RST -5", probe.SynSent, pending, false},
			{"B-01", "SYN,ACK", 0, -1 << 31, 0, probe.AckUnacceptable, "RST -2147483648", probe.SynSent, pending, false},
			{"B-01", "SYN,ACK", 0, 1<<31 - 1, 0, probe.AckUnacceptable, "RST 2147483647", probe.SynSent, pending, false},
			{"B-02", "RST,ACK", 0, 0, 0, probe.RSTUnproven, "", probe.SynSent, pending, false},
			{"B-02", "RST,ACK", 0, 2, 0, probe.RSTUnproven, "", probe.SynSent, pending, false},
			{"B-02", "SYN,RST,ACK", 0, 0, 0, probe.RSTUnproven, "", probe.SynSent, pending, false},
			{"B-03", "RST,ACK", 2, 1, 0, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-03", "RST,ACK", 900, 1, 0, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-04", "RST", 0, 0, 0, probe.RSTUnproven, "", probe.SynSent, pending, false},
			{"B-05", "RST,ACK", 0, 1, 12, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-06", "SYN,ACK", 0, 1, 0, probe.Opened, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-06", "SYN,PSH,ACK,URG", 0, 1, 0, probe.Opened, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-07", "SYN,ACK", 0, 1, 3, probe.Opened, "ACK 1 4", probe.EstablishedState, established, false},
			{"B-08", "SYN,FIN,ACK", 0, 1, 0, probe.Opened, "ACK 1 2", probe.CloseWait, established, false},
			{"B-08", "SYN,FIN,ACK", 0, 1, 3, probe.Opened, "ACK 1 5", probe.CloseWait, established, false},
			{"B-09", "SYN", 0, 0, 0, probe.Crossed, "SYN,ACK 0 1", probe.SynReceived, pending, false},
			{"B-09", "SYN", 0, 0, 5, probe.Crossed, "SYN,ACK 0 1", probe.SynReceived, pending, false},
			{"B-10", "SYN,FIN", 0, 0, 0, probe.Crossed, "SYN,ACK 0 1", probe.SynReceived, pending, false},
			{"B-11", "ACK", 1, 1, 0, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-11", "PSH,ACK", 1, 1, 100, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-11", "FIN,ACK", 1, 1, 0, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-12", "FIN", 0, 0, 0, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-12", "none", 0, 0, 0, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-12", "PSH,URG", 0, 0, 4, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-12", "ECE,CWR,AE", 0, 0, 0, probe.Dropped, "", probe.SynSent, pending, false},
			{"B-13", "SYN,RST,ACK", 0, 1, 0, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-13", "SYN,RST", 0, 0, 0, probe.RSTUnproven, "", probe.SynSent, pending, false},
		}},
		{probe.SynReceived, []row{
			{"B-20", "ACK", 1, 1, 0, probe.Opened, "", probe.EstablishedState, established, false},
			{"B-20", "PSH,ACK", 1, 1, 4, probe.Opened, "ACK 1 5", probe.EstablishedState, established, false},
			{"B-20", "FIN,ACK", 1, 1, 0, probe.Opened, "ACK 1 2", probe.CloseWait, established, false},
			{"B-21", "SYN,ACK", 0, 1, 0, probe.Opened, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-21", "SYN", 0, 0, 0, probe.Duplicate, "ACK 1 1", probe.SynReceived, pending, false},
			{"B-21", "SYN,ACK", 0, 0, 0, probe.Duplicate, "ACK 1 1", probe.SynReceived, pending, false},
			{"B-22", "RST", 1, 0, 0, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-22", "RST,ACK", 1, 0, 0, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-22", "RST,ACK", 900000, 1, 0, probe.WasRefused, "", probe.Closed, refused, true}, // the answer to our own SYN
			{"B-21", "SYN,ACK", 900000, 1, 0, probe.Opened, "ACK 1 900001", probe.EstablishedState, established, false},
			{"B-22", "RST,ACK", 1, 1, 0, probe.WasRefused, "", probe.Closed, refused, true},
			{"B-22", "RST", 2, 0, 0, probe.Challenged, "ACK 1 1", probe.SynReceived, pending, false},
			{"B-22", "RST", 0, 0, 0, probe.RSTUnproven, "", probe.SynReceived, pending, false},
			{"B-22", "RST", 1 + benchWindow, 0, 0, probe.RSTUnproven, "", probe.SynReceived, pending, false},
			{"B-23", "ACK", 1, 0, 0, probe.AckUnacceptable, "RST 0", probe.SynReceived, pending, false},
			{"B-23", "ACK", 1, 2, 0, probe.AckUnacceptable, "RST 2", probe.SynReceived, pending, false},
			{"B-32", "SYN", 1, 0, 0, probe.Challenged, "ACK 1 1", probe.SynReceived, pending, false},
			{"fifth", "FIN", 1, 0, 0, probe.Dropped, "", probe.SynReceived, pending, false},
			{"first", "ACK", 1 + benchWindow, 1, 0, probe.OutOfWindow, "ACK 1 1", probe.SynReceived, pending, false},
		}},
		{probe.EstablishedState, []row{
			{"B-30", "SYN,ACK", 0, 1, 0, probe.Duplicate, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-31", "RST", 1, 0, 0, probe.WasReset, "", probe.Closed, established, true},
			{"B-31", "SYN,RST", 1, 0, 0, probe.WasReset, "", probe.Closed, established, true},
			{"B-31", "RST", 2, 0, 0, probe.Challenged, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-31", "RST", benchWindow, 0, 0, probe.Challenged, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-31", "RST,ACK", 1 + benchWindow, 1, 0, probe.RSTUnproven, "", probe.EstablishedState, established, false},
			{"B-31", "RST", 0, 0, 0, probe.RSTUnproven, "", probe.EstablishedState, established, false},
			{"B-32", "SYN", 1, 0, 0, probe.Challenged, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-32", "SYN,ACK", 500, 1, 0, probe.Challenged, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-32", "SYN", 0, 0, 0, probe.Duplicate, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-32", "SYN", 100000, 0, 0, probe.OutOfWindow, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-33", "ACK", 1, 2, 0, probe.AckUnacceptable, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-33", "ACK", 1, -1, 0, probe.AckUnacceptable, "ACK 1 1", probe.EstablishedState, established, false},
			{"B-33", "ACK", 1, 0, 0, probe.Acknowledged, "", probe.EstablishedState, established, false},
			{"fifth", "ACK", 1, 1, 0, probe.Acknowledged, "", probe.EstablishedState, established, false},
			{"fifth", "PSH", 1, 0, 5, probe.Dropped, "", probe.EstablishedState, established, false},
			{"B-35", "PSH,ACK", 1, 1, 5, probe.GotData, "ACK 1 6", probe.EstablishedState, established, false},
			{"B-35", "ACK", 0, 1, 5, probe.GotData, "ACK 1 5", probe.EstablishedState, established, false},
			{"B-35", "FIN,ACK", 1, 1, 0, probe.GotFIN, "ACK 1 2", probe.CloseWait, established, false},
			{"B-35", "FIN,ACK", 1, 1, 5, probe.GotFIN, "ACK 1 7", probe.CloseWait, established, false},
			{"first", "ACK", -4, 1, 5, probe.Duplicate, "ACK 1 1", probe.EstablishedState, established, false},
			{"first", "ACK", 1 + benchWindow, 1, 5, probe.OutOfWindow, "ACK 1 1", probe.EstablishedState, established, false},
			{"seventh", "ACK", 3, 1, 5, probe.OutOfWindow, "ACK 1 1", probe.EstablishedState, established, false},
		}},
		{probe.FinWait1, []row{
			{"fifth", "ACK", 1, 2, 0, probe.Acknowledged, "", probe.FinWait2, established, false},
			{"fifth", "ACK", 1, 1, 0, probe.Acknowledged, "", probe.FinWait1, established, false},
			{"B-33", "ACK", 1, 3, 0, probe.AckUnacceptable, "ACK 2 1", probe.FinWait1, established, false},
			{"eighth", "FIN,ACK", 1, 2, 0, probe.GotFIN, "ACK 2 2", probe.TimeWait, established, true},
			{"eighth", "FIN,ACK", 1, 1, 0, probe.GotFIN, "ACK 2 2", probe.Closing, established, false},
			{"eighth", "FIN,ACK", 1, 2, 8, probe.GotFIN, "ACK 2 10", probe.TimeWait, established, true},
			{"B-35", "ACK", 1, 1, 5, probe.GotData, "ACK 2 6", probe.FinWait1, established, false},
			{"B-35", "ACK", 1, 2, 5, probe.GotData, "ACK 2 6", probe.FinWait2, established, false},
			{"B-30", "SYN,ACK", 0, 1, 0, probe.Duplicate, "ACK 2 1", probe.FinWait1, established, false},
			{"B-31", "RST", 1, 0, 0, probe.WasReset, "", probe.Closed, established, true},
			{"B-31", "RST", 9, 0, 0, probe.Challenged, "ACK 2 1", probe.FinWait1, established, false},
		}},
		{probe.FinWait2, []row{
			{"eighth", "FIN,ACK", 1, 2, 0, probe.GotFIN, "ACK 2 2", probe.TimeWait, established, true},
			{"eighth", "FIN,ACK", 2, 2, 0, probe.OutOfWindow, "ACK 2 1", probe.FinWait2, established, false},
			{"B-35", "ACK", 1, 2, 5, probe.GotData, "ACK 2 6", probe.FinWait2, established, false},
			{"fifth", "ACK", 1, 2, 0, probe.Acknowledged, "", probe.FinWait2, established, false},
			{"B-31", "RST", 1, 0, 0, probe.WasReset, "", probe.Closed, established, true},
		}},
		{probe.CloseWait, []row{
			{"fifth", "ACK", 2, 1, 0, probe.Acknowledged, "", probe.CloseWait, established, false},
			{"first", "FIN,ACK", 1, 1, 0, probe.Duplicate, "ACK 1 2", probe.CloseWait, established, false},
			{"seventh", "ACK", 2, 1, 5, probe.Dropped, "", probe.CloseWait, established, false},
			{"B-31", "RST", 2, 0, 0, probe.WasReset, "", probe.Closed, established, true},
			{"B-32", "SYN", 2, 0, 0, probe.Challenged, "ACK 1 2", probe.CloseWait, established, false},
		}},
		{probe.Closing, []row{
			{"fifth", "ACK", 2, 2, 0, probe.Acknowledged, "", probe.TimeWait, established, true},
			{"fifth", "ACK", 2, 1, 0, probe.Acknowledged, "", probe.Closing, established, false},
			{"first", "FIN,ACK", 1, 1, 0, probe.Duplicate, "ACK 2 2", probe.Closing, established, false},
			{"seventh", "ACK", 2, 1, 5, probe.Dropped, "", probe.Closing, established, false},
			{"B-31", "RST", 2, 0, 0, probe.WasReset, "", probe.Closed, established, true},
		}},
		{probe.LastAck, []row{
			{"fifth", "ACK", 2, 2, 0, probe.Acknowledged, "", probe.Closed, established, true},
			{"fifth", "ACK", 2, 1, 0, probe.Acknowledged, "", probe.LastAck, established, false},
			{"first", "FIN,ACK", 1, 1, 0, probe.Duplicate, "ACK 2 2", probe.LastAck, established, false},
			{"B-31", "RST", 2, 0, 0, probe.WasReset, "", probe.Closed, established, true},
		}},
		{probe.TimeWait, []row{
			{"B-45", "FIN,ACK", 1, 2, 0, probe.Late, "", probe.TimeWait, established, true},
			{"B-45", "RST", 2, 0, 0, probe.Late, "", probe.TimeWait, established, true},
			{"B-45", "SYN,ACK", 0, 1, 0, probe.Late, "", probe.TimeWait, established, true},
		}},
		{probe.Closed, []row{
			{"B-45", "SYN,ACK", 0, 1, 0, probe.Late, "", probe.Closed, refused, true},
			{"B-45", "RST,ACK", 0, 1, 0, probe.Late, "", probe.Closed, refused, true},
			{"B-45", "ACK", 1, 9, 0, probe.Late, "", probe.Closed, refused, true},
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
					if v := b.at(time.Hour).receive(flags, 0, 1, 3); v != probe.Late {
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
