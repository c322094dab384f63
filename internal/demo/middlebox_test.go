//go:build linux

package demo

import (
	"bytes"
	"net/netip"
	"testing"

	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// frameTo returns a frame with a segment, and so many octets of data, to an address.
func frameTo(t *testing.T, dst string, flags tcphdr.Flags, data int) []byte {
	t.Helper()
	ip := rawip.Header{ID: 7, TTL: 61, Protocol: rawip.ProtocolTCP, Src: netip.MustParseAddr(clientAddress), Dst: netip.MustParseAddr(dst)}
	tcp := tcphdr.Header{SrcPort: 40000, DstPort: 80, Seq: 0xffffffff, Flags: flags, Options: []byte{2, 4, 5, 0xb4}}
	ethernet := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}
	frame := datagram(ethernet, ip, tcp, make([]byte, data))
	if frame == nil {
		t.Fatal("no frame")
	}
	return frame
}

func TestMiddlebox(t *testing.T) {
	const www = "10.3.0.80"
	for name, frame := range map[string][]byte{
		"to another":   frameTo(t, www, tcphdr.SYN, 1400),
		"no SYN":       frameTo(t, reset, tcphdr.ACK, 0),
		"small enough": frameTo(t, narrow, tcphdr.SYN, narrowMTU-44),
		"no IP":        append(frameTo(t, reset, tcphdr.SYN, 0)[:12:12], 8, 6),
		"short":        {1, 2, 3},
	} {
		if on, back := middlebox(frame); !bytes.Equal(on, frame) || back != nil {
			t.Errorf("%s: %x, %x", name, on, back)
		}
	}
	if on, back := middlebox(frameTo(t, narrow, tcphdr.SYN, narrowMTU-43)); on != nil || back != nil {
		t.Error("what is too large passes")
	}

	frame := frameTo(t, clamped, tcphdr.SYN, 0)
	before := bytes.Clone(frame)
	on, back := middlebox(frame)
	ip, segment, err := rawip.Parse(on[14:])
	if err != nil || back != nil || !bytes.Equal(frame, before) {
		t.Fatalf("clamped: %v, %x, or the frame itself was changed", err, back)
	}
	tcp, _, err := tcphdr.Parse(segment)
	if mss, _ := tcp.Options.MSS(); err != nil || mss != clampedMSS || ip.ID != 7 || ip.TTL != 61 || tcphdr.Verify(segment, ip.Src, ip.Dst) != checksum.Valid {
		t.Errorf("clamped: %+v, %+v, %v", ip, tcp, err)
	}

	on, back = middlebox(frameTo(t, reset, tcphdr.SYN, 0))
	if on != nil || !bytes.Equal(back[:14], []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}) {
		t.Fatalf("reset: %x, %x", on, back)
	}
	ip, segment, _ = rawip.Parse(back[14:])
	tcp, _, err = tcphdr.Parse(segment)
	if err != nil || ip.Src.String() != reset || tcp.Flags != tcphdr.RST|tcphdr.ACK || tcp.Ack != 0 || tcp.DstPort != 40000 || tcp.SrcPort != 80 {
		t.Errorf("reset: %+v, %+v, %v", ip, tcp, err)
	}
}
