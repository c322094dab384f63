package tcphdr_test

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/tcphdr"
)

func TestParseQuotedB51(t *testing.T) {
	segment := goldens[2].octets
	for n := range len(segment) + 1 {
		q, err := tcphdr.ParseQuoted(segment[:n])
		if n < 8 {
			if err != io.ErrUnexpectedEOF {
				t.Errorf("B-51 %d octets: error %v, want %v", n, err, io.ErrUnexpectedEOF)
			}
			continue
		}
		if err != nil {
			t.Errorf("B-51 %d octets: %v", n, err)
		}
		want := tcphdr.Quoted{SrcPort: 0xc1d2, DstPort: 0x1f90, Seq: 0x01234567, Rest: segment[8:n]}
		if diff := cmp.Diff(want, q); diff != "" {
			t.Errorf("B-51 %d octets (-want +got):\n%s", n, diff)
		}
	}
}
