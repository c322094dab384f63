package resolver_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/stamp"
	"tcpprobe/resolver"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// TestICMPErrorEndsTheWait: routers that refuse the query are named, and nobody is waited for.
func TestICMPErrorEndsTheWait(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	for _, c := range []struct {
		host interface {
			Sysctl(name, value string) error
		}
		name, value string
	}{{b, "net/ipv4/ip_forward", "1"}, {b, "net/ipv4/icmp_ratelimit", "0"}} {
		if err := c.host.Sysctl(c.name, c.value); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"route", "add", "unreachable", "192.0.2.0/28"}, {"route", "add", "prohibit", "192.0.2.16/28"}, {"route", "add", "192.0.2.48/28", "via", "10.0.0.77"},
	} {
		if out, err := b.Command(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
	if out, err := a.Command(t.Context(), "ip", "route", "add", "default", "via", "10.0.0.2").CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	labtest.Nft(t, b, `table ip t { chain c { type filter hook forward priority 0; ip daddr 192.0.2.48/28 reject with icmp port-unreachable; }; }`)

	for _, test := range []struct {
		server string
		reason string
		from   string
		cause  error
	}{
		{"192.0.2.1:53", "host unreachable (ICMP 3/1), says 10.0.0.2", "10.0.0.2", syscall.EHOSTUNREACH},
		{"192.0.2.17:53", "administratively prohibited (ICMP 3/13), says 10.0.0.2", "10.0.0.2", syscall.EHOSTUNREACH},
		{"192.0.2.49:53", "port unreachable (ICMP 3/3), says 10.0.0.2", "10.0.0.2", syscall.ECONNREFUSED},
		{"10.0.0.2:53", "server refused (ICMP port unreachable)", "10.0.0.2", syscall.ECONNREFUSED},
		{"10.0.0.99:53", "host unreachable (ICMP 3/1), says this host itself", "10.0.0.1", syscall.EHOSTUNREACH}, // no answer to ARP
	} {
		o := resolver.Options{
			Files:  resolver.NewFiles(write(t, "resolv.conf", "search .\n"), os.DevNull),
			Server: netip.MustParseAddrPort(test.server), Timeout: 20 * time.Second, Tries: 1,
		}
		var r resolver.Result
		var lookupErr error
		if err := a.Do(func() error {
			r, lookupErr = resolver.New(o).Lookup(t.Context(), "www.example.com", nil)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var e *resolver.Error
		var drawn *resolver.ICMPError
		if !errors.As(lookupErr, &e) || e.Kind != resolver.Unreachable || e.Reason != test.reason || !errors.Is(lookupErr, test.cause) {
			t.Errorf("%s: %v, want %s", test.server, lookupErr, test.reason)
		}
		if !errors.As(lookupErr, &drawn) || drawn.From != netip.MustParseAddr(test.from) {
			t.Errorf("%s: %+v", test.server, drawn)
		}
		if r.Attempts != 1 || r.Duration > 10*time.Second {
			t.Errorf("%s: %d attempts in %v", test.server, r.Attempts, r.Duration)
		}
	}
}

// TestServerOverIPv6: a server with an IPv6 address is asked like any other, with the kernel's stamps, and that it is not
// there is seen at once.
func TestServerOverIPv6(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	if err := a.Sysctl("net/ipv6/conf/lo/disable_ipv6", "0"); err != nil {
		t.Fatal(err)
	}
	conn, err := a.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			conn.WriteTo(truth(b[:n]), from)
		}
	}()
	o := resolver.Options{
		Files:  resolver.NewFiles(write(t, "resolv.conf", "search .\n"), os.DevNull),
		Server: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Timeout: 10 * time.Second, Tries: 1,
	}
	lookup := func() (r resolver.Result, lookupErr error) {
		err := a.Do(func() error {
			r, lookupErr = resolver.New(o).Lookup(t.Context(), "www.example.com", nil)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return r, lookupErr
	}
	stamped := false
	for range 200 { // the kernel begins to stamp a moment after it was asked to
		r, err := lookup()
		if err != nil || len(r.Addresses) != 1 || r.Server != o.Server {
			t.Fatalf("%+v, %v", r, err)
		}
		stamped = stamped || r.Events[0].Stamp.Source() == stamp.Kernel && r.Clock == stamp.Kernel
	}
	if !stamped {
		t.Error("the kernel stamped nothing in 200 lookups")
	}
	conn.Close()
	r, err := lookup()
	var drawn *resolver.ICMPError
	if !errors.As(err, &drawn) || drawn.Type != 1 || drawn.Code != 4 || drawn.From != o.Server.Addr() || !errors.Is(err, syscall.ECONNREFUSED) || r.Duration > time.Second {
		t.Errorf("%+v after %v, %v", drawn, r.Duration, err)
	}
}

func TestICMPErrorSentences(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, test := range []struct {
		e    resolver.ICMPError
		want string
	}{
		{resolver.ICMPError{From: v4, Type: 3, Code: 0}, "network unreachable (ICMP 3/0), says 192.0.2.1"},
		{resolver.ICMPError{From: v4, Type: 3, Code: 2}, "protocol unreachable (ICMP 3/2), says 192.0.2.1"},
		{resolver.ICMPError{From: v4, Type: 3, Code: 4}, "fragmentation needed (ICMP 3/4), says 192.0.2.1"},
		{resolver.ICMPError{From: v4, Type: 3, Code: 10}, "administratively prohibited (ICMP 3/10), says 192.0.2.1"},
		{resolver.ICMPError{From: v4, Type: 3, Code: 5}, "destination unreachable (ICMP 3/5), says 192.0.2.1"},
		{resolver.ICMPError{From: v4, Type: 11, Code: 0}, "TTL exceeded (ICMP 11/0), says 192.0.2.1"},
		{resolver.ICMPError{From: v4, Type: 12, Code: 0}, "ICMP error (ICMP 12/0), says 192.0.2.1"},
		{resolver.ICMPError{From: v6, Type: 1, Code: 0}, "no route (ICMPv6 1/0), says 2001:db8::1"},
		{resolver.ICMPError{From: v6, Type: 1, Code: 1}, "administratively prohibited (ICMPv6 1/1), says 2001:db8::1"},
		{resolver.ICMPError{From: v6, Type: 1, Code: 2}, "destination unreachable (ICMPv6 1/2), says 2001:db8::1"},
		{resolver.ICMPError{From: v6, Type: 1, Code: 3, Own: true}, "address unreachable (ICMPv6 1/3), says this host itself"},
		{resolver.ICMPError{From: v6, Type: 1, Code: 4}, "port unreachable (ICMPv6 1/4), says 2001:db8::1"},
		{resolver.ICMPError{From: v6, Type: 2, Code: 0}, "packet too big (ICMPv6 2/0), says 2001:db8::1"},
		{resolver.ICMPError{From: v6, Type: 3, Code: 0}, "hop limit exceeded (ICMPv6 3/0), says 2001:db8::1"},
		{resolver.ICMPError{From: v6, Type: 4, Code: 1}, "ICMPv6 error (ICMPv6 4/1), says 2001:db8::1"},
	} {
		if got := test.e.Error(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
