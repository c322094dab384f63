package capture_test

import (
	"bytes"
	"io"
	"net/netip"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// FuzzEvent writes events with odd values. Whatever they say, the file has one packet of theirs, or none, and text that
// prints.
func FuzzEvent(f *testing.F) {
	f.Add(uint8(probe.EventDNSQuery), query, "example.com", "udp", int64(1795348800123456789), uint8(1), 0, true)
	f.Add(uint8(probe.EventDNSAnswer), reply, "example.com\x00.", "tcp", int64(-1), uint8(2), 1, false)
	f.Add(uint8(probe.EventNeighborRequest), []byte{0, 1}, "eth0\x1b]0;", "", int64(0), uint8(0), 2, false)
	f.Add(uint8(probe.EventSegmentReceived), []byte{0x60}, "\xff\xfe", "udp", int64(1<<62), uint8(3), 3, true)
	f.Add(uint8(probe.EventSegmentSent), []byte{0x45}, "", "", int64(1), uint8(4), 1<<30, true)
	f.Add(uint8(probe.EventICMPReceived), bytes.Repeat([]byte{0x46}, 300000), "\u202e", "", int64(1), uint8(5), -1, true)
	f.Fuzz(func(t *testing.T, kind uint8, octets []byte, name, transport string, ns int64, verdict uint8, number int, framed bool) {
		e := probe.Event{
			Kind: probe.EventKind(kind) % (probe.EventTCPSilence + 1), At: stamp.Stamp{User: time.Unix(0, ns)},
			Step: time.Duration(ns), Octets: octets,
		}
		if framed {
			e.Frame = &probe.Frame{Source: ourMAC, Destination: gatewayMAC}
		}
		r := &probe.Result{
			Target: name, Host: name, Outcome: probe.OutcomeDNSError, Findings: []probe.Finding{probe.Finding(name)},
			DNS: &probe.DNS{Source: "dns", Server: server, Name: name, Addresses: []netip.Addr{remote.Addr(), netip.IPv6Loopback(), {}}},
		}
		switch e.Kind {
		case probe.EventDNSQuery, probe.EventDNSAnswer, probe.EventDNSSilence:
			e.DNS = &probe.DNSMessage{Server: server, Local: asker, Transport: transport, Name: name, RCode: name, Note: name, Attempt: number}
		case probe.EventRouteFound:
			r.Route = &probe.Route{Interface: name}
			e.Route = r.Route
		case probe.EventNeighborRequest, probe.EventNeighborReply, probe.EventNeighborSilence:
			e.Neighbor = &probe.NeighborPacket{Interface: name, Note: name, Attempt: number}
		case probe.EventSegmentSent, probe.EventSegmentReceived:
			h := tcphdr.Header{Flags: tcphdr.Flags(number), Options: tcphdr.Options(octets)}
			e.Segment = &probe.Segment{
				Header: h, Verdict: probe.Verdict(verdict) % (probe.VerdictLate + 1), Again: number, Answers: number, Length: number,
			}
		case probe.EventICMPReceived:
			e.ICMP = &probe.ICMP{Name: name, MTU: number}
		}
		for _, format := range []capture.Format{capture.PCAPNG, capture.PCAP} {
			var file bytes.Buffer
			w, err := capture.NewWriter(&file, format, capture.Info{Application: name, OS: name, Filter: name})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Event(r, &e); err != nil {
				t.Fatal(err)
			}
			if err := w.Event(r, &e); err != nil {
				t.Fatal(err)
			}
			if err := w.Result(r); err != nil {
				t.Fatal(err)
			}
			if format == capture.PCAP {
				if n := readAll(t, file.Bytes()); n != 0 && n != 2 {
					t.Errorf("%d packets", n)
				}
				continue
			}
			records, _, err := readNG(t, file.Bytes())
			if len(records) == 0 && len(octets) == 0 {
				continue // pcapgo takes no file without an interface
			}
			if n := len(records); n != 0 && (n != 2 || err != io.EOF) {
				t.Errorf("%d packets, %v", n, err)
			}
			for _, r := range records {
				for _, text := range append(r.Comments, r.Interface) {
					if !utf8.ValidString(text) || bytes.ContainsAny([]byte(text), "\x00\x1b\n\u202e") {
						t.Errorf("not printable: %q", text)
					}
				}
			}
		}
	})
}

// readAll counts the packets of a PCAP file.
func readAll(t *testing.T, file []byte) (packets int) {
	r, err := pcapgo.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := r.ReadPacketData(); err == io.EOF {
			return packets
		} else if err != nil {
			t.Fatal(err)
		}
		packets++
	}
}
