package probe

import (
	"time"

	"tcpprobe/internal/stamp"
)

// Rehearse returns the event of a flow's first SYN as it would be sent at that time, and sends nothing.
func Rehearse(f *Flow, now time.Time) (Event, error) {
	r := *f
	r.Result, r.Record = &Result{}, true
	rehearsed := &flow{Flow: &r, h: *NewHandshake(f.Handshake)}
	syn, _ := rehearsed.h.Next(now)
	datagram, err := new(Engine).datagram(rehearsed, syn)
	if err != nil {
		return Event{}, err
	}
	rehearsed.noteSent(rehearsed.h.Sent(stamp.Stamp{User: now}), datagram, now)
	return r.Result.Events[0], nil
}
