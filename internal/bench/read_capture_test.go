package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/link"
	"tcpprobe/tcphdr"
)

// TestRecord: the captures that are read have what the report says.
func TestRecord(t *testing.T) {
	for name, test := range map[string]struct {
		write   func(*recorder) error
		packets int
		flags   map[tcphdr.Flags]int
	}{
		"connections": {connections(200), 196*12 + 2*2 + 2*4, map[tcphdr.Flags]int{
			tcphdr.SYN: 198 + 2*4, tcphdr.SYN | tcphdr.ACK: 196, tcphdr.RST | tcphdr.ACK: 2, tcphdr.FIN | tcphdr.ACK: 2 * 196,
		}},
		"flood": {flood(100), 200, map[tcphdr.Flags]int{tcphdr.SYN: 100, tcphdr.SYN | tcphdr.ACK: 100}},
	} {
		file := filepath.Join(t.TempDir(), name)
		r, err := record(file, test.write)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in, err := capfile.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		d := link.NewDecoder(0)
		seen := make(map[tcphdr.Flags]int)
		packets := 0
		for c := new(capfile.Packet); ; packets++ {
			if err := in.Next(c); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			var p link.Packet
			if err := d.Decode(c.LinkType, c.Data, c.Length, &p); err != nil {
				t.Fatalf("%s, packet %d: %v", name, c.Number, err)
			}
			h, _, err := tcphdr.Parse(p.Datagram.Payload)
			if sum := tcphdr.Verify(p.Datagram.Payload, p.Datagram.Src, p.Datagram.Dst); err != nil || sum != checksum.Valid {
				t.Fatalf("%s, packet %d: %v, checksum %v", name, c.Number, err, sum)
			}
			seen[h.Flags]++
		}
		if packets != test.packets || r.packets != packets {
			t.Errorf("%s: %d packets, and %d were written; want %d", name, packets, r.packets, test.packets)
		}
		for flags, want := range test.flags {
			if seen[flags] != want {
				t.Errorf("%s: %d times %v, want %d", name, seen[flags], flags, want)
			}
		}
	}
}
