package spectator

import (
	"slices"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// events returns the packets that were kept of an attempt as the events of a probe of the client, and their numbers.
func (s *Spectator) events(a *attempt) (events []probe.Event, numbers []int) {
	if !s.config.Keep || !a.detailed {
		return nil, nil
	}
	packets := slices.Clone(s.details[a.number].kept)
	slices.SortStableFunc(packets, func(a, b kept) int { return int(min(max(a.at-b.at, -1), 1)) })
	var repeated [2]int
	var last [2]stamp.Stamp
	for _, k := range packets {
		e := probe.Event{Kind: probe.EventSegmentReceived, At: stamped(k.at), Octets: k.octets, ICMP: k.message}
		switch {
		case k.message != nil:
			e.Kind = probe.EventICMPReceived
		default:
			segment, ok := segmentOf(k.octets)
			if !ok {
				continue
			}
			if k.from == client {
				e.Kind = probe.EventSegmentSent
			}
			segment.Verdict = k.verdict
			if segment.Header.Flags.Has(tcphdr.SYN) && k.from == client {
				if segment.Again = repeated[client]; segment.Again > 0 {
					segment.After, _ = stamp.Between(last[client], e.At)
				}
				segment.Tries = int(a.synSent) - 1
				repeated[client]++
				last[client] = e.At
			}
			if k.verdict == probe.VerdictOpened && k.from == server || k.verdict == probe.VerdictRefused {
				segment.Answers = int(a.answeredBy)
			}
			e.Segment = segment
		}
		events, numbers = append(events, e), append(numbers, k.number)
	}
	return events, numbers
}

// segmentOf reads a segment back.
func segmentOf(octets []byte) (*probe.Segment, bool) {
	var ip rawip.Datagram
	if ip.Parse(octets) != nil && ip.ParseQuoted(octets) != nil {
		return nil, false
	}
	h, data, err := tcphdr.Parse(ip.Payload)
	if err != nil {
		return nil, false
	}
	sum := tcphdr.Verify(ip.Payload, ip.Src, ip.FinalDst)
	if sum == checksum.Invalid {
		sum = checksum.Unknown // the packet was perhaps cut, or its card was to compute it
	}
	return &probe.Segment{
		Header: h, Length: len(data), TTL: ip.HopLimit, TOS: ip.TrafficClass, ID: ip.ID, FlowLabel: ip.FlowLabel, Size: len(octets),
		Checksum: sum,
	}, true
}
