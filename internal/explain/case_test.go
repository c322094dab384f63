package explain_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// cases are the handshakes that the golden files explain.
var cases = []struct {
	name string
	make func() *probe.Result
}{
	{"established_fin", func() *probe.Result {
		tr := arrived(80)
		tr.syn(2.301)
		tr.accepted(13.874, probe.StateFINWait1)
		tr.completed(13.902, probe.StateFINWait1)
		tr.finished(13.931)
		return tr.Result
	}},
	{"established_rst", func() *probe.Result {
		tr := literal(80)
		tr.TCP.Close = probe.CloseRST
		tr.syn(0.010)
		tr.accepted(11.583, probe.StateClosed)
		tr.completed(11.611, probe.StateClosed)
		tr.out(11.640, tcphdr.RST, iss+1, 0, nil, probe.StateClosed)
		return tr.Result
	}},
	{"established_half", func() *probe.Result {
		tr := literal(80)
		tr.TCP.Close = probe.CloseHalf
		tr.syn(0.010)
		tr.accepted(11.583, probe.StateClosed)
		tr.out(11.611, tcphdr.RST, iss+1, 0, nil, probe.StateClosed)
		return tr.Result
	}},
	{"established_none", func() *probe.Result {
		tr := literal(80)
		tr.TCP.Close = probe.CloseNone
		tr.syn(0.010)
		tr.accepted(11.583, probe.StateEstablished)
		tr.completed(11.611, probe.StateEstablished)
		return tr.Result
	}},
	{"established_peer_speaks", func() *probe.Result {
		tr := literal(22)
		tr.syn(0.010)
		tr.accepted(11.583, probe.StateFINWait1)
		tr.completed(11.611, probe.StateFINWait1)
		tr.out(11.640, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1013, 881234), probe.StateFINWait1)
		tr.in(11.8, tcphdr.SYN|tcphdr.ACK, irs, iss+1, linuxOptions(1400, 881235, 1002), probe.VerdictDuplicate, probe.StateFINWait1, "")
		tr.out(11.9, tcphdr.ACK, iss+2, irs+1, laterOptions(1013, 881235), probe.StateFINWait1)
		tr.in(23.1, tcphdr.PSH|tcphdr.ACK, irs+1, iss+1, laterOptions(881245, 1013), probe.VerdictData, probe.StateFINWait1, "SSH-2.0-\x1b[31m\xff\r\n")
		tr.out(23.2, tcphdr.ACK, iss+2, irs+17, laterOptions(1024, 881245), probe.StateFINWait1)
		tr.in(23.3, tcphdr.ACK, irs+17, iss+2, laterOptions(881246, 1013), probe.VerdictAcknowledged, probe.StateFINWait2, "")
		tr.in(24, tcphdr.ACK, irs+99999, iss+2, nil, probe.VerdictOutOfWindow, probe.StateFINWait2, "")
		tr.out(24.1, tcphdr.ACK, iss+2, irs+17, laterOptions(1025, 881246), probe.StateFINWait2)
		tr.in(25, tcphdr.SYN, irs+5, 0, nil, probe.VerdictChallenged, probe.StateFINWait2, "")
		tr.in(26, tcphdr.RST|tcphdr.ACK, irs+17, iss+2, nil, probe.VerdictReset, probe.StateClosed, "")
		tr.in(27, tcphdr.ACK, irs+17, iss+2, nil, probe.VerdictLate, probe.StateClosed, "")
		return tr.Result
	}},
	{"established_fin_again", func() *probe.Result {
		tr := literal(80)
		tr.syn(0.010)
		tr.accepted(11.583, probe.StateFINWait1)
		tr.completed(11.611, probe.StateFINWait1)
		tr.out(11.640, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1013, 881234), probe.StateFINWait1)
		tr.out(1011.7, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(2013, 881234), probe.StateFINWait1)
		tr.out(1512.1, tcphdr.RST, iss+2, 0, nil, probe.StateClosed)
		return tr.Result
	}},
	{"established_simultaneous_open", func() *probe.Result {
		tr := literal(80)
		tr.syn(0.010)
		tr.in(7, tcphdr.SYN, irs, 0, linuxOptions(1460, 881234, 0), probe.VerdictCrossed, probe.StateSYNReceived, "")
		tr.out(7.05, tcphdr.SYN|tcphdr.ACK, iss, irs+1, linuxOptions(1460, 1007, 881234), probe.StateSYNReceived)
		tr.in(14, tcphdr.ACK, irs+1, iss+1, laterOptions(881240, 1007), probe.VerdictOpened, probe.StateFINWait1, "")
		tr.Outcome, tr.TCP.RTT = probe.OutcomeEstablished, 6950*time.Microsecond
		tr.out(14.1, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1014, 881240), probe.StateFINWait1)
		return tr.Result
	}},
	{"timeout_crossing_undone", func() *probe.Result {
		tr := literal(80)
		tr.syn(0.010)
		tr.in(7, tcphdr.SYN, irs, 0, linuxOptions(1460, 881234, 0), probe.VerdictCrossed, probe.StateSYNReceived, "")
		tr.out(7.05, tcphdr.SYN|tcphdr.ACK, iss, irs+1, linuxOptions(1460, 1007, 881234), probe.StateSYNReceived)
		tr.in(14, tcphdr.RST, irs+1, 0, nil, probe.VerdictRSTUnproven, probe.StateSYNSent, "")
		tr.Outcome, tr.TCP.State = probe.OutcomeTimeout, probe.StateClosed
		tr.add(probe.Event{Kind: probe.EventTCPSilence, At: at(3000)})
		return tr.Result
	}},
	{"established_after_noise", func() *probe.Result {
		tr := literal(80)
		tr.syn(0.010)
		tr.in(1, tcphdr.ACK, 77, 78, nil, probe.VerdictACKUnacceptable, probe.StateSYNSent, "")
		tr.out(1.1, tcphdr.RST, 78, 0, nil, probe.StateSYNSent)
		tr.in(2, tcphdr.RST, 99, 0, nil, probe.VerdictRSTUnproven, probe.StateSYNSent, "")
		tr.in(3, tcphdr.RST|tcphdr.ACK, 99, iss+1, laterOptions(5, 6), probe.VerdictTimestampUnproven, probe.StateSYNSent, "")
		tr.in(4, tcphdr.FIN|tcphdr.URG|tcphdr.ECE|tcphdr.CWR|tcphdr.AE, 99, 0, nil, probe.VerdictDropped, probe.StateSYNSent, "")
		e := tr.in(5, tcphdr.SYN|tcphdr.ACK, irs, iss+1, tcphdr.Options{
			8, 4, 1, 2, // timestamps of the wrong length
			253, 6, 0xf9, 0x89, 0x1b, 0x5d,
			5, 10, 0, 0, 0, 1, 0, 0, 0, 9,
			3, 3, 15, 99, 2, 2, 4, 9, 9, // window scale, an unknown kind, and MSS
			0, 0, 0,
		}, probe.VerdictOpened, probe.StateEstablished, "")
		e.Octets[20+20+29] = 200 // an option that is longer than what is left
		tr.completed(5.1, probe.StateEstablished)
		tr.Outcome, tr.TCP.RTT = probe.OutcomeEstablished, 4990*time.Microsecond
		return tr.Result
	}},
	{"refused", func() *probe.Result {
		tr := arrived(81)
		tr.syn(2.301)
		tr.in(13.702, tcphdr.RST|tcphdr.ACK, 0, iss+1, nil, probe.VerdictRefused, probe.StateClosed, "")
		tr.Outcome, tr.TCP.RTT = probe.OutcomeRefused, 11401*time.Microsecond
		return tr.Result
	}},
	{"established_ipv6", established6},
	{"refused_ipv6", refused6},
	{"unreachable_ipv6", unreachable6},
	{"unreachable_prohibited", func() *probe.Result {
		tr := arrived(443)
		tr.syn(2.301)
		tr.rejected(8.120, router, [4]byte{}, icmp.DestinationUnreachable, icmp.AdministrativelyProhibited, 28)
		return tr.Result
	}},
	{"unreachable_fragmentation", func() *probe.Result {
		tr := literal(443)
		tr.syn(0.010)
		tr.rejected(8.120, router, [4]byte{0, 0, 5, 0x78}, icmp.DestinationUnreachable, icmp.FragmentationNeeded, 60)
		return tr.Result
	}},
	{"unreachable_hops_mpls", func() *probe.Result {
		tr := literal(443)
		tr.ttl = 3
		tr.syn(0.010)
		after := make([]byte, 128-60, 128-60+12) // the quote is filled up to 128 octets
		after = append(after, 0x20, 0, 0x9e, 0x4d, 0, 8, 1, 1, 0x06, 0x40, 0x11, 1)
		tr.rejected(8.120, router, [4]byte{0, 32, 0, 0}, icmp.TimeExceeded, icmp.TimeToLiveExceeded, 60, after...)
		return tr.Result
	}},
	{"timeout", func() *probe.Result {
		tr := arrived(8443)
		tr.syn(2.301)
		tr.syn(1002.644)
		tr.add(probe.Event{Kind: probe.EventTCPSilence, At: at(3000.093)})
		tr.Outcome, tr.TCP.State = probe.OutcomeTimeout, probe.StateClosed
		return tr.Result
	}},
	{"dns_no_name", func() *probe.Result {
		tr := newExchange(80)
		tr.asked(0)
		b := dnsBuilder(dnsmessage.Header{ID: 18975, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError})
		b.StartAuthorities()
		zone := dnsmessage.MustNewName("com.")
		b.SOAResource(dnsmessage.ResourceHeader{Name: zone, Class: dnsmessage.ClassINET, TTL: 900}, dnsmessage.SOAResource{
			NS: dnsmessage.MustNewName("a.gtld-servers.net."), MBox: dnsmessage.MustNewName("nstld.verisign-grs.com."),
			Serial: 1700000000, Refresh: 1800, Retry: 901, Expire: 604800, MinTTL: 86400,
		})
		tr.message(probe.EventDNSAnswer, 2.104, withOPT(b)).DNS.RCode = "NXDOMAIN"
		tr.Outcome, tr.Err = probe.OutcomeDNSError, errors.New("example.com does not exist")
		return tr.Result
	}},
	{"dns_ignored_then_silence", func() *probe.Result {
		tr := newExchange(80)
		tr.asked(0)
		forged := tr.message(probe.EventDNSAnswer, 3, withOPT(dnsBuilder(dnsmessage.Header{ID: 666, Response: true})))
		forged.DNS.Note = "wrong ID"
		tr.message(probe.EventDNSSilence, 5000.1, nil).DNS.Note = "no answer in time"
		again := tr.asked(5000.2)
		again.DNS.Attempt, again.DNS.Transport = 2, "tcp"
		tr.Outcome, tr.Err = probe.OutcomeDNSError, errors.New("no answer from 203.0.113.53")
		return tr.Result
	}},
	{"dns_search_list_damaged", func() *probe.Result {
		tr := newExchange(80)
		tr.asked(0).DNS.Searched = true
		failed := tr.message(probe.EventDNSSilence, 1.2, nil).DNS
		failed.Failed, failed.Note = true, "host unreachable (ICMP 3/1), says 198.51.100.1"
		tr.asked(1.3).DNS.Searched = true
		tr.resolved(2.4)
		m := tr.Events[len(tr.Events)-1].DNS
		m.Damaged, m.Omitted = true, 2976
		for i := range 20 {
			m.Addresses = append(m.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		}
		tr.Outcome = probe.OutcomeInterrupted
		return tr.Result
	}},
	{"arp_timeout", func() *probe.Result {
		tr := newExchange(80)
		tr.routed(0.010)
		tr.arpAsked(0.030, 1)
		tr.arpAnswered(0.5).Neighbor.Note = "a reply to another station"
		tr.arpAsked(1000.040, 2)
		tr.add(probe.Event{Kind: probe.EventNeighborSilence, At: at(2000.050), Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway}})
		tr.Outcome = probe.OutcomeARPTimeout
		return tr.Result
	}},
	{"this_host", func() *probe.Result {
		tr := newExchange(80)
		tr.routed(0.010)
		tr.Route.NextHop, tr.Route.OnLink = local, true
		tr.Outcome = probe.OutcomeInterrupted
		return tr.Result
	}},
	{"on_link", func() *probe.Result {
		tr := newExchange(80)
		tr.routed(0.010)
		tr.Route.NextHop, tr.Route.OnLink = remote, true
		tr.Outcome = probe.OutcomeInterrupted
		return tr.Result
	}},
	{"no_route", func() *probe.Result {
		tr := newExchange(80)
		tr.Outcome, tr.Err = probe.OutcomeNoRoute, errors.New("no route")
		return tr.Result
	}},
	{"local_error", func() *probe.Result {
		tr := literal(80)
		tr.Outcome, tr.Err = probe.OutcomeLocalError, errors.New("write eth0: network is down")
		return tr.Result
	}},
	{"interrupted", func() *probe.Result {
		tr := literal(80)
		tr.syn(0.010)
		tr.Outcome = probe.OutcomeInterrupted
		return tr.Result
	}},
	{"partial", func() *probe.Result {
		tr := literal(80)
		tr.syn(0.010)
		tr.accepted(0.1, probe.StateEstablished)
		e := &tr.Events[1]
		pseudo := checksum.Fold(checksum.PseudoHeader(remote, local, rawip.ProtocolTCP, 40))
		binary.BigEndian.PutUint16(e.Octets[36:], pseudo)
		e.Segment.Checksum = checksum.Partial
		return tr.Result
	}},
	{"hostile", func() *probe.Result {
		tr := newExchange(80)
		tr.Host = hostile
		e := tr.asked(0)
		e.DNS.Name, e.DNS.Note = hostile, hostile
		e = tr.message(probe.EventDNSAnswer, 1, []byte("\x00\x01\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06\x1b]0;\x07\xff\x00\x00\x01\x00\x01"))
		e.DNS.RCode, e.DNS.CNAME, e.DNS.Note = hostile, []string{hostile}, hostile
		tr.routed(2)
		tr.Route.Interface = hostile
		tr.Outcome, tr.Err = probe.OutcomeLocalError, errors.New(hostile)
		return tr.Result
	}},
}

// hostile has something of everything that must not reach a terminal, and no place to break a line.
const hostile = "\x1b]0;owned\x07\x9b31m\u202egnp\x00\r\"'\\\u0085\U000e0001" +
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// byName makes the result of a case.
func byName(name string) *probe.Result {
	for _, c := range cases {
		if c.name == name {
			return c.make()
		}
	}
	return nil
}
