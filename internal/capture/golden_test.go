package capture_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"tcpprobe/internal/capture"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

var info = capture.Info{Application: "tcpprobe 0.1.0", OS: "Linux", Filter: "tcp or icmp"}

// piece is some octets of a file, and what they are.
type piece struct{ octets, caption string }

// compare compares a file with the pieces that it is to be made of.
func compare(t *testing.T, got []byte, pieces []piece) {
	t.Helper()
	at := 0
	for _, p := range pieces {
		want, err := hex.DecodeString(strings.ReplaceAll(p.octets, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", p.caption, err)
		}
		part := got[min(at, len(got)):min(at+len(want), len(got))]
		if !bytes.Equal(part, want) {
			t.Fatalf("octet %d, %s: % x, want % x", at, p.caption, part, want)
		}
		at += len(want)
	}
	if at != len(got) {
		t.Errorf("%d octets more: % x", len(got)-at, got[at:])
	}
}

// recorder notes what is written, write by write.
type recorder struct{ writes [][]byte }

func (r *recorder) Write(b []byte) (int, error) {
	r.writes = append(r.writes, bytes.Clone(b))
	return len(b), nil
}

// last returns what the last write wrote, and forgets it, so that nothing is compared twice.
func (r *recorder) last(t *testing.T) []byte {
	t.Helper()
	if len(r.writes) != 1 {
		t.Fatalf("%d writes, want one", len(r.writes))
	}
	b := r.writes[0]
	r.writes = nil
	return b
}

// bareSYN is a SYN of 40 octets through the kernel's IP.
func bareSYN(t *testing.T) *exchange {
	s := newExchange(t)
	s.frames = false
	s.resolved("udp")
	s.Route = &probe.Route{Interface: "tun0"}
	s.Events = nil
	s.out(0, tcphdr.SYN, 0xab25a8d9, 0, nil)
	s.Outcome, s.TCP = probe.OutcomeTimeout, &probe.TCP{Remote: remote, SYNSent: 1}
	return s
}

const synOctets = "45000028 1c464000 400631f7 c633640f c0000250" + // IPv4
	"bc530050 ab25a8d9 00000000 5002faf0 b7bb0000" // TCP

func TestGoldenPCAPNG(t *testing.T) {
	var file recorder
	w, err := capture.NewWriter(&file, capture.PCAPNG, info)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, file.last(t), []piece{
		{"0a0d0d0a", "Section Header Block"},
		{"40000000", "64 octets"},
		{"4d3c2b1a", "byte-order magic: little-endian"},
		{"0100 0000", "version 1.0"},
		{"ffffffffffffffff", "section of unknown length"},
		{"0300 0500", "shb_os, 5 octets"},
		{"4c696e7578 000000", "Linux"},
		{"0400 0e00", "shb_userappl, 14 octets"},
		{"74637070726f626520302e312e30 0000", "tcpprobe 0.1.0"},
		{"0000 0000", "end of options"},
		{"40000000", "64 octets"},
	})

	s := bareSYN(t)
	if err := w.Event(s.Result, &s.Events[0]); err != nil {
		t.Fatal(err)
	}
	compare(t, file.last(t), []piece{
		{"01000000", "Interface Description Block"},
		{"38000000", "56 octets"},
		{"0100 0000", "LINKTYPE_ETHERNET"},
		{"00000400", "at most 262144 octets of a packet"},
		{"0200 0400", "if_name, 4 octets"},
		{"74756e30", "tun0"},
		{"0900 0100", "if_tsresol, 1 octet"},
		{"09 000000", "nanoseconds"},
		{"0b00 0c00", "if_filter, 12 octets"},
		{"00 746370206f722069636d70", "tcp or icmp"},
		{"0000 0000", "end of options"},
		{"38000000", "56 octets"},

		{"06000000", "Enhanced Packet Block"},
		{"c8000000", "200 octets"},
		{"00000000", "interface 0"},
		{"385cea18 154d48b7", "2026-11-22T12:00:00.123456789Z"},
		{"36000000 36000000", "54 octets of 54"},
		{"000000000000 000000000000 0800", "there was no frame: zeros, IPv4"},
		{synOctets + "0000", "the datagram"},
		{"0100 1000", "opt_comment, 16 octets"},
		{"5443502053594e205b3030303031305d", "TCP SYN [000010]"},
		{"0100 4c00", "opt_comment, 76 octets"},
		{"746865 20 45746865726e6574 20 6865616465722c 20 6966 20 7468657265 20 776173 20 6f6e652c", "the Ethernet header, if there was one,"},
		{"20 6973 20 6e6f74 20 6b6e6f776e3a", " is not known:"},
		{"20 697473 20 616464726573736573 20 617265 20 7a65726f73", " its addresses are zeros"},
		{"0200 0400", "epb_flags"},
		{"02000000", "outbound"},
		{"0000 0000", "end of options"},
		{"c8000000", "200 octets"},
	})

	if err := w.Result(s.Result); err != nil {
		t.Fatal(err)
	}
	compare(t, file.last(t), []piece{
		{"04000000", "Name Resolution Block"},
		{"60000000", "96 octets"},
		{"0100 1000", "nrb_record_ipv4, 16 octets"},
		{"c0000250", "192.0.2.80"},
		{"6578616d706c652e636f6d 00", "example.com"},
		{"0000 0000", "end of records"},
		{"0100 2b00", "opt_comment, 43 octets"},
		{"54494d454f55542020", "TIMEOUT"},
		{"6578616d706c652e636f6d3a38302020", "example.com:80"},
		{"6e6f20616e7377657220746f20312053594e 00", "no answer to 1 SYN"},
		{"0300 0400", "ns_dnsIP4addr"},
		{"cb007135", "203.0.113.53"},
		{"0000 0000", "end of options"},
		{"60000000", "96 octets"},
	})
}

func TestGoldenPCAP(t *testing.T) {
	var file recorder
	w, err := capture.NewWriter(&file, capture.PCAP, info)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, file.last(t), []piece{
		{"4d3cb2a1", "magic: nanoseconds, little-endian"},
		{"0200 0400", "version 2.4"},
		{"00000000 00000000", "reserved"},
		{"00000400", "at most 262144 octets of a packet"},
		{"01000000", "LINKTYPE_ETHERNET"},
	})
	s := bareSYN(t)
	if err := w.Event(s.Result, &s.Events[0]); err != nil {
		t.Fatal(err)
	}
	compare(t, file.last(t), []piece{
		{"40d9026b", "2026-11-22T12:00:00Z"},
		{"15cd5b07", "123456789 ns"},
		{"36000000 36000000", "54 octets of 54"},
		{"000000000000 000000000000 0800", "there was no frame: zeros, IPv4"},
		{synOctets, "the datagram"},
	})
	if err := w.Result(s.Result); err != nil || len(file.writes) > 0 {
		t.Errorf("a result wrote %x, %v", file.writes, err)
	}
}
