package neighbor

import (
	"net/netip"
	"time"

	"tcpprobe/arp"
	"tcpprobe/internal/stamp"
)

// arpQuery is a query by ARP.
type arpQuery struct {
	*arp.Query
	source, target netip.Addr
}

func newARPQuery(link Link, source, target netip.Addr) arpQuery {
	q := arp.NewQuery(arp.QueryConfig{SenderHA: link.HardwareAddr, SenderPA: source, TargetPA: target})
	return arpQuery{q, source, target}
}

func (q arpQuery) next(now time.Time) (request, bool, error) {
	packet, ok := q.Next(now)
	if !ok {
		return request{}, false, nil
	}
	octets, err := packet.Append(nil)
	return request{etherType: arp.EtherType, to: arp.Broadcast, octets: octets}, true, err
}

func (q arpQuery) handle(etherType uint16, octets []byte, at stamp.Stamp) (claim, bool) {
	if etherType != arp.EtherType {
		return claim{}, false
	}
	packet, err := arp.Parse(octets)
	if err != nil {
		return claim{}, false
	}
	judged := q.HandlePacket(packet, at)
	if judged == arp.Unrelated {
		return claim{}, false
	}
	return claim{
		address: packet.SenderPA, mac: packet.SenderHA, peer: packet.TargetPA,
		verdict: verdictOf(judged), note: judged.String(), octets: octets[:arp.Size],
	}, true
}

func (q arpQuery) mac() ([6]byte, bool) {
	return q.MAC()
}

func (q arpQuery) answers() [][6]byte {
	var macs [][6]byte
	for _, mac := range q.Answers() {
		macs = append(macs, mac)
	}
	return macs
}

// told returns nothing: ARP says no more than a MAC.
func (q arpQuery) told() (router, override bool) { return false, false }

// verdictOf returns a verdict of ARP without what is ARP's own.
func verdictOf(v arp.Verdict) Verdict {
	switch v {
	case arp.Accepted:
		return Accepted
	case arp.Repeated:
		return Repeated
	case arp.Conflict:
		return Conflict
	case arp.Moved:
		return Moved
	case arp.AddressConflict:
		return AddressConflict
	}
	return Ignored
}
