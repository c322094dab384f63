package capture_test

import (
	"bytes"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

func ExampleWriter() {
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.PCAPNG, capture.Info{Application: "tcpprobe 0.1.0"})
	if err != nil {
		log.Fatal(err)
	}
	start := stamp.Stamp{Kernel: time.Date(2026, 11, 22, 12, 0, 0, 2301000, time.UTC)}
	r := &probe.Result{
		Target: "192.0.2.80:80", Start: start, Outcome: probe.OutcomeTimeout,
		Route: &probe.Route{Interface: "tun0"},
		TCP:   &probe.TCP{Remote: netip.MustParseAddrPort("192.0.2.80:80"), SYNSent: 1},
	}
	syn := &probe.Event{
		Kind: probe.EventSegmentSent, At: start, Segment: &probe.Segment{Header: tcphdr.Header{Flags: tcphdr.SYN}},
		Octets: []byte("E\x00\x00(\x1cF@\x00@\x061\xf7\xc63d\x0f\xc0\x00\x02P\xbcS\x00P\xab%\xa8\xd9\x00\x00\x00\x00P\x02\xfa\xf0\xb7\xbb\x00\x00"),
	}
	if err := w.Event(r, syn); err != nil {
		log.Fatal(err)
	}
	if err := w.Result(r); err != nil {
		log.Fatal(err)
	}

	reader, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		log.Fatal(err)
	}
	octets, info, options, err := reader.ReadPacketDataWithOptions()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Timestamp.Format("15:04:05.000000000"), len(octets), "octets:", options.Comments[0])
	// Output: 12:00:00.002301000 54 octets: TCP SYN [000010]
}
