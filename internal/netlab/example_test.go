package netlab_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"tcpprobe/internal/netlab"
)

func Example() {
	lab, err := netlab.New()
	if err != nil {
		log.Fatal(err)
	}
	defer lab.Close()
	client, err := lab.Host("client")
	if err != nil {
		log.Fatal(err)
	}
	server, err := lab.Host("server")
	if err != nil {
		log.Fatal(err)
	}
	err = lab.Link(
		client, "eth0", netip.MustParsePrefix("10.0.0.1/24"),
		server, "eth0", netip.MustParsePrefix("10.0.0.2/24"),
		netlab.MTU(1400),
	)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := server.Listen("tcp4", "10.0.0.2:80")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	conn, err := client.Dial(context.Background(), "tcp4", "10.0.0.2:80")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Println(conn.RemoteAddr()) // 10.0.0.2:80
}
