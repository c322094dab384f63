package arp_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"tcpprobe/arp"
	"tcpprobe/internal/stamp"
)

var (
	ourHA      = arp.MAC{0x02, 0x11, 0x12, 0x13, 0x14, 0x15}
	theirHA    = arp.MAC{0x02, 0x21, 0x22, 0x23, 0x24, 0x25}
	strangerHA = arp.MAC{0x02, 0x31, 0x32, 0x33, 0x34, 0x35}
	ourPA      = netip.MustParseAddr("10.0.0.1")
	theirPA    = netip.MustParseAddr("10.0.0.9")
	strangerPA = netip.MustParseAddr("10.0.0.77")

	// answer is what a faithful neighbour says.
	answer = arp.Packet{Operation: arp.Reply, SenderHA: theirHA, SenderPA: theirPA, TargetHA: ourHA, TargetPA: ourPA}

	start = time.Unix(5_000, 0)
)

func newQuery() *arp.Query {
	return arp.NewQuery(arp.QueryConfig{SenderHA: ourHA, SenderPA: ourPA, TargetPA: theirPA})
}

// userAt and kernelAt are the stamps of a packet that flew so long after the start, without and with one of the kernel.
func userAt(d time.Duration) stamp.Stamp { return stamp.Stamp{User: start.Add(d)} }

func kernelAt(d time.Duration) stamp.Stamp {
	return stamp.Stamp{Kernel: start.Add(d), User: start.Add(d + 80*time.Microsecond)}
}

// asked returns a Query that has sent its first request at the start.
func asked(t *testing.T) *arp.Query {
	t.Helper()
	q := newQuery()
	if _, ok := q.Next(start); !ok {
		t.Fatal("a new Query sends nothing")
	}
	q.Sent(kernelAt(0))
	return q
}

func TestB92_ThreeRequestsOneSecondApart(t *testing.T) {
	q := newQuery()
	want := arp.Packet{Operation: arp.Request, SenderHA: ourHA, SenderPA: ourPA, TargetPA: theirPA}
	for i := range 3 {
		now := start.Add(time.Duration(i) * time.Second)
		if i > 0 {
			if p, ok := q.Next(now.Add(-1)); ok {
				t.Fatalf("request %d too early: %+v", i+1, p)
			}
		}
		got, ok := q.Next(now)
		if !ok || got != want {
			t.Fatalf("request %d: %+v, %t; want %+v", i+1, got, ok, want)
		}
		if _, again := q.Next(now); again {
			t.Fatalf("request %d was sent twice", i+1)
		}
		q.Sent(stamp.Stamp{User: now})
		if deadline, ok := q.Deadline(); !ok || deadline != now.Add(time.Second) {
			t.Errorf("after request %d the deadline is %v, %t; want 1s later", i+1, deadline.Sub(now), ok)
		}
		if q.Attempts() != i+1 {
			t.Errorf("%d attempts, want %d", q.Attempts(), i+1)
		}
	}
	if _, ok := q.Next(start.Add(3*time.Second - 1)); ok || q.Done() {
		t.Error("gave up, or asked again, before the last second was over")
	}
	if p, ok := q.Next(start.Add(3 * time.Second)); ok {
		t.Errorf("a fourth request: %+v", p)
	}
	if _, ok := q.Deadline(); ok || !q.Done() {
		t.Error("does not give up after three seconds")
	}
	if d, source := q.Duration(); d != 0 || source != stamp.User || len(q.Answers()) != 0 {
		t.Errorf("without an answer: duration %v, %v, answers %v", d, source, q.Answers())
	}
}

// A process that was held up asks late, and never sooner than a second after that.
func TestB92_NoBurstAfterADelay(t *testing.T) {
	q := asked(t)
	late := start.Add(5 * time.Second)
	if _, ok := q.Next(late); !ok {
		t.Fatal("no second request")
	}
	if _, ok := q.Next(late.Add(time.Second - 1)); ok {
		t.Error("the third request followed the second by less than a second")
	}
}

func TestAnswer(t *testing.T) {
	q := asked(t)
	if v := q.HandlePacket(answer, kernelAt(289*time.Microsecond)); v != arp.Accepted {
		t.Fatalf("verdict %v", v)
	}
	if d, source := q.Duration(); d != 289*time.Microsecond || source != stamp.Kernel {
		t.Errorf("duration %v, %v; want 289µs, kernel", d, source)
	}
	if got := q.Answers(); !slices.Equal(got, []arp.MAC{theirHA}) {
		t.Errorf("answers %v", got)
	}
	if _, ok := q.Deadline(); ok || !q.Done() {
		t.Error("not done")
	}
	if _, ok := q.Next(start.Add(time.Hour)); ok {
		t.Error("asked again")
	}
}

// The duration is what the caller waited, from the first request on.
func TestAnswerToTheSecondRequest(t *testing.T) {
	q := asked(t)
	if _, ok := q.Next(start.Add(time.Second)); !ok {
		t.Fatal("no second request")
	}
	q.Sent(kernelAt(time.Second + 3*time.Microsecond))
	q.HandlePacket(answer, kernelAt(time.Second+250*time.Microsecond))
	if d, source := q.Duration(); d != time.Second+250*time.Microsecond || source != stamp.Kernel || q.Attempts() != 2 {
		t.Errorf("duration %v, %v, %d attempts", d, source, q.Attempts())
	}
}

// The time of sending is known twice: at once, and better when the kernel's copy of the frame has been read.
func TestSentIsCorrected(t *testing.T) {
	q := newQuery()
	q.Next(start)
	q.Sent(userAt(0))
	q.Sent(stamp.Stamp{User: start, Kernel: start.Add(9 * time.Microsecond)})
	q.HandlePacket(answer, kernelAt(109*time.Microsecond))
	if d, source := q.Duration(); d != 100*time.Microsecond || source != stamp.Kernel {
		t.Errorf("duration %v, %v; want 100µs, kernel", d, source)
	}
}

func TestWithoutKernelStampsTheUserClockCounts(t *testing.T) {
	q := newQuery()
	q.Next(start)
	q.Sent(userAt(0))
	q.HandlePacket(answer, kernelAt(100*time.Microsecond))
	if d, source := q.Duration(); d != 180*time.Microsecond || source != stamp.User {
		t.Errorf("duration %v, %v; want 180µs, user", d, source)
	}
}

// TestB90 changes the answer in one way each.
func TestB90_OnlyTheAnswerIsBelieved(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*arp.Packet)
		want   arp.Verdict
	}{
		{"unchanged", func(p *arp.Packet) {}, arp.Accepted},
		{"SenderPA of another", func(p *arp.Packet) { p.SenderPA = strangerPA }, arp.Unrelated},
		{"SenderPA one bit off", func(p *arp.Packet) { p.SenderPA = theirPA.Prev() }, arp.Unrelated},
		{"SenderPA zero", func(p *arp.Packet) { p.SenderPA = netip.IPv4Unspecified() }, arp.Unrelated},
		{"TargetPA of another", func(p *arp.Packet) { p.TargetPA = strangerPA }, arp.NotForUs},
		{"TargetPA the sender's", func(p *arp.Packet) { p.TargetPA = theirPA }, arp.NotForUs},
		{"TargetHA of another", func(p *arp.Packet) { p.TargetHA = strangerHA }, arp.NotForUs},
		{"TargetHA zero", func(p *arp.Packet) { p.TargetHA = arp.MAC{} }, arp.NotForUs},
		{"TargetHA broadcast", func(p *arp.Packet) { p.TargetHA = arp.Broadcast }, arp.NotForUs},
		{"SenderHA zero", func(p *arp.Packet) { p.SenderHA = arp.MAC{} }, arp.BadSender},
		// Load balancers answer with a group's MAC, and ipvlan siblings with ours. Linux takes both.
		{"SenderHA multicast", func(p *arp.Packet) { p.SenderHA = arp.MAC{0x01, 0x00, 0x5e, 1, 2, 3} }, arp.Accepted},
		{"SenderHA broadcast", func(p *arp.Packet) { p.SenderHA = arp.Broadcast }, arp.Accepted},
		{"SenderHA ours", func(p *arp.Packet) { p.SenderHA = ourHA }, arp.Accepted},
		{"operation 0", func(p *arp.Packet) { p.Operation = 0 }, arp.NotReply},
		{"request", func(p *arp.Packet) { p.Operation = arp.Request }, arp.NotReply},
		{"reverse reply", func(p *arp.Packet) { p.Operation = 4 }, arp.NotReply},
		{"InARP reply", func(p *arp.Packet) { p.Operation = 9 }, arp.NotReply},
		{"operation 0x0200", func(p *arp.Packet) { p.Operation = 0x0200 }, arp.NotReply},
	} {
		q := asked(t)
		p := answer
		test.change(&p)
		if got := q.HandlePacket(p, kernelAt(time.Millisecond)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		accepted := test.want == arp.Accepted
		if q.Done() != accepted || (len(q.Answers()) > 0) != accepted {
			t.Errorf("%s: done %t, answers %v", test.name, q.Done(), q.Answers())
		}
		if ignored := test.want != arp.Unrelated && !accepted; test.want.Ignored() != ignored {
			t.Errorf("%s: ignored %t", test.name, test.want.Ignored())
		}
		// Whatever came before, the true answer counts.
		if !accepted {
			if got := q.HandlePacket(answer, kernelAt(2*time.Millisecond)); got != arp.Accepted {
				t.Errorf("%s: the true answer after it is %v", test.name, got)
			}
		}
	}
}

// A gratuitous ARP (RFC 5227 2.3) announces the sender: TargetPA is SenderPA. It is no answer, as request or as reply.
func TestB93_AnnouncementsAreHints(t *testing.T) {
	q := asked(t)
	announcement := arp.Packet{Operation: arp.Request, SenderHA: theirHA, SenderPA: theirPA, TargetPA: theirPA}
	if v := q.HandlePacket(announcement, userAt(1)); v != arp.NotReply {
		t.Errorf("as request: %v", v)
	}
	announcement.Operation, announcement.TargetHA = arp.Reply, arp.Broadcast
	if v := q.HandlePacket(announcement, userAt(1)); v != arp.NotForUs {
		t.Errorf("as reply: %v", v)
	}
	if q.Done() {
		t.Error("an announcement was taken for an answer")
	}
}

func TestB93_RequestHasOurSenderPA(t *testing.T) {
	q := newQuery()
	if p, _ := q.Next(start); p.SenderPA != ourPA || p.SenderHA != ourHA || p.TargetHA != (arp.MAC{}) {
		t.Errorf("request %+v", p)
	}
}

func TestB91_TwoAnswers(t *testing.T) {
	q := asked(t)
	other := answer
	other.SenderHA = strangerHA
	for i, test := range []struct {
		packet arp.Packet
		want   arp.Verdict
	}{
		{answer, arp.Accepted},
		{answer, arp.Repeated},
		{other, arp.Conflict},
		{other, arp.Conflict},
		{answer, arp.Repeated},
	} {
		if got := q.HandlePacket(test.packet, kernelAt(time.Duration(i+1)*time.Millisecond)); got != test.want {
			t.Errorf("packet %d: %v, want %v", i+1, got, test.want)
		}
	}
	if got, want := q.Answers(), []arp.MAC{theirHA, strangerHA}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
	if d, _ := q.Duration(); d != time.Millisecond {
		t.Errorf("duration %v, want that of the first answer", d)
	}
}

// TestMoved has a neighbour answer, and then another packet come with its address and another MAC: soon after, when the first
// of several answers counts, and later.
func TestMoved(t *testing.T) {
	for _, test := range []struct {
		name        string
		packet      arp.Packet
		soon, later arp.Verdict
		followed    [2]bool
	}{
		{"announcement by request", arp.Packet{Operation: arp.Request, TargetPA: theirPA}, arp.Moved, arp.Moved, [2]bool{true, true}},
		{"announcement by request to all", arp.Packet{Operation: arp.Request, TargetPA: theirPA, TargetHA: arp.Broadcast}, arp.Moved, arp.Moved, [2]bool{true, true}},
		{"announcement by reply", arp.Packet{Operation: arp.Reply, TargetPA: theirPA, TargetHA: strangerHA}, arp.Moved, arp.Moved, [2]bool{true, true}},
		{"announcement by a reply to all", arp.Packet{Operation: arp.Reply, TargetPA: theirPA, TargetHA: arp.Broadcast}, arp.NotForUs, arp.Moved, [2]bool{false, true}},
		{"request to us", arp.Packet{Operation: arp.Request, TargetPA: ourPA}, arp.Moved, arp.Moved, [2]bool{true, true}},
		{"request to another", arp.Packet{Operation: arp.Request, TargetPA: strangerPA}, arp.NotReply, arp.Moved, [2]bool{false, true}},
		{"reply to another", arp.Packet{Operation: arp.Reply, TargetPA: strangerPA, TargetHA: theirHA}, arp.NotForUs, arp.Moved, [2]bool{false, true}},
		{"reply to us", arp.Packet{Operation: arp.Reply, TargetPA: ourPA, TargetHA: ourHA}, arp.Conflict, arp.Conflict, [2]bool{false, true}},
	} {
		for i, at := range []time.Duration{500 * time.Millisecond, 1100 * time.Millisecond} {
			q := asked(t)
			q.HandlePacket(answer, kernelAt(time.Millisecond))
			p := test.packet
			p.SenderPA, p.SenderHA = theirPA, strangerHA
			want := []arp.Verdict{test.soon, test.later}[i]
			if got := q.HandlePacket(p, kernelAt(at)); got != want {
				t.Errorf("%s after %v: %v, want %v", test.name, at, got, want)
			}
			mac, ok := q.MAC()
			if followed := mac == strangerHA; !ok || followed != test.followed[i] || !followed && mac != theirHA {
				t.Errorf("%s after %v: MAC %v", test.name, at, mac)
			}
			// The new one counts as the first did.
			if again := q.HandlePacket(answer, kernelAt(at+time.Millisecond)); test.followed[i] && again != arp.Conflict {
				t.Errorf("%s after %v: the old MAC answers again: %v", test.name, at, again)
			}
			if again, _ := q.MAC(); again != mac {
				t.Errorf("%s after %v: the old MAC took over at once", test.name, at)
			}
			if d, _ := q.Duration(); d != time.Millisecond {
				t.Errorf("%s: duration %v", test.name, d)
			}
		}
	}
	q := asked(t)
	q.HandlePacket(answer, kernelAt(time.Millisecond))
	same := arp.Packet{Operation: arp.Request, SenderHA: theirHA, SenderPA: theirPA, TargetPA: theirPA}
	if v := q.HandlePacket(same, kernelAt(2*time.Second)); v != arp.NotReply {
		t.Errorf("an announcement of what is known: %v", v)
	}
	same.SenderHA = arp.MAC{}
	if v := q.HandlePacket(same, kernelAt(2*time.Second)); v != arp.BadSender {
		t.Errorf("an announcement of nothing: %v", v)
	}
}

func TestB91_AnswersAreBounded(t *testing.T) {
	q := asked(t)
	q.HandlePacket(answer, kernelAt(1))
	for i := range 1000 {
		other := answer
		other.SenderHA[4], other.SenderHA[5] = byte(0x80+i>>8), byte(i)
		if v := q.HandlePacket(other, kernelAt(2)); v != arp.Conflict {
			t.Fatalf("answer %d: %v", i, v)
		}
	}
	if got := q.Answers(); len(got) != 8 || got[0] != theirHA {
		t.Errorf("%d answers kept, the first %v; want 8, the first %v", len(got), got[0], theirHA)
	}
}

func TestB91_AddressConflict(t *testing.T) {
	for _, test := range []struct {
		name   string
		packet arp.Packet
		want   arp.Verdict
	}{
		{"request of another", arp.Packet{Operation: arp.Request, SenderHA: strangerHA, SenderPA: ourPA, TargetPA: strangerPA}, arp.AddressConflict},
		{"reply of another", arp.Packet{Operation: arp.Reply, SenderHA: strangerHA, SenderPA: ourPA, TargetHA: theirHA, TargetPA: theirPA}, arp.AddressConflict},
		{"announcement of another", arp.Packet{Operation: arp.Request, SenderHA: strangerHA, SenderPA: ourPA, TargetPA: ourPA}, arp.AddressConflict},
		{"our own", arp.Packet{Operation: arp.Request, SenderHA: ourHA, SenderPA: ourPA, TargetPA: theirPA}, arp.Unrelated},
		{"of a group", arp.Packet{Operation: arp.Reply, SenderHA: arp.Broadcast, SenderPA: ourPA, TargetPA: theirPA}, arp.Unrelated},
		// RFC 5227 2.1.1: a probe asks whether our address is free. It claims nothing.
		{"probe", arp.Packet{Operation: arp.Request, SenderHA: strangerHA, SenderPA: netip.IPv4Unspecified(), TargetPA: ourPA}, arp.Unrelated},
	} {
		q := asked(t)
		if got := q.HandlePacket(test.packet, kernelAt(1)); got != test.want || q.Done() {
			t.Errorf("%s: %v, done %t; want %v", test.name, got, q.Done(), test.want)
		}
	}
}

func TestUnasked(t *testing.T) {
	q := newQuery()
	if v := q.HandlePacket(answer, userAt(0)); v != arp.Unasked || q.Done() {
		t.Errorf("before the request: %v", v)
	}
	q = asked(t)
	if v := q.HandlePacket(answer, kernelAt(-time.Microsecond)); v != arp.Unasked || q.Done() {
		t.Errorf("stamped before the request: %v", v)
	}
	// Read before the request was read back, but not known to have come before it.
	q = asked(t)
	if v := q.HandlePacket(answer, userAt(-time.Microsecond)); v != arp.Accepted {
		t.Errorf("without the kernel's stamp: %v", v)
	}
}

func TestVerdictNames(t *testing.T) {
	seen := make(map[string]arp.Verdict)
	for v := arp.Unrelated; v <= arp.Unasked; v++ {
		if other, ok := seen[v.String()]; ok || v.String() == "" {
			t.Errorf("verdicts %d and %d are both %q", other, v, v)
		}
		seen[v.String()] = v
	}
}
