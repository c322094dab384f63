package labtest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// get fetches a page from a host without any name being asked for.
func get(t *testing.T, h *netlab.Host, url string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: h.Dial, DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestJourneyHTTP(t *testing.T) {
	n := labtest.Journey(t)
	wire := labtest.Wire(t, n.Client, "eth0")
	status, body := get(t, n.Client, "http://10.3.0.80/")
	if status != 200 || body != "hello\n" {
		t.Errorf("status %d, body %q; want 200, %q", status, body, "hello\n")
	}

	got := wire.Tshark(t, "tcp.flags.syn == 1", "ip.src", "ip.dst", "ip.ttl", "tcp.flags.str", "ip.checksum.status")
	want := [][]string{
		{"10.1.0.2", "10.3.0.80", "64", "··········S·", "1"},
		{"10.3.0.80", "10.1.0.2", "62", "·······A··S·", "1"},
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("SYNs on the wire:\n%q\nwant\n%q", got, want)
	}
}

func TestJourneyDNS(t *testing.T) {
	n := labtest.Journey(t)
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return n.Client.Dial(ctx, network, "10.3.0.53:53")
	}}
	tests := []struct {
		name string
		want []string
	}{
		{"www.lab.test.", []string{"10.3.0.80"}},
		{"alias.lab.test.", []string{"10.3.0.80"}},
		{"multi.lab.test.", []string{"10.3.0.80", "10.3.0.81", "10.3.0.82"}},
		{"text.lab.test.", nil},
		{"nobody.lab.test.", nil},
	}
	for _, test := range tests {
		addresses, err := resolver.LookupNetIP(t.Context(), "ip4", test.name)
		var got []string
		for _, a := range addresses {
			got = append(got, a.String())
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v; want %v", test.name, got, err, test.want)
		}
	}
}

func TestCaptureHoldsAll(t *testing.T) {
	a, b := labtest.Pair(t)
	sink, err := b.ListenPacket("udp4", "10.0.0.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	first, second := labtest.Wire(t, a, "eth0"), labtest.Wire(t, b, "eth0")
	conn, err := a.Dial(t.Context(), "udp4", "10.0.0.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const datagrams = 200
	for range datagrams {
		if _, err := conn.Write([]byte("tcpprobe")); err != nil {
			t.Fatal(err)
		}
	}
	for _, wire := range []*labtest.Capture{first, second} {
		rows := wire.Tshark(t, "udp", "frame.time_epoch", "data.data")
		if len(rows) != datagrams {
			t.Errorf("%d datagrams captured, want %d", len(rows), datagrams)
		}
		for i, row := range rows {
			if row[1] != "74637070726f6265" {
				t.Fatalf("datagram %d holds %s", i, row[1])
			}
		}
		if !slices.IsSortedFunc(rows, func(x, y []string) int { return strings.Compare(x[0], y[0]) }) {
			t.Error("the times do not increase")
		}
	}
}

func TestCaptureOutlastsAnInterfaceThatIsDown(t *testing.T) {
	a, _ := labtest.Pair(t)
	wire := labtest.Wire(t, a, "eth0")
	for range 2 {
		if _, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:7"); err == nil {
			t.Fatal("connected to a closed port")
		}
		for _, up := range []bool{false, true} {
			if err := a.SetLink("eth0", up); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := wire.Tshark(t, "tcp.flags == 0x002", "frame.number"); len(got) != 2 {
		t.Errorf("%d SYNs captured, want 2", len(got))
	}
	if got := wire.Tshark(t, "", "frame.protocols"); len(got) < 2*(2+2) {
		t.Errorf("without a filter there are %d frames, want SYN, RST and two ARP packets, all twice:\n%q", len(got), got)
	}
}

func TestCaptureOfLoopback(t *testing.T) {
	a, _ := labtest.Pair(t)
	wire := labtest.Wire(t, a, "lo")
	if _, err := a.Dial(t.Context(), "tcp4", "127.0.0.1:7"); err == nil {
		t.Fatal("connected to a closed port")
	}
	got := wire.Tshark(t, "tcp", "tcp.flags")
	want := [][]string{{"0x0002"}, {"0x0014"}} // SYN; RST,ACK
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("control bits %q, want %q", got, want)
	}
}

func TestNft(t *testing.T) {
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, `table ip filter {
		chain input {
			type filter hook input priority filter
			tcp dport 7 reject with tcp reset
			tcp dport 9 reject with icmp type admin-prohibited
		}
	}`)
	for port, want := range map[string]string{"7": "connection refused", "9": "no route to host"} {
		_, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:"+port)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("port %s: %v, want %s", port, err, want)
		}
	}
}

func TestSNMP(t *testing.T) {
	a, b := labtest.Pair(t)
	before := labtest.SNMP(t, b)
	if _, err := a.Dial(t.Context(), "tcp4", "10.0.0.2:7"); err == nil {
		t.Fatal("connected to a closed port")
	}
	after := labtest.SNMP(t, b)
	for _, name := range []string{"Tcp.OutRsts", "Tcp.InSegs"} {
		if after[name]-before[name] != 1 {
			t.Errorf("%s went from %d to %d, want 1 more", name, before[name], after[name])
		}
	}
	if _, ok := after["TcpExt.ListenDrops"]; !ok {
		t.Error("there is no TcpExt.ListenDrops")
	}
}

// On the standard network with IPv6 everything is reached in both families, also by the names.
func TestDualStack(t *testing.T) {
	n := labtest.DualStack(t)
	for _, address := range []string{"10.3.0.80:80", "[2001:db8:3::80]:80", "[fe80::2%eth0]:1"} {
		conn, err := n.Client.Dial(t.Context(), "tcp", address)
		if err == nil {
			conn.Close()
		} else if !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasPrefix(address, "[fe80") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
