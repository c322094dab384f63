package probe

import (
	"slices"
	"time"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// noteSent records a segment that was handed to the network.
func (f *flow) noteSent(number int, datagram []byte, now time.Time) {
	if !f.Record {
		return
	}
	var ip rawip.Datagram
	if ip.Parse(datagram) != nil {
		return // we wrote it ourselves
	}
	s, _, err := tcphdr.Parse(ip.Payload)
	if err != nil {
		return
	}
	segment := Segment{
		Header: s, TTL: ip.HopLimit, TOS: ip.TrafficClass, ID: ip.ID, FlowLabel: ip.FlowLabel, Size: len(datagram),
		Checksum: checksum.Valid, State: f.h.State(),
	}
	if s.Flags.Has(tcphdr.SYN) {
		segment.Again, segment.After = f.h.repetition()
		segment.Tries = f.Handshake.Retries
	}
	for len(f.sentAs) <= number {
		f.sentAs = append(f.sentAs, -1)
	}
	f.sentAs[number] = len(f.Result.Events)
	event := f.Result.addEvent(EventSegmentSent, stamp.Stamp{User: now}, datagram)
	event.setSegment(segment)
	f.setFrame(event, Frame{Source: f.Path.MAC, Destination: f.Path.NextHop})
}

// addEvent adds an event, with the memory of one that was in its place before, if there is any.
func (r *Result) addEvent(kind EventKind, at stamp.Stamp, octets []byte) *Event {
	n := len(r.Events)
	if n < cap(r.Events) {
		r.Events = r.Events[:n+1]
	} else {
		r.Events = append(r.Events, Event{})
	}
	e := &r.Events[n]
	*e = Event{Kind: kind, At: at, Octets: append(e.Octets[:0], octets...), Segment: e.Segment, Frame: e.Frame}
	return e
}

// setSegment makes the event one of a segment, whose options are copied.
func (e *Event) setSegment(s Segment) {
	if e.Segment == nil {
		e.Segment = new(Segment)
	}
	s.Header.Options = append(e.Segment.Header.Options[:0], s.Header.Options...)
	*e.Segment = s
}

// setFrame notes the header of the frame that carried an event's datagram, if there was one: not every path is a link, and not every link
// has MACs.
func (f *flow) setFrame(e *Event, header Frame) {
	if !f.Path.Link || f.Path.MAC == [6]byte{} {
		e.Frame = nil
		return
	}
	if e.Frame == nil {
		e.Frame = new(Frame)
	}
	*e.Frame = header
}

// noteStamp records when the kernel saw a sent segment leave.
func (f *flow) noteStamp(number int, kernel time.Time) {
	if i := f.eventOf(number); i >= 0 {
		f.Result.Events[i].At.Kernel = kernel
		f.observe(false)
	}
}

// eventOf returns where among the events the sent segment with that number is; -1 if it is none of them.
func (f *flow) eventOf(number int) int {
	if number < 0 || number >= len(f.sentAs) {
		return -1
	}
	return f.sentAs[number]
}

// noteReceived records a segment that arrived.
func (f *flow) noteReceived(p rawip.Packet, ip *rawip.Datagram, s tcphdr.Header, data int, sum checksum.State, v Verdict) {
	if keep := f.strays.count(v); !keep || !f.Record {
		return
	}
	segment := Segment{
		Header: s, Length: data, TTL: ip.HopLimit, TOS: ip.TrafficClass, ID: ip.ID, FlowLabel: ip.FlowLabel, Size: len(p.Octets),
		Checksum: sum, State: f.h.State(), Verdict: v,
	}
	if v == VerdictOpened || v == VerdictRefused {
		segment.Answers = f.h.answer.syn
	}
	event := f.Result.addEvent(EventSegmentReceived, p.At, p.Octets)
	event.setSegment(segment)
	f.setFrame(event, Frame{Source: p.Source, Destination: f.Path.MAC})
}

// noteICMP records an ICMP error.
func (f *flow) noteICMP(p rawip.Packet, m *ICMP) {
	if !f.Record {
		return
	}
	event := f.Result.addEvent(EventICMPReceived, p.At, p.Octets)
	event.Segment, event.ICMP = nil, m
	f.setFrame(event, Frame{Source: p.Source, Destination: f.Path.MAC})
}

// conclude writes the flow's result.
func (f *flow) conclude(now time.Time) {
	r := f.Result
	r.Outcome, r.Err = f.h.Outcome(), f.h.err
	if r.TCP == nil {
		r.TCP = new(TCP)
	}
	f.h.report(r.TCP)
	r.TCP.Local, r.TCP.Remote = f.Local, f.Remote
	r.TCP.ArrivedIndex = f.arrived
	r.TCP.Strays = f.strays.appendTo(r.TCP.Strays)
	r.TCP.Send = "ip"
	if f.Path.Link {
		r.TCP.Send = "link"
	}
	if f.repathed(r.TCP) {
		f.h.find(FindingRepathed)
	}
	r.Findings = append(r.Findings, f.h.findings...)
	if f.Record && r.Outcome == OutcomeTimeout {
		r.Events = append(r.Events, Event{Kind: EventTCPSilence, At: stamp.Stamp{User: now}})
	}
	f.observe(true)
}

// observe shows the events that have not been shown yet. The kernel's stamp of a segment that was sent comes a moment
// after it: unless something came in since, or this is the end, it is waited for.
func (f *flow) observe(all bool) {
	events := f.Result.Events
	heard := len(events)
	if !all {
		for heard > f.observed && events[heard-1].Kind == EventSegmentSent {
			heard--
		}
	}
	for ; f.observed < len(events); f.observed++ {
		event := &events[f.observed]
		if f.observed >= heard && event.At.Source() == stamp.User {
			return
		}
		event.Step = f.step(f.observed)
		if f.Observe != nil {
			f.Observe(event)
		}
	}
}

// step returns how long the step took that ends with an event: the wait for an answer, our own for the ACK, and the wait
// for the peer's FIN.
func (f *flow) step(i int) time.Duration {
	events := f.Result.Events
	event := &events[i]
	switch {
	case event.Kind == EventICMPReceived:
		return f.h.result().RTT
	case event.Kind == EventSegmentReceived && (event.Segment.Verdict == VerdictOpened || event.Segment.Verdict == VerdictRefused):
		return f.h.result().RTT
	case event.Kind == EventSegmentReceived && event.Segment.Verdict == VerdictFIN:
		for _, sent := range slices.Backward(events[:i]) {
			if sent.Kind == EventSegmentSent && sent.Segment.Header.Flags.Has(tcphdr.FIN) {
				step, _ := stamp.Between(sent.At, event.At)
				return step
			}
		}
	case event.Kind == EventSegmentSent && f.h.ack.sent && f.eventOf(f.h.ack.number) == i:
		return f.h.result().Turnaround
	}
	return 0
}
