package ndp_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/ndp"
)

var (
	ourMAC      = [6]byte{0x02, 0x11, 0x12, 0x13, 0x14, 0x15}
	theirMAC    = [6]byte{0x02, 0x21, 0x22, 0x23, 0x24, 0x25}
	strangerMAC = [6]byte{0x02, 0x31, 0x32, 0x33, 0x34, 0x35}
	ours        = netip.MustParseAddr("2001:db8::1")
	theirs      = netip.MustParseAddr("2001:db8::9")
	strangers   = netip.MustParseAddr("2001:db8::77")
	allNodes    = netip.MustParseAddr("ff02::1")

	start = time.Unix(5_000, 0)
)

// answer is what a faithful neighbour says.
func answer() ndp.Packet {
	return ndp.Packet{
		Src: theirs, Dst: ours, HopLimit: 255, Type: ndp.Advertisement, Flags: ndp.Solicited | ndp.Override, Target: theirs,
		Options: []ndp.Option{{Type: ndp.TargetMAC, Data: theirMAC[:]}},
	}
}

// from is the answer with another MAC and other flags.
func from(mac [6]byte, flags ndp.Flags) ndp.Packet {
	p := answer()
	p.Flags, p.Options = flags, []ndp.Option{{Type: ndp.TargetMAC, Data: mac[:]}}
	return p
}

// unasked is what a neighbour tells all nodes.
func unasked(mac [6]byte, flags ndp.Flags) ndp.Packet {
	p := from(mac, flags)
	p.Dst = allNodes
	return p
}

// solicitation is the question of another station.
func solicitation(src netip.Addr, mac [6]byte, target netip.Addr) ndp.Packet {
	return ndp.Packet{
		Src: src, Dst: ndp.SolicitedNode(target), HopLimit: 255, Type: ndp.Solicitation, Target: target,
		Options: []ndp.Option{{Type: ndp.SourceMAC, Data: mac[:]}},
	}
}

func newQuery() *ndp.Query {
	return ndp.NewQuery(ndp.QueryConfig{MAC: ourMAC, Source: ours, Target: theirs})
}

func kernelAt(d time.Duration) stamp.Stamp {
	return stamp.Stamp{Kernel: start.Add(d), User: start.Add(d + 80*time.Microsecond)}
}

// asked returns a Query that has sent its first request at the start.
func asked(t *testing.T) *ndp.Query {
	t.Helper()
	q := newQuery()
	if _, ok := q.Next(start); !ok {
		t.Fatal("a new Query sends nothing")
	}
	q.Sent(kernelAt(0))
	return q
}

func TestThreeRequestsOneSecondApart(t *testing.T) {
	q := newQuery()
	want := solicitation(ours, ourMAC, theirs)
	for i := range 3 {
		now := start.Add(time.Duration(i) * time.Second)
		if i > 0 {
			if p, ok := q.Next(now.Add(-1)); ok {
				t.Fatalf("request %d too early: %+v", i+1, p)
			}
		}
		if got, ok := q.Next(now); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("request %d: %+v, %t; want %+v", i+1, got, ok, want)
		}
		q.Sent(stamp.Stamp{User: now})
		if deadline, ok := q.Deadline(); !ok || deadline != now.Add(time.Second) || q.Attempts() != i+1 {
			t.Errorf("after request %d: deadline %v, %t, %d attempts", i+1, deadline, ok, q.Attempts())
		}
	}
	if p, ok := q.Next(start.Add(3 * time.Second)); ok || !q.Done() {
		t.Errorf("a fourth request: %+v", p)
	}
	if _, ok := q.MAC(); ok || len(q.Answers()) != 0 {
		t.Error("a silent neighbour has a MAC")
	}
	if d, source := q.Duration(); d != 0 || source != stamp.User {
		t.Errorf("duration %v, %v", d, source)
	}
}

func TestAnswer(t *testing.T) {
	q := asked(t)
	p := answer()
	p.Flags |= ndp.Router
	if v := q.HandlePacket(p, checksum.Valid, kernelAt(289*time.Microsecond)); v != ndp.Accepted {
		t.Fatalf("verdict %v", v)
	}
	mac, ok := q.MAC()
	if d, source := q.Duration(); !ok || mac != theirMAC || d != 289*time.Microsecond || source != stamp.Kernel || !q.Flags().Has(ndp.Router) {
		t.Errorf("MAC %x, duration %v, %v, flags %v", mac, d, source, q.Flags())
	}
	if _, ok := q.Deadline(); ok || !q.Done() {
		t.Error("not done")
	}
	if _, ok := q.Next(start.Add(time.Hour)); ok {
		t.Error("asked again")
	}
}

// TestOnlyTheAnswerIsBelieved changes the answer in one way each (RFC 4861 7.1.2).
func TestOnlyTheAnswerIsBelieved(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*ndp.Packet)
		sum    checksum.State
		want   ndp.Verdict
	}{
		{"unchanged", func(p *ndp.Packet) {}, checksum.Valid, ndp.Accepted},
		{"of a proxy", func(p *ndp.Packet) { p.Flags = ndp.Solicited; p.Src = strangers }, checksum.Valid, ndp.Accepted},
		{"with the MAC of a group", func(p *ndp.Packet) { p.Options[0].Data = []byte{3, 0xbf, 0, 0, 0, 1} }, checksum.Valid, ndp.Accepted},
		{"with our own MAC", func(p *ndp.Packet) { p.Options[0].Data = ourMAC[:] }, checksum.Valid, ndp.Accepted},
		{"with reserved flags", func(p *ndp.Packet) { p.Flags |= 0x1fff }, checksum.Valid, ndp.Accepted},
		{"with options that nobody knows", func(p *ndp.Packet) { p.Options = append(p.Options, ndp.Option{Type: 250, Data: make([]byte, 14)}) }, checksum.Valid, ndp.Accepted},
		{"from beyond the link", func(p *ndp.Packet) { p.HopLimit = 254 }, checksum.Valid, ndp.NotOfLink},
		{"with a wrong checksum", func(p *ndp.Packet) {}, checksum.Invalid, ndp.BadChecksum},
		{"with a code", func(p *ndp.Packet) { p.Code = 1 }, checksum.Valid, ndp.Invalid},
		{"solicited and to a group", func(p *ndp.Packet) { p.Dst = allNodes }, checksum.Valid, ndp.Invalid},
		{"to another", func(p *ndp.Packet) { p.Dst = strangers }, checksum.Valid, ndp.NotForUs},
		{"not solicited", func(p *ndp.Packet) { p.Flags = ndp.Override }, checksum.Valid, ndp.NotSolicited},
		{"of another target", func(p *ndp.Packet) { p.Target = strangers }, checksum.Valid, ndp.Unrelated},
		{"without a MAC", func(p *ndp.Packet) { p.Options = nil }, checksum.Valid, ndp.NoMAC},
		{"with the MAC of the source only", func(p *ndp.Packet) { p.Options[0].Type = ndp.SourceMAC }, checksum.Valid, ndp.NoMAC},
		{"with an EUI-64", func(p *ndp.Packet) { p.Options[0].Data = make([]byte, 14) }, checksum.Valid, ndp.NoMAC},
		{"with a MAC of zeros", func(p *ndp.Packet) { p.Options[0].Data = make([]byte, 6) }, checksum.Valid, ndp.NoMAC},
		{"a question of the target", func(p *ndp.Packet) { *p = solicitation(theirs, theirMAC, ours) }, checksum.Valid, ndp.NotSolicited},
		{"a question of the target without its MAC", func(p *ndp.Packet) { *p = solicitation(theirs, theirMAC, ours); p.Options = nil }, checksum.Valid, ndp.NoMAC},
		{"a question for the target", func(p *ndp.Packet) { *p = solicitation(strangers, strangerMAC, theirs) }, checksum.Valid, ndp.Unrelated},
	} {
		q := asked(t)
		p := answer()
		test.change(&p)
		if got := q.HandlePacket(p, test.sum, kernelAt(time.Millisecond)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		accepted := test.want == ndp.Accepted
		if q.Done() != accepted || (len(q.Answers()) > 0) != accepted {
			t.Errorf("%s: done %t, answers %x", test.name, q.Done(), q.Answers())
		}
		if ignored := test.want != ndp.Unrelated && !accepted; test.want.Ignored() != ignored {
			t.Errorf("%s: ignored %t", test.name, test.want.Ignored())
		}
		// Whatever came before, the true answer counts.
		if !accepted && q.HandlePacket(answer(), checksum.Valid, kernelAt(2*time.Millisecond)) != ndp.Accepted {
			t.Errorf("%s: the true answer after it is not accepted", test.name)
		}
	}
}

// TestSecondAnswer has a neighbour answer, and then something else come about its address (RFC 4861 7.2.5 and 7.2.7).
func TestSecondAnswer(t *testing.T) {
	const so = ndp.Solicited | ndp.Override
	for _, test := range []struct {
		name          string
		first, second ndp.Packet
		want          ndp.Verdict
		mac           [6]byte
		answers       int
	}{
		{"the same", answer(), answer(), ndp.Repeated, theirMAC, 1},
		{"the same, unasked", answer(), unasked(theirMAC, ndp.Override), ndp.Repeated, theirMAC, 1},
		{"another", answer(), from(strangerMAC, so), ndp.Conflict, strangerMAC, 2},
		{"a proxy's after the owner's", answer(), from(strangerMAC, ndp.Solicited), ndp.Weaker, theirMAC, 1},
		{"the owner's after a proxy's", from(strangerMAC, ndp.Solicited), answer(), ndp.Stronger, theirMAC, 1},
		{"of two proxies", from(theirMAC, ndp.Solicited), from(strangerMAC, ndp.Solicited), ndp.Weaker, theirMAC, 1},
		{"announced", answer(), unasked(strangerMAC, ndp.Override), ndp.Moved, strangerMAC, 1},
		{"announced by a proxy", answer(), unasked(strangerMAC, 0), ndp.Weaker, theirMAC, 1},
		{"asks us", answer(), solicitation(theirs, strangerMAC, ours), ndp.Moved, strangerMAC, 1},
		{"asks as before", answer(), solicitation(theirs, theirMAC, ours), ndp.Repeated, theirMAC, 1},
	} {
		q := asked(t)
		if v := q.HandlePacket(test.first, checksum.Valid, kernelAt(time.Millisecond)); v != ndp.Accepted {
			t.Fatalf("%s: the first is %v", test.name, v)
		}
		v := q.HandlePacket(test.second, checksum.Valid, kernelAt(2*time.Millisecond))
		mac, ok := q.MAC()
		if v != test.want || !ok || mac != test.mac || len(q.Answers()) != test.answers {
			t.Errorf("%s: %v, MAC %x, answers %x; want %v, %x", test.name, v, mac, q.Answers(), test.want, test.mac)
		}
		if d, _ := q.Duration(); d != time.Millisecond {
			t.Errorf("%s: duration %v, want that of the first answer", test.name, d)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	q := asked(t)
	q.HandlePacket(answer(), checksum.Valid, kernelAt(1))
	for i := range 1000 {
		if v := q.HandlePacket(from([6]byte{2, 9, 9, 9, byte(i >> 8), byte(i)}, ndp.Solicited|ndp.Override), checksum.Valid, kernelAt(2)); v != ndp.Conflict {
			t.Fatalf("answer %d: %v", i, v)
		}
	}
	if got := q.Answers(); len(got) != 8 || got[0] != theirMAC {
		t.Errorf("%d answers kept, the first %x", len(got), got[0])
	}
}

func TestAddressConflict(t *testing.T) {
	claim := func(mac [6]byte) ndp.Packet { p := unasked(mac, ndp.Override); p.Src, p.Target = ours, ours; return p }
	for name, test := range map[string]struct {
		packet ndp.Packet
		want   ndp.Verdict
	}{
		"advertised by another": {claim(strangerMAC), ndp.AddressConflict},
		"advertised by us":      {claim(ourMAC), ndp.Unrelated},
		"asked by another":      {solicitation(ours, strangerMAC, theirs), ndp.AddressConflict},
		"asked by us":           {solicitation(ours, ourMAC, theirs), ndp.Unrelated},
		// RFC 4862 5.4.3: it asks whether our address is free, and claims nothing.
		"asked whether it is free": {ndp.Packet{Src: netip.IPv6Unspecified(), Dst: ndp.SolicitedNode(ours), HopLimit: 255, Type: ndp.Solicitation, Target: ours}, ndp.Unrelated},
	} {
		q := asked(t)
		if got := q.HandlePacket(test.packet, checksum.Valid, kernelAt(1)); got != test.want || q.Done() {
			t.Errorf("%s: %v, done %t; want %v", name, got, q.Done(), test.want)
		}
	}
}

func TestUnasked(t *testing.T) {
	if v := newQuery().HandlePacket(answer(), checksum.Valid, kernelAt(0)); v != ndp.Unasked {
		t.Errorf("before the request: %v", v)
	}
	if v := asked(t).HandlePacket(answer(), checksum.Valid, kernelAt(-time.Microsecond)); v != ndp.Unasked {
		t.Errorf("stamped before the request: %v", v)
	}
}

func TestVerdictNames(t *testing.T) {
	seen := make(map[string]ndp.Verdict)
	for v := ndp.Unrelated; v <= ndp.Unasked; v++ {
		if other, ok := seen[v.String()]; ok || v.String() == "" {
			t.Errorf("verdicts %d and %d are both %q", other, v, v)
		}
		seen[v.String()] = v
	}
}
