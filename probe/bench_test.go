package probe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// A bench drives one machine by hand, on a clock of its own. Sequence numbers are given relative to the initial ones of
// the two sides, all of which, and our time stamps, wrap around within a few steps.
type bench struct {
	t   *testing.T
	h   *probe.Handshake
	now time.Time
	out []tcphdr.Header // everything that was sent
}

const (
	benchISS    = tcphdr.SeqNum(0xffffffff)
	benchIRS    = tcphdr.SeqNum(0xfffffffe)
	benchWindow = 64240
)

// The first time stamps of the two sides.
var benchTS, benchPeer uint32 = 0xfffffff0, 0xffffff00

var benchStart = time.Unix(5_000, 0)

func newBench(t *testing.T, change ...func(*probe.Config)) *bench {
	c := probe.Config{
		LocalPort: 40001, RemotePort: 80, ISS: benchISS, TimestampBase: benchTS,
		MSS: 1460, Window: benchWindow, Timeout: 3 * time.Second, Retries: 2,
		Close: probe.CloseNone, Linger: probe.Linger,
	}
	for _, f := range change {
		f(&c)
	}
	return &bench{t: t, h: probe.NewHandshake(c), now: benchStart}
}

func closing(c probe.Close) func(*probe.Config) {
	return func(config *probe.Config) { config.Close = c }
}

// at moves the clock to so long after the start.
func (b *bench) at(d time.Duration) *bench {
	b.now = benchStart.Add(d)
	return b
}

func (b *bench) stamp() stamp.Stamp { return stamp.Stamp{User: b.now} }

// sent returns what the machine sends now, as in "SYN,ACK 0 1": control bits, SEG.SEQ, SEG.ACK.
func (b *bench) sent() string {
	b.t.Helper()
	var all []string
	for {
		h, ok := b.h.Next(b.now)
		if !ok {
			return strings.Join(all, "; ")
		}
		if h.SrcPort != 40001 || h.DstPort != 80 || h.Reserved != 0 || h.UrgentPointer != 0 {
			b.t.Errorf("sent %+v", h)
		}
		h.Options = slices.Clone(h.Options)
		b.out = append(b.out, h)
		if n := b.h.Sent(b.stamp()); n != len(b.out)-1 {
			b.t.Errorf("segment %d has the number %d", len(b.out)-1, n)
		}
		text := fmt.Sprintf("%v %d", h.Flags, int32(h.Seq-benchISS))
		if h.Flags.Has(tcphdr.ACK) {
			text += fmt.Sprintf(" %d", int32(h.Ack-benchIRS))
		} else if h.Ack != 0 {
			b.t.Errorf("%s has the acknowledgment number %d", text, h.Ack)
		}
		all = append(all, text)
	}
}

// last returns the segment that was sent last.
func (b *bench) last() tcphdr.Header { return b.out[len(b.out)-1] }

// arrival returns a segment of the peer: "SYN,ACK", SEG.SEQ, SEG.ACK, octets of data.
func (b *bench) arrival(flags string, seq, ack, data int) probe.Arrival {
	h := tcphdr.Header{
		SrcPort: 80, DstPort: 40001, Seq: benchIRS.Add(seq), Flags: flagsNamed(flags), Window: 65160,
	}
	if h.Flags.Has(tcphdr.ACK) {
		h.Ack = benchISS.Add(ack)
	}
	return probe.Arrival{Header: h, Data: data, TTL: 57, At: b.stamp()}
}

// receive hands the machine a segment of the peer.
func (b *bench) receive(flags string, seq, ack, data int) probe.Verdict {
	return b.h.HandleSegment(b.arrival(flags, seq, ack, data))
}

// receiveWith hands the machine a segment of the peer that has options.
func (b *bench) receiveWith(options tcphdr.Options, flags string, seq, ack, data int) probe.Verdict {
	a := b.arrival(flags, seq, ack, data)
	a.Header.Options = options
	return b.h.HandleSegment(a)
}

// wants fails unless the machine sends exactly that now.
func (b *bench) wants(want string) {
	b.t.Helper()
	if got := b.sent(); got != want {
		b.t.Errorf("%v after the start %q was sent, want %q", b.now.Sub(benchStart), got, want)
	}
}

// is fails unless the machine is in that state, with that outcome, and its end is as given.
func (b *bench) is(state probe.State, outcome probe.Outcome, done bool) {
	b.t.Helper()
	if b.h.State() != state || b.h.Outcome() != outcome || b.h.Done() != done {
		b.t.Errorf("%v, %v, done %t; want %v, %v, done %t", b.h.State(), b.h.Outcome(), b.h.Done(), state, outcome, done)
	}
}

// found fails unless these and no other findings were made.
func (b *bench) found(want ...probe.Finding) {
	b.t.Helper()
	if got := b.h.Findings(); !slices.Equal(got, want) {
		b.t.Errorf("findings %q, want %q", got, want)
	}
}

// flagsNamed is the inverse of Flags.String.
func flagsNamed(s string) (flags tcphdr.Flags) {
	for name := range strings.SplitSeq(s, ",") {
		for f := tcphdr.FIN; f <= tcphdr.AE; f <<= 1 {
			if f.String() == name {
				flags |= f
			}
		}
	}
	return flags
}

// timestamps returns the options of a segment that carries time stamps.
func timestamps(val, ecr uint32) tcphdr.Options { return tcphdr.AppendTimestamps(nil, val, ecr) }
