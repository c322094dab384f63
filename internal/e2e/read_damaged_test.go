//go:build linux

package e2e_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// refusal is a pcap file of raw IP: a SYN, and the RST that refuses it.
func refusal(t *testing.T) string {
	t.Helper()
	client, server := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.80")
	b := binary.LittleEndian.AppendUint32(nil, capfile.MagicMicroseconds)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, byte(capfile.LinkRaw), 0, 0, 0)
	for i, h := range []tcphdr.Header{
		{SrcPort: 1000, DstPort: 80, Seq: 7, Flags: tcphdr.SYN},
		{SrcPort: 80, DstPort: 1000, Ack: 8, Flags: tcphdr.RST | tcphdr.ACK},
	} {
		src, dst := client, server
		if i == 1 {
			src, dst = dst, src
		}
		segment, err := h.Append(nil, src, dst, nil)
		must(t, err)
		datagram, err := rawip.Header{TTL: 60, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst}.Append(nil, segment)
		must(t, err)
		for _, word := range []int{1_795_348_800, i, len(datagram), len(datagram)} {
			b = binary.LittleEndian.AppendUint32(b, uint32(word))
		}
		b = append(b, datagram...)
	}
	return string(b)
}

// TestReadDamaged: what stands before a cut or a damage is judged as ever, and a line says where it goes wrong; where nothing stands
// before it, it is no capture.
func TestReadDamaged(t *testing.T) {
	t.Parallel()
	whole := refusal(t)
	for name, test := range map[string]struct {
		content, said string
		code          int
	}{
		"whole":           {whole, "", exit.Refused},
		"cut off":         {whole + "abcd", "cut off at octet 140, within packet 3 that begins at octet 136", exit.Refused},
		"damaged":         {whole + strings.Repeat("\xff", 16), "damaged at octet 136: packet 3 has 4294967295 octets", exit.Refused},
		"a header alone":  {whole[:20], "cut off at octet 20, within the file header that begins at octet 0", exit.NoCapture},
		"another version": {whole[:4] + "\x03" + whole[5:], "damaged at octet 0: version 3.4 of the format is not known", exit.NoCapture},
		"something else":  {"hello", "no capture: the file begins with the octets 68 65 6c 6c", exit.NoCapture},
	} {
		got := readProgram(t, test.content, "-")
		if got.code != test.code || !strings.Contains(got.stderr, test.said) || strings.Count(got.stderr, "\n") > 1 {
			t.Errorf("%s: exit code %d, %q; want %d, %q", name, got.code, got.stderr, test.code, test.said)
		}
		if refused := strings.Contains(got.stdout, "refused"); refused != (test.code == exit.Refused) {
			t.Errorf("%s: %s", name, got.stdout)
		}
	}
}

// TestReadInterfaceLost: what is known when the interface goes down is summed up.
func TestReadInterfaceLost(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	p := start(t, a, "read", "-I", "eth0")
	if line, err := p.stderr.ReadString('\n'); err != nil || !strings.Contains(line, "listening on eth0") {
		t.Fatalf("%q, %v", line, err)
	}
	must(t, a.SetLink("eth0", false))
	got := p.end(t)
	if got.code != exit.System || !strings.Contains(got.stderr, "eth0: network is down") || !strings.Contains(got.stdout, "0 handshakes") {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
