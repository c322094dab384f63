package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
)

// The same sweep by IPv6: as many addresses, and the same port.
const (
	sweepNetwork6   = "fd78::/112"
	clientAddress6  = "fd77::1"
	serverAddress6  = "fd77::2"
	foreignAddress6 = "fd77::77" // as foreignAddress
)

// network6 gives the client and the server addresses of IPv6, and the server's kernel every address of sweepNetwork6.
func (s *sweeper) network6() error {
	for _, end := range []struct {
		host    *netlab.Host
		address string
		route   []string
	}{
		{s.server, serverAddress6, []string{"local", sweepNetwork6, "dev", "lo"}},
		{s.client, clientAddress6, []string{sweepNetwork6, "via", serverAddress6}},
	} {
		if err := end.host.EnableIPv6(); err != nil {
			return err
		}
		if err := end.host.Address("eth0", netip.MustParsePrefix(end.address+"/64")); err != nil {
			return err
		}
		if text, err := end.host.Command(context.Background(), "ip", append([]string{"-6", "route", "add"}, end.route...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip -6 route add %v: %w\n%s", end.route, err, text)
		}
	}
	// No kernel has that address, to answer a Neighbor Solicitation for it.
	if err := s.server.Neighbor("eth0", netip.MustParseAddr(foreignAddress6), clientMAC, true); err != nil {
		return err
	}
	return s.listen(unix.AF_INET6, &unix.SockaddrInet6{Port: sweepPort})
}

// file6 writes the list of targets.
func (s *sweeper) file6() error {
	var b bytes.Buffer
	for i := range sweepAddresses {
		fmt.Fprintf(&b, "[fd78::%x]:%d\n", i, sweepPort)
	}
	return os.WriteFile(s.file("all6"), b.Bytes(), 0o644)
}
