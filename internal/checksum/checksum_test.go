package checksum_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"tcpprobe/internal/checksum"
)

// reference is the plain way to do it: 16 bits at a time, with every carry taken back in at once.
func reference(b []byte) uint16 {
	var sum uint32
	for len(b) > 1 {
		sum += uint32(b[0])<<8 | uint32(b[1])
		b = b[2:]
		if sum > 0xffff {
			sum = sum - 0x10000 + 1
		}
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	if sum > 0xffff {
		sum = sum - 0x10000 + 1
	}
	return uint16(sum)
}

func TestSum(t *testing.T) {
	tests := []struct {
		name    string
		initial uint64
		b       []byte
		want    uint16
	}{
		{"nothing", 0, nil, 0x0000},
		{"nothing to something", 0x1234, nil, 0x1234},
		{"one octet is a high one", 0, []byte{0xab}, 0xab00},
		{"one word", 0, []byte{0xab, 0xcd}, 0xabcd},
		{"odd last octet", 0, []byte{0x01, 0x02, 0x03}, 0x0402},
		{"the example of RFC 1071 3", 0, []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0xddf2},
		{"eight octets and one", 0, []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7, 0x22}, 0xfff2},
		{"carry around", 0xffff, []byte{0x00, 0x01}, 0x0001},
		{"carry around twice", 0, []byte{0xff, 0xff, 0xff, 0xff, 0x00, 0x01}, 0x0001},
		{"initial sum wider than 32 bits", 1 << 40, []byte{0x00, 0x01}, 0x0101},
		{"zeros stay zero", 0, make([]byte, 64), 0x0000},
		{"all ones, the longest datagram", 0, bytes.Repeat([]byte{0xff}, 65535), 0xff00},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := checksum.Fold(checksum.Sum(tt.initial, tt.b)); got != tt.want {
				t.Errorf("Fold(Sum(%#x, % x)) = %#04x, want %#04x", tt.initial, tt.b, got, tt.want)
			}
		})
	}
}

func TestSumEveryLength(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 200)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	for n := range len(b) + 1 {
		if got, want := checksum.Fold(checksum.Sum(0, b[:n])), reference(b[:n]); got != want {
			t.Errorf("%d octets: %#04x, want %#04x", n, got, want)
		}
		for cut := 0; cut <= n; cut += 2 {
			parts := checksum.Sum(checksum.Sum(0, b[:cut]), b[cut:n])
			if got, want := checksum.Fold(parts), reference(b[:n]); got != want {
				t.Errorf("%d octets and %d more: %#04x, want %#04x", cut, n-cut, got, want)
			}
		}
	}
}

func TestPseudoHeader(t *testing.T) {
	tests := []struct {
		name     string
		src, dst string
		protocol uint8
		length   int
		octets   []byte // the pseudo-header as its RFC draws it
	}{
		{
			"IPv4", "192.0.2.33", "198.51.100.77", 6, 0xfedc,
			[]byte{
				192, 0, 2, 33, // source address
				198, 51, 100, 77, // destination address
				0,          // zero
				6,          // PTCL
				0xfe, 0xdc, // TCP Length
			},
		},
		{
			"IPv6", "2001:db8::33", "2001:db8:4d::77", 58, 0x12fedc,
			[]byte{
				0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33, // source address
				0x20, 0x01, 0x0d, 0xb8, 0, 0x4d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77, // destination address
				0, 0x12, 0xfe, 0xdc, // Upper-Layer Packet Length
				0, 0, 0, // zero
				58, // Next Header
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum := checksum.PseudoHeader(netip.MustParseAddr(tt.src), netip.MustParseAddr(tt.dst), tt.protocol, tt.length)
			if got, want := checksum.Fold(sum), reference(tt.octets); got != want {
				t.Errorf("Fold(PseudoHeader) = %#04x, want %#04x", got, want)
			}
		})
	}
}

func TestStateString(t *testing.T) {
	for state, want := range map[checksum.State]string{
		checksum.Unknown: "unknown",
		checksum.Valid:   "valid",
		checksum.Partial: "partial",
		checksum.Invalid: "invalid",
	} {
		if got := state.String(); got != want {
			t.Errorf("State(%d).String() = %q, want %q", state, got, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	b := make([]byte, 1501)
	src, dst := netip.MustParseAddr("192.0.2.33"), netip.MustParseAddr("198.51.100.77")
	var folded uint16
	n := testing.AllocsPerRun(100, func() {
		folded = checksum.Fold(checksum.Sum(checksum.PseudoHeader(src, dst, 6, len(b)), b))
	})
	if n != 0 {
		t.Errorf("%v allocations for %#04x, want none", n, folded)
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7})
	f.Add(bytes.Repeat([]byte{0xff}, 33))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := checksum.Fold(checksum.Sum(0, b)), reference(b); got != want {
			t.Errorf("Fold(Sum(0, % x)) = %#04x, want %#04x", b, got, want)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{20, 60, 1500} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			octets := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				checksum.Sum(0, octets)
			}
		})
	}
}

func ExampleSum() {
	// Octets 2 and 3 of this message are its checksum field.
	message := []byte{0x12, 0x34, 0x00, 0x00, 0x56, 0x78, 0x9a}
	binary.BigEndian.PutUint16(message[2:], ^checksum.Fold(checksum.Sum(0, message)))
	fmt.Printf("% x\n", message)
	fmt.Printf("%#x\n", checksum.Fold(checksum.Sum(0, message)))
	// Output:
	// 12 34 fd 52 56 78 9a
	// 0xffff
}
