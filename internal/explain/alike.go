package explain

import (
	"bytes"
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Alike explains a handshake that has ended, of several that hardly differ: those of a trace, of flows, of a search for
// the path MTU, of a comparison of SYNs. The first SYN is explained octet by octet, and of the others what is different;
// what came back is always explained. Names, routes and next hops, which they have in common, are for Event.
//
// The error is the writer's.
func (l *Lesson) Alike(r *probe.Result) error {
	if l.page.quiet {
		return nil
	}
	l.alike = true
	defer func() { l.alike = false }()
	l.talk = conversation{}
	for i := range r.Events {
		e := &r.Events[i]
		switch {
		case e.Kind == probe.EventSegmentSent && l.repeated(r, e):
		case e.Kind == probe.EventTCPSilence:
			l.open()
			l.page.headline(r, e, "TCP", text.Silence, "no answer to that SYN")
			l.page.prose("The SYN, or what somebody sent for it, was lost; or those whom it met keep silent.")
		default:
			if err := l.Event(r, e); err != nil {
				return err
			}
		}
	}
	return l.page.Flush()
}

// repeated explains a SYN by what is different from the first. It explains nothing, and reports false, if it is the first or
// looks otherwise.
func (l *Lesson) repeated(r *probe.Result, e *probe.Event) bool {
	s := segmentOf(e)
	if !s.whole || !s.Header.Flags.Has(tcphdr.SYN) || s.Again > 0 {
		return false
	}
	if l.model == nil {
		l.model = bytes.Clone(e.Octets)
		return false
	}
	different, ok := l.differences(l.model, e.Octets)
	if !ok {
		return false
	}
	l.open()
	l.talk.sent(s, e)
	l.page.headline(r, e, "TCP", text.Out, fmt.Sprintf("%v, ttl %d, %s", s.Header.Flags, s.TTL, sizes(e, s)))
	if len(different) == 0 {
		l.page.prose("The same once more, octet by octet.")
		return true
	}
	l.page.prose("Like the first SYN, but for its checksums and: " + strings.Join(different, "; ") + ".")
	return true
}

// differences says what a datagram of ours has that a model has not, field by field, but for checksums. It is not ok if
// the fields are not the same ones.
func (l *Lesson) differences(model, datagram []byte) (different []string, ok bool) {
	was, is := l.fieldsOf(model), l.fieldsOf(datagram)
	if len(is) != len(was) && len(is) != len(was)+1 {
		return nil, false
	}
	for i, r := range is {
		switch {
		case i == len(was), i == len(is)-1 && r.at == was[i].at && len(r.octets) != len(was[i].octets):
			different = append(different, text.Count(len(r.octets), "octet")+" of data to pad it")
		case r.at != was[i].at || len(r.octets) != len(was[i].octets) || r.source != was[i].source:
			return nil, false
		case bytes.Equal(r.octets, was[i].octets), strings.Contains(r.meaning, "Checksum"):
		default:
			different = append(different, r.meaning)
		}
	}
	return different, true
}

// fieldsOf returns the fields of a datagram of ours.
func (l *Lesson) fieldsOf(datagram []byte) []row {
	t := &table{octets: datagram, end: len(datagram), printable: l.page.Printable, scale: -1, ours: true}
	t.datagram(false)
	return t.rows
}
