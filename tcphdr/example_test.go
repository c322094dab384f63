package tcphdr_test

import (
	"fmt"
	"net/netip"

	"tcpprobe/tcphdr"
)

func ExampleHeader_Append() {
	var options tcphdr.Options
	options = tcphdr.AppendMSS(options, 1460)
	options = tcphdr.AppendSACKPermitted(options)
	options = tcphdr.AppendNoOperation(options)
	options = tcphdr.AppendWindowScale(options, 7)

	syn := tcphdr.Header{
		SrcPort: 49152,
		DstPort: 80,
		Seq:     0x12345678,
		Flags:   tcphdr.SYN,
		Window:  64240,
		Options: options,
	}
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.80")
	segment, err := syn.Append(nil, src, dst, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", segment[:20])
	fmt.Printf("% x\n", segment[20:])
	fmt.Println(tcphdr.Verify(segment, src, dst))
	// Output:
	// c0 00 00 50 12 34 56 78 00 00 00 00 80 02 fa f0 5f 9f 00 00
	// 02 04 05 b4 04 02 01 03 03 07 00 00
	// valid
}

func ExampleParse() {
	segment := []byte{
		0x00, 0x50, 0xc0, 0x00, // ports
		0x00, 0x00, 0x00, 0x07, // sequence number
		0x12, 0x34, 0x56, 0x79, // acknowledgment number
		0x70, 0x12, 0xfa, 0xf0, // data offset, control bits, window
		0x00, 0x00, 0x00, 0x00, // checksum, urgent pointer
		0x02, 0x04, 0x05, 0x78, // maximum segment size
		0x01, 0x08, 0x00, 0x01, // no operation, and timestamps of length 0
	}
	h, _, err := tcphdr.Parse(segment)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.Flags, h.Flags.Bits(), h.Ack)
	for opt := range h.Options.All() {
		fmt.Println(opt.Kind, opt.Data)
	}
	if at, bad := h.Options.Malformed(); bad {
		fmt.Println("malformed at octet", at)
	}
	// Output:
	// SYN,ACK 010010 305419897
	// mss [5 120]
	// nop []
	// malformed at octet 5
}
