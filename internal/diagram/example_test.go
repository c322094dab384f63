package diagram_test

import (
	"log"
	"os"

	"tcpprobe/internal/diagram"
)

func ExampleMermaid() {
	s := newExchange("192.0.2.80", 8443, "192.0.2.80:8443")
	s.begin()
	s.syn(0)
	s.syn(1000.343)
	s.timedOut(2998.010)
	if err := diagram.Mermaid(os.Stdout, diagram.Handshake(s.Result)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// sequenceDiagram
	//     participant host as this host
	//     participant peer1 as target<br/>192.0.2.80:8443
	//     host-xpeer1: 0.000 ms TCP SYN [000010]<br/>seq 0<br/>mss 1460 ws 7 sack ts
	//     Note left of host: SYN_SENT
	//     host-xpeer1: 1000.343 ms TCP SYN [000010]<br/>seq 0<br/>again (1 of 2, after 1 s)
	//     Note over host: 2998.010 ms TCP nothing came back
	//     Note over host,peer1: TIMEOUT  192.0.2.80:8443  no answer to 2 SYNs in 2.998 s
}
