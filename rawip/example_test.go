package rawip_test

import (
	"fmt"
	"net/netip"

	"tcpprobe/rawip"
)

func ExampleHeader_Append() {
	h := rawip.Header{
		DontFragment: true,
		TTL:          64,
		Protocol:     rawip.ProtocolTCP,
		Src:          netip.MustParseAddr("192.0.2.1"),
		Dst:          netip.MustParseAddr("198.51.100.80"),
	}
	datagram, err := h.Append(nil, []byte("a segment"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", datagram[:20])
	fmt.Printf("%s\n", datagram[20:])
	// Output:
	// 45 00 00 1d 00 00 40 00 40 06 4e 56 c0 00 02 01 c6 33 64 50
	// a segment
}

func ExampleParse() {
	datagram := []byte{
		0x45, 0x00, 0x00, 0x16, // version and IHL, Type of Service, Total Length
		0x00, 0x00, 0x40, 0x00, // Identification, flags and fragment offset
		0x39, 0x06, 0x00, 0x00, // Time to Live, protocol, header checksum
		198, 51, 100, 80, // source address
		192, 0, 2, 1, // destination address
		0xca, 0xfe, // payload
		0x00, 0x00, 0x00, 0x00, // padding of the Ethernet frame
	}
	h, payload, err := rawip.Parse(datagram)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.Src, h.Dst, h.TTL, h.DontFragment)
	fmt.Printf("% x\n", payload)
	fmt.Println(rawip.VerifyHeader(datagram))
	// Output:
	// 198.51.100.80 192.0.2.1 57 true
	// ca fe
	// invalid
}
