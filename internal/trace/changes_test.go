package trace_test

import (
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/internal/trace"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// sentSYN is a datagram of 60 octets: a SYN with the options of Linux. Behind the IPv4 header, 20 octets, its options begin at
// octet 40: MSS at 40, SACK permitted at 44, time stamps at 46, NOP at 56, window scale at 57.
func sentSYN(t testing.TB) []byte {
	t.Helper()
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.80")
	o := tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(nil, 1460))
	o = tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(tcphdr.AppendTimestamps(o, 0x11121314, 0)), 7)
	segment, err := tcphdr.Header{SrcPort: 40001, DstPort: 80, Seq: 0x51525354, Flags: tcphdr.SYN, Window: 64240, Options: o}.Append(nil, src, dst, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rawip.Header{TOS: 46 << 2, ID: 0x4001, DontFragment: true, TTL: 3, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst}.Append(nil, segment)
	if err != nil || len(b) != 60 {
		t.Fatalf("%d octets, %v", len(b), err)
	}
	return b
}

func TestChanges(t *testing.T) {
	sent := sentSYN(t)
	set := func(at int, octets ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], octets); return b }
	}
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	for name, test := range map[string]struct {
		change []func([]byte) []byte
		want   []trace.Change
	}{
		"nothing":                 {nil, nil},
		"TTL and Header Checksum": {[]func([]byte) []byte{set(8, 1), set(10, 0xaa, 0xbb)}, nil},
		"padded":                  {[]func([]byte) []byte{func(b []byte) []byte { return append(b, make([]byte, 68)...) }}, nil},
		"DSCP":                    {[]func([]byte) []byte{set(1, 0)}, []trace.Change{{"dscp", "46", "0"}}},
		"ECN":                     {[]func([]byte) []byte{set(1, 46<<2|2), cut(28)}, []trace.Change{{"ecn", "0", "2"}}},
		"Total Length":            {[]func([]byte) []byte{set(2, 0, 40)}, []trace.Change{{"total_length", "60", "40"}}},
		"in host order":           {[]func([]byte) []byte{set(2, 60, 0)}, nil},
		"Identification":          {[]func([]byte) []byte{set(4, 0, 7)}, []trace.Change{{"id", "16385", "7"}}},
		"DF":                      {[]func([]byte) []byte{set(6, 0)}, []trace.Change{{"df", "true", "false"}}},
		"source":                  {[]func([]byte) []byte{set(12, 203, 0, 113, 7), cut(28)}, []trace.Change{{"source", "192.0.2.1", "203.0.113.7"}}},
		"source, so the checksum": {[]func([]byte) []byte{set(12, 203, 0, 113, 7), set(36, 1, 2)}, []trace.Change{{"source", "192.0.2.1", "203.0.113.7"}}},
		"destination":             {[]func([]byte) []byte{set(16, 10, 0, 0, 9)}, []trace.Change{{"destination", "198.51.100.80", "10.0.0.9"}}},
		"source port":             {[]func([]byte) []byte{set(20, 0, 99)}, []trace.Change{{"source_port", "40001", "99"}}},
		"destination port":        {[]func([]byte) []byte{set(22, 0, 99), cut(28)}, []trace.Change{{"destination_port", "80", "99"}}},
		"sequence number":         {[]func([]byte) []byte{set(24, 0, 0, 0, 9), cut(28)}, []trace.Change{{"seq", "1364349780", "9"}}},
		"acknowledgment":          {[]func([]byte) []byte{set(28, 0, 0, 0, 9), cut(32)}, []trace.Change{{"ack", "0", "9"}}},
		"control bits":            {[]func([]byte) []byte{set(33, 0x42)}, []trace.Change{{"flags", "SYN", "SYN,ECE"}}},
		"reserved bits":           {[]func([]byte) []byte{set(32, 0xa2)}, []trace.Change{{"reserved", "0", "1"}}},
		"window":                  {[]func([]byte) []byte{set(34, 0x10, 0), cut(40)}, []trace.Change{{"window", "64240", "4096"}}},
		"window, and no more":     {[]func([]byte) []byte{set(34, 0x10, 0), cut(36)}, []trace.Change{{"window", "64240", "4096"}}},
		"window, cut off":         {[]func([]byte) []byte{set(34, 0x10, 0), cut(35)}, nil},
		"urgent pointer":          {[]func([]byte) []byte{set(38, 0, 5)}, []trace.Change{{"urgent", "0", "5"}}},
		"MSS, so the checksum":    {[]func([]byte) []byte{set(42, 0x05, 0x14), set(36, 1, 2)}, []trace.Change{{"mss", "1460", "1300"}}},
		"MSS in 48 octets":        {[]func([]byte) []byte{set(42, 0x05, 0x14), cut(48)}, []trace.Change{{"mss", "1460", "1300"}}},
		"stripped by NOPs":        {[]func([]byte) []byte{set(46, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}, []trace.Change{{"timestamps", "286397204/0", "absent"}}},
		"all options stripped": {[]func([]byte) []byte{set(32, 0x50), cut(40)}, []trace.Change{
			{"data_offset", "10", "5"}, {"mss", "1460", "absent"}, {"sack_permitted", "present", "absent"},
			{"timestamps", "286397204/0", "absent"}, {"window_scale", "7", "absent"},
		}},
		"cut within the options":             {[]func([]byte) []byte{cut(50)}, nil},
		"added":                              {[]func([]byte) []byte{set(46, 76, 10, 1, 2, 3, 4, 5, 6, 7, 8)}, []trace.Change{{"timestamps", "286397204/0", "absent"}, {"option_76", "absent", "0102030405060708"}}},
		"window scale":                       {[]func([]byte) []byte{set(59, 2)}, []trace.Change{{"window_scale", "7", "2"}}},
		"options in another order":           {[]func([]byte) []byte{set(40, 4, 2, 2, 4, 5, 0xb4)}, nil},
		"checksum alone":                     {[]func([]byte) []byte{set(36, 0xaa, 0xbb)}, []trace.Change{{"checksum", "", ""}}},
		"MSS of length 0, so the checksum":   {[]func([]byte) []byte{set(41, 0), set(36, 1, 2)}, nil},
		"moved by an octet, so the checksum": {[]func([]byte) []byte{set(40, 1, 2, 4, 5, 0xb4, 4, 2, 8, 10, 0x11, 0x12, 0x13, 0x14, 0, 0, 0, 0), set(36, 1, 2)}, nil},
		"28 octets, padded":                  {[]func([]byte) []byte{cut(28), func(b []byte) []byte { return append(b[:28:28], make([]byte, 100)...) }}, nil},
		"48 octets and a clamp, padded": {[]func([]byte) []byte{set(42, 0x05, 0x14), func(b []byte) []byte { return append(b[:48:48], make([]byte, 80)...) }},
			[]trace.Change{{"mss", "1460", "1300"}}},
		"IHL 15":    {[]func([]byte) []byte{set(0, 0x4f)}, nil},
		"27 octets": {[]func([]byte) []byte{cut(27)}, nil},
		"no quote":  {[]func([]byte) []byte{cut(0)}, nil},
	} {
		quoted := slices.Clone(sent)
		for _, change := range test.change {
			quoted = change(quoted)
		}
		got := trace.Changes(sent, quoted)
		for i := range got {
			if got[i].Field == "checksum" { // of which only that it changed is known here
				got[i].Sent, got[i].Found = "", ""
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestChangesOfTruncations: that a quote ends early is no change.
func TestChangesOfTruncations(t *testing.T) {
	sent := sentSYN(t)
	for n := range len(sent) + 1 {
		if got := trace.Changes(sent, sent[:n]); len(got) != 0 {
			t.Errorf("%d octets: %v", n, got)
		}
	}
}

func FuzzChanges(f *testing.F) {
	f.Add(sentSYN(f), []byte{0x45, 60})
	f.Fuzz(func(t *testing.T, sent, quoted []byte) {
		trace.Changes(sent, quoted)
		for n := range min(len(sent), 128) + 1 {
			if got := trace.Changes(sent, sent[:n]); len(got) != 0 {
				t.Errorf("%v between a datagram and its first %d octets", got, n)
			}
		}
	})
}

func TestEndToEnd(t *testing.T) {
	syn := tcphdr.Header{Flags: tcphdr.SYN, Options: tcphdr.AppendWindowScale(tcphdr.AppendTimestamps(tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(nil, 1460)), 5, 0), 7)}
	bare := tcphdr.Header{Flags: tcphdr.SYN}
	for name, test := range map[string]struct {
		syn, synAck tcphdr.Header
		want        []trace.Change
	}{
		"all accepted": {syn, syn, nil},
		"a larger MSS": {syn, tcphdr.Header{Options: tcphdr.AppendWindowScale(tcphdr.AppendTimestamps(tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(nil, 8960)), 5, 0), 2)}, nil},
		"a smaller MSS, and nothing else": {syn, tcphdr.Header{Options: tcphdr.AppendMSS(nil, 1400)}, []trace.Change{
			{"mss", "1460", "1400"}, {"sack_permitted", "present", "absent"}, {"timestamps", "present", "absent"}, {"window_scale", "7", "absent"},
		}},
		"no options": {syn, bare, []trace.Change{
			{"mss", "1460", "absent"}, {"sack_permitted", "present", "absent"}, {"timestamps", "present", "absent"}, {"window_scale", "7", "absent"},
		}},
		"nothing offered": {bare, syn, nil},
	} {
		if got := trace.EndToEnd(test.syn, test.synAck); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
