package ndp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/ndp"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// The kernel of a neighbour answers our question, through the filter, and tshark finds nothing wrong with either packet.
func TestKernelAnswers(t *testing.T) {
	a, b := labtest.Pair(t)
	for _, address := range []struct {
		host   *netlab.Host
		prefix string
	}{{a, "2001:db8::1/64"}, {b, "2001:db8::9/64"}} {
		for _, name := range []string{"all", "eth0"} {
			if err := address.host.Sysctl("net/ipv6/conf/"+name+"/disable_ipv6", "0"); err != nil {
				t.Fatal(err)
			}
		}
		if err := address.host.Sysctl("net/ipv6/conf/eth0/accept_dad", "0"); err != nil {
			t.Fatal(err)
		}
		if err := address.host.Address("eth0", netip.MustParsePrefix(address.prefix)); err != nil {
			t.Fatal(err)
		}
	}
	wire := labtest.Wire(t, a, "eth0")
	filter, err := bpf.Assemble(ndp.Filter(ours, theirs))
	if err != nil {
		t.Fatal(err)
	}
	clock := stamp.NewClock(stamp.System)
	var packets *socket.Packet
	var link *net.Interface
	err = a.Do(func() (err error) {
		if link, err = net.InterfaceByName("eth0"); err == nil {
			packets, err = socket.OpenPacket(filter, clock)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	q := ndp.NewQuery(ndp.QueryConfig{MAC: [6]byte(link.HardwareAddr), Source: ours, Target: theirs})
	for deadline := time.Now().Add(10 * time.Second); !q.Done() && time.Now().Before(deadline); {
		if request, ok := q.Next(clock.Now()); ok {
			octets, err := request.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := packets.Send(link.Index, ndp.EtherType, ndp.GroupMAC(request.Dst), octets); err != nil {
				t.Fatal(err)
			}
			q.Sent(stamp.Stamp{User: clock.Now()})
		}
		buffer := make([]byte, 1500)
		var frame socket.Frame
		octets, ok, err := packets.Receive(buffer, &frame)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || frame.Type == socket.FromHost {
			continue
		}
		p, sum, err := ndp.Parse(octets)
		if err != nil || sum != checksum.Valid {
			t.Errorf("%x: %v, checksum %v", octets, err, sum)
		}
		q.HandlePacket(p, sum, frame.Stamp)
	}
	mac, ok := q.MAC()
	if want := [6]byte{0x02, 0, 10, 0, 0, 2}; !ok || mac != want || !q.Flags().Has(ndp.Solicited|ndp.Override) {
		t.Fatalf("MAC %x, %t, flags %v", mac, ok, q.Flags())
	}
	rows := wire.Tshark(t, "icmpv6.type == 135 && ipv6.src == 2001:db8::1 || icmpv6.type == 136 && ipv6.dst == 2001:db8::1",
		"icmpv6.type", "icmpv6.checksum.status", "icmpv6.opt.linkaddr", "_ws.expert.message")
	if len(rows) != q.Attempts()+1 {
		t.Fatalf("the capture has %q, want an answer to request %d", rows, q.Attempts())
	}
	for i, row := range rows {
		kind, of := "135", link.HardwareAddr
		if i == len(rows)-1 {
			kind, of = "136", mac[:]
		}
		if row[0] != kind || row[1] != "1" || row[2] != of.String() || row[3] != "" {
			t.Errorf("frame %d: %q, want the MAC %v", i+1, row, of)
		}
	}
}
