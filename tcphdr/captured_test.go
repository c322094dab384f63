package tcphdr_test

import (
	"errors"
	"io"
	"net/netip"
	"testing"

	"tcpprobe/tcphdr"
)

// TestParseCaptured: of a segment that is cut off within its options, those before the cut are there.
func TestParseCaptured(t *testing.T) {
	options := tcphdr.AppendTimestamps(tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(nil, 1400)), 7, 0)
	whole, err := tcphdr.Header{SrcPort: 1, DstPort: 2, Seq: 3, Flags: tcphdr.SYN, Options: options}.Append(nil, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) + 1 {
		h, length, err := tcphdr.ParseCaptured(whole[:n])
		if n < 20 {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d octets: %v", n, err)
			}
			continue
		}
		if err != nil || length != 36 || h.Seq != 3 || h.Flags != tcphdr.SYN || len(h.Options) != min(n, 36)-20 {
			t.Errorf("%d octets: header of %d octets with %d of options, %v", n, length, len(h.Options), err)
		}
		if mss, ok := h.Options.MSS(); ok != (n >= 24) || ok && mss != 1400 {
			t.Errorf("%d octets: MSS %d, %t", n, mss, ok)
		}
	}
	whole[12] = 4 << 4
	if _, _, err := tcphdr.ParseCaptured(whole); !errors.Is(err, tcphdr.ErrMalformed) {
		t.Errorf("data offset 4: %v", err)
	}
}
