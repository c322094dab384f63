package tcphdr_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"tcpprobe/tcphdr"
)

// TestOracle has gopacket read what Append wrote, and write the same.
func TestOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 3))
	for range 2000 {
		var options tcphdr.Options
		if rnd.IntN(2) == 0 {
			options = tcphdr.AppendMSS(options, uint16(rnd.Uint32()))
		}
		if rnd.IntN(2) == 0 {
			options = tcphdr.AppendWindowScale(options, uint8(rnd.IntN(15)))
		}
		if rnd.IntN(2) == 0 {
			options = tcphdr.AppendSACKPermitted(options)
		}
		if rnd.IntN(2) == 0 {
			options = tcphdr.AppendTimestamps(options, rnd.Uint32(), rnd.Uint32())
		}
		for len(options)%4 != 0 {
			options = tcphdr.AppendNoOperation(options)
		}
		data := make([]byte, rnd.IntN(9))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		h := tcphdr.Header{
			SrcPort: uint16(rnd.Uint32()), DstPort: uint16(rnd.Uint32()),
			Seq: tcphdr.SeqNum(rnd.Uint32()), Ack: tcphdr.SeqNum(rnd.Uint32()),
			Flags:  tcphdr.Flags(rnd.Uint32N(0x200)),
			Window: uint16(rnd.Uint32()), UrgentPointer: uint16(rnd.Uint32()),
			Options: options,
		}
		segment, err := h.Append(nil, src4, dst4, data)
		if err != nil {
			t.Fatal(err)
		}

		var oracle layers.TCP
		if err := oracle.DecodeFromBytes(segment, gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("% x: %v", segment, err)
		}
		got := tcphdr.Header{
			SrcPort: uint16(oracle.SrcPort), DstPort: uint16(oracle.DstPort),
			Seq: tcphdr.SeqNum(oracle.Seq), Ack: tcphdr.SeqNum(oracle.Ack),
			Flags:  oracleFlags(&oracle),
			Window: oracle.Window, UrgentPointer: oracle.Urgent,
		}
		for _, opt := range oracle.Options {
			got.Options = append(got.Options, byte(opt.OptionType))
			if opt.OptionLength > 1 {
				got.Options = append(append(got.Options, opt.OptionLength), opt.OptionData...)
			}
		}
		equal(t, "options as gopacket reads them", got.Options, h.Options)
		equal(t, "data as gopacket reads them", oracle.Payload, data)
		again, err := got.Append(nil, src4, dst4, oracle.Payload)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "header as gopacket reads it", again, segment)

		oracle.SetNetworkLayerForChecksum(&layers.IPv4{
			SrcIP: src4.AsSlice(), DstIP: dst4.AsSlice(), Protocol: layers.IPProtocolTCP,
		})
		buffer := gopacket.NewSerializeBuffer()
		how := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
		if err := gopacket.SerializeLayers(buffer, how, &oracle, gopacket.Payload(data)); err != nil {
			t.Fatal(err)
		}
		equal(t, "segment as gopacket writes it", segment, buffer.Bytes())
	}
}

func oracleFlags(tcp *layers.TCP) (f tcphdr.Flags) {
	for _, bit := range []struct {
		set  bool
		flag tcphdr.Flags
	}{
		{tcp.FIN, tcphdr.FIN}, {tcp.SYN, tcphdr.SYN}, {tcp.RST, tcphdr.RST},
		{tcp.PSH, tcphdr.PSH}, {tcp.ACK, tcphdr.ACK}, {tcp.URG, tcphdr.URG},
		{tcp.ECE, tcphdr.ECE}, {tcp.CWR, tcphdr.CWR},
		{tcp.NS, tcphdr.AE}, // the name of the bit before RFC 9768
	} {
		if bit.set {
			f |= bit.flag
		}
	}
	return f
}
