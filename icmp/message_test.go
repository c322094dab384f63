package icmp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	xicmp "golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
)

// octets reads lines of hexadecimal octets, each with a caption after a semicolon.
func octets(lines string) []byte {
	var b []byte
	for line := range strings.Lines(lines) {
		digits, _, _ := strings.Cut(line, ";")
		part, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			panic(err)
		}
		b = append(b, part...)
	}
	return b
}

// A golden is one message as fields and as octets. The checksums were computed by hand, elsewhere.
type golden struct {
	name    string
	octets  []byte
	message icmp.Message
}

var goldens = []golden{
	{
		name: "fragmentation needed",
		octets: octets(`
			03           ; type 3
			04           ; code 4
			2b f3        ; checksum
			a1 a2        ; unused
			05 78        ; next-hop MTU 1400
			45 b9 00 5c d4 31 40 00 01 06 b8 0f c0 00 02 21 c6 33 64 4d  ; quoted header
			c1 d2 1f 90 23 24 25 67                                      ; quoted payload`),
		message: icmp.Message{
			Type: icmp.DestinationUnreachable, Code: icmp.FragmentationNeeded, Checksum: 0x2bf3,
			Rest: [4]byte{0xa1, 0xa2, 0x05, 0x78},
			Body: octets(`
				45 b9 00 5c d4 31 40 00 01 06 b8 0f c0 00 02 21 c6 33 64 4d
				c1 d2 1f 90 23 24 25 67`),
		},
	},
	{
		name: "echo of odd length",
		octets: octets(`
			08           ; type 8
			00           ; code 0
			16 96        ; checksum
			12 34        ; identifier
			56 78        ; sequence number
			9a bc de     ; data`),
		message: icmp.Message{
			Type: icmp.Echo, Checksum: 0x1696,
			Rest: [4]byte{0x12, 0x34, 0x56, 0x78},
			Body: []byte{0x9a, 0xbc, 0xde},
		},
	},
	{
		name: "no body",
		octets: octets(`
			0c           ; type 12
			00           ; code 0
			bf a8        ; checksum
			09           ; pointer
			1a 2b 3d     ; unused`),
		message: icmp.Message{
			Type: icmp.ParameterProblem, Checksum: 0xbfa8,
			Rest: [4]byte{0x09, 0x1a, 0x2b, 0x3d},
			Body: []byte{},
		},
	},
}

// edited returns a copy of b with the octet at the given offset changed.
func edited(b []byte, at int, octet byte) []byte {
	b = slices.Clone(b)
	b[at] = octet
	return b
}

func equal(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got % x\nwant % x", what, got, want)
	}
}

func TestParse(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			m, err := icmp.Parse(g.octets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.message, m); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseTruncated(t *testing.T) {
	b := goldens[0].octets
	for n := range len(b) + 1 {
		m, err := icmp.Parse(b[:n])
		if n < 8 {
			if err != io.ErrUnexpectedEOF {
				t.Errorf("%d octets: error %v, want %v", n, err, io.ErrUnexpectedEOF)
			}
			continue
		}
		if err != nil || len(m.Body) != n-8 {
			t.Errorf("%d octets: body of %d, error %v", n, len(m.Body), err)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			m := g.message
			m.Checksum = 0xbad0 // not to be looked at
			b := bytes.Repeat([]byte{0xee}, 3+len(g.octets))
			got := m.Append(b[:3])
			equal(t, "message", got, slices.Concat([]byte{0xee, 0xee, 0xee}, g.octets))
			if &got[0] != &b[0] {
				t.Error("left a buffer with room enough")
			}
		})
	}
}

func TestVerifyB53(t *testing.T) {
	for _, g := range goldens {
		if got := icmp.Verify(g.octets); got != checksum.Valid {
			t.Errorf("B-53 %s: %v, want valid", g.name, got)
		}
		for bit := range 8 * len(g.octets) {
			got := icmp.Verify(edited(g.octets, bit/8, g.octets[bit/8]^1<<(bit%8)))
			if got != checksum.Invalid {
				t.Errorf("B-53 %s, bit %d flipped: %v, want invalid", g.name, bit, got)
			}
		}
		for n := range 8 {
			if got := icmp.Verify(g.octets[:n]); got != checksum.Unknown {
				t.Errorf("B-53 %s, %d octets: %v, want unknown", g.name, n, got)
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	body := []byte{0x45, 1, 2, 3}
	for n := range 256 {
		m := icmp.Message{Type: icmp.Type(n), Body: body}
		want := n == 3 || n == 4 || n == 5 || n == 11 || n == 12
		if got := m.IsError(); got != want {
			t.Errorf("type %d: IsError = %v, want %v", n, got, want)
		}
		quoted, err := m.Quoted()
		if want {
			equal(t, "quoted datagram", quoted, body)
			if err != nil {
				t.Errorf("type %d: %v", n, err)
			}
			continue
		}
		if quoted != nil || !errors.Is(err, icmp.ErrMalformed) {
			t.Errorf("type %d: quotes % x, error %v, want %v", n, quoted, err, icmp.ErrMalformed)
		}
	}
}

func TestNextHopMTUB60(t *testing.T) {
	tests := []struct {
		name string
		t    icmp.Type
		c    icmp.Code
		rest [4]byte
		mtu  uint32
		ok   bool
	}{
		{"1400", 3, 4, [4]byte{0xa1, 0xa2, 0x05, 0x78}, 1400, true},
		{"67 is for others to judge", 3, 4, [4]byte{0, 0, 0, 67}, 67, true},
		{"65535", 3, 4, [4]byte{0, 0, 0xff, 0xff}, 65535, true},
		{"an old router", 3, 4, [4]byte{0xa1, 0xa2, 0, 0}, 0, false},
		{"port unreachable", 3, 3, [4]byte{0xa1, 0xa2, 0x05, 0x78}, 0, false},
		{"another type", 11, 4, [4]byte{0xa1, 0xa2, 0x05, 0x78}, 0, false},
	}
	for _, tt := range tests {
		t.Run("B-60 "+tt.name, func(t *testing.T) {
			mtu, ok := icmp.Message{Type: tt.t, Code: tt.c, Rest: tt.rest}.NextHopMTU()
			if mtu != tt.mtu || ok != tt.ok {
				t.Errorf("%d, %v, want %d, %v", mtu, ok, tt.mtu, tt.ok)
			}
		})
	}
}

func TestPointer(t *testing.T) {
	tests := []struct {
		name  string
		t     icmp.Type
		c     icmp.Code
		octet uint32
		ok    bool
	}{
		{"parameter problem", 12, 0, 9, true},
		{"required option missing", 12, 1, 0, false},
		{"another type", 11, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			octet, ok := icmp.Message{Type: tt.t, Code: tt.c, Rest: [4]byte{9, 8, 7, 6}}.Pointer()
			if octet != tt.octet || ok != tt.ok {
				t.Errorf("%d, %v, want %d, %v", octet, ok, tt.octet, tt.ok)
			}
		})
	}
}

// TestOracle has x/net/icmp read what Append wrote, and write the same.
func TestOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 92))
	for range 1000 {
		m := icmp.Message{
			Type: icmp.Echo,
			Rest: [4]byte(binary.BigEndian.AppendUint32(nil, rnd.Uint32())),
			Body: make([]byte, rnd.IntN(64)),
		}
		for i := range m.Body {
			m.Body[i] = byte(rnd.Uint32())
		}
		b := m.Append(nil)

		oracle, err := xicmp.ParseMessage(ipv4.ICMPTypeEcho.Protocol(), b)
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		if oracle.Type != ipv4.ICMPTypeEcho || oracle.Code != 0 || oracle.Checksum != int(binary.BigEndian.Uint16(b[2:])) {
			t.Fatalf("% x is read as %+v", b, oracle)
		}
		echo := oracle.Body.(*xicmp.Echo)
		if echo.ID != int(binary.BigEndian.Uint16(m.Rest[:])) || echo.Seq != int(binary.BigEndian.Uint16(m.Rest[2:])) {
			t.Fatalf("% x is read as %+v", b, echo)
		}
		equal(t, "body as x/net/icmp reads it", echo.Data, m.Body)
		again, err := oracle.Marshal(nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "message as x/net/icmp writes it", b, again)
	}
}

// TestOracleErrors has x/net/icmp write errors for Parse to read.
func TestOracleErrors(t *testing.T) {
	quote := goldens[0].message.Body
	tests := []struct {
		oracle xicmp.Message
		name   string
	}{
		{xicmp.Message{Type: ipv4.ICMPTypeDestinationUnreachable, Code: 13, Body: &xicmp.DstUnreach{Data: quote}},
			"administratively prohibited"},
		{xicmp.Message{Type: ipv4.ICMPTypeTimeExceeded, Body: &xicmp.TimeExceeded{Data: quote}},
			"time to live exceeded"},
		{xicmp.Message{Type: ipv4.ICMPTypeParameterProblem, Body: &xicmp.ParamProb{Pointer: 9, Data: quote}},
			"parameter problem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.oracle.Marshal(nil)
			if err != nil {
				t.Fatal(err)
			}
			m, err := icmp.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name() != tt.name || icmp.Verify(b) != checksum.Valid {
				t.Errorf("%q, checksum %v", m.Name(), icmp.Verify(b))
			}
			quoted, err := m.Quoted()
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "quoted datagram", quoted[:len(quote)], quote)
			octet, ok := m.Pointer()
			if want := tt.oracle.Type == ipv4.ICMPTypeParameterProblem; ok != want || ok && octet != 9 {
				t.Errorf("pointer %d, %v, want 9, %v", octet, ok, want)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	g := goldens[0]
	buffer := make([]byte, 0, 100)
	n := testing.AllocsPerRun(100, func() {
		m, err := icmp.Parse(g.octets)
		if err != nil || len(m.Append(buffer)) != len(g.octets) || icmp.Verify(g.octets) != checksum.Valid {
			t.Error("wrong result")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzParse checks that any octets can be read, and are written as they were.
func FuzzParse(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.octets)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := icmp.Parse(b)
		if err != nil {
			if err != io.ErrUnexpectedEOF || len(b) >= 8 {
				t.Fatalf("%d octets: error %v", len(b), err)
			}
			return
		}
		if m.Name() == "" {
			t.Fatalf("type %d code %d has no name", m.Type, m.Code)
		}
		if quoted, err := m.Quoted(); m.IsError() != (err == nil) || m.IsError() && !bytes.HasPrefix(b[8:], quoted) {
			t.Fatalf("% x quotes % x, error %v", b, quoted, err)
		}
		got := m.Append(nil)
		if state := icmp.Verify(got); state != checksum.Valid {
			t.Fatalf("checksum of % x is %v", got, state)
		}
		want := slices.Clone(b)
		copy(want[2:4], got[2:4])
		if !bytes.Equal(got, want) {
			t.Fatalf("\nread  % x\nwrote % x", want, got)
		}
	})
}
