package link_test

import (
	"testing"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/rawip"
)

// FuzzDecode gives frames of every link type to one decoder, two at a time, since it keeps fragments. What it returns lies within the
// frame, and a datagram has a version.
func FuzzDecode(f *testing.F) {
	for _, frame := range frames {
		b := octets(f, frame.octets)
		f.Add(uint16(frame.link), b, b[:len(b)/2], 0, uint8(link.AllTunnels))
		f.Add(uint16(frame.link), b, b, 1000, uint8(0))
	}
	f.Add(uint16(capfile.LinkRaw), datagram(f, fragment{0, 8}, client, server, 7), datagram(f, fragment{8, 32}, client, server, 7), 0, uint8(0))
	f.Add(uint16(capfile.LinkRaw), datagram(f, fragment{0, 8}, client6, server6, 7), datagram(f, fragment{8, 32}, client6, server6, 7), 0, uint8(0))
	f.Fuzz(func(t *testing.T, linkType uint16, first, second []byte, more int, open uint8) {
		d := link.NewDecoder(link.Tunnels(open) & link.AllTunnels)
		for _, b := range [][]byte{first, second} {
			var p link.Packet
			err := d.Decode(capfile.LinkType(linkType), b, len(b)+more%100000, &p)
			for n := 0; ; n++ {
				if err == nil {
					check(t, b, &p)
				}
				if !d.More() {
					break
				}
				if n > len(b) {
					t.Fatal("there is no end to it")
				}
				err = d.Another(&p)
			}
		}
	})
}

// check checks what is true of every packet.
func check(t *testing.T, frame []byte, p *link.Packet) {
	t.Helper()
	g := &p.Datagram
	switch {
	case g.Src.IsValid() != g.Dst.IsValid() || !g.Src.IsValid():
		t.Errorf("addresses %v and %v", g.Src, g.Dst)
	case g.FragmentOffset != 0:
		t.Errorf("a fragment from octet %d on", g.FragmentOffset)
	case len(g.Payload) > p.Length || len(p.Octets) > len(frame):
		t.Errorf("%d octets of payload of %d, datagram of %d of %d", len(g.Payload), p.Length, len(p.Octets), len(frame))
	case p.Inner != link.NoTunnel && g.Protocol == rawip.ProtocolTCP:
		t.Error("TCP in TCP")
	}
	_, _, _ = p.VLANs.All(), p.Labels.All(), p.Inner.String()
}
