package neighbor

import (
	"net/netip"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/ndp"
)

// ndpQuery is a query by Neighbor Discovery.
type ndpQuery struct{ *ndp.Query }

func newNDPQuery(link Link, source, target netip.Addr) ndpQuery {
	return ndpQuery{ndp.NewQuery(ndp.QueryConfig{MAC: link.HardwareAddr, Source: source, Target: target})}
}

// next asks by multicast every time: the answer to a question that one station alone hears has no MAC in it (RFC 4861 4.4).
func (q ndpQuery) next(now time.Time) (request, bool, error) {
	packet, ok := q.Next(now)
	if !ok {
		return request{}, false, nil
	}
	octets, err := packet.Append(nil)
	return request{etherType: ndp.EtherType, to: ndp.GroupMAC(packet.Dst), octets: octets}, true, err
}

func (q ndpQuery) handle(etherType uint16, octets []byte, at stamp.Stamp) (claim, bool) {
	if etherType != ndp.EtherType {
		return claim{}, false
	}
	packet, sum, err := ndp.Parse(octets)
	if err != nil {
		return claim{}, false
	}
	judged := q.HandlePacket(packet, sum, at)
	if judged == ndp.Unrelated {
		return claim{}, false
	}
	c := claim{
		address: packet.Target, peer: packet.Dst, verdict: ndpVerdict(judged), note: judged.String(), octets: octets[:packet.Size()],
		router: packet.Flags.Has(ndp.Router), override: packet.Flags.Has(ndp.Override),
	}
	kind := ndp.TargetMAC
	if packet.Type == ndp.Solicitation {
		c.address, c.peer, kind = packet.Src, packet.Target, ndp.SourceMAC
	}
	c.mac, _ = packet.MAC(kind)
	return c, true
}

func (q ndpQuery) mac() ([6]byte, bool) { return q.MAC() }

func (q ndpQuery) answers() [][6]byte { return q.Answers() }

func (q ndpQuery) told() (router, override bool) {
	return q.Flags().Has(ndp.Router), q.Flags().Has(ndp.Override)
}

// ndpVerdict returns a verdict of NDP without what is NDP's own. That the owner of an address answers after a proxy does not make
// the proxy's answer a conflict: it is the answer from then on.
func ndpVerdict(v ndp.Verdict) Verdict {
	switch v {
	case ndp.Accepted:
		return Accepted
	case ndp.Repeated:
		return Repeated
	case ndp.Stronger:
		return Stronger
	case ndp.Conflict:
		return Conflict
	case ndp.Moved:
		return Moved
	case ndp.AddressConflict:
		return AddressConflict
	}
	return Ignored
}
