//go:build linux

package cli

import (
	"net/netip"
	"time"

	"tcpprobe/internal/target"
)

// course is a series of handshakes with one address of a target.
type course struct {
	target.Target
	remote   netip.AddrPort
	show     *presenter
	first    *attempt  // its first handshake, as far as it has come; nil once that has gone on
	started  int       // handshakes
	underWay int       // handshakes that have begun and not ended
	due      time.Time // when the next is to begin
	port     uint16    // from which the last one came
	place    int       // among the courses that wait
}

// agenda is the courses that wait for the time of their next handshake, in a heap, the one that is due first in front.
type agenda []*course

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i, j
}

func (a *agenda) Push(x any) {
	c := x.(*course)
	c.place = len(*a)
	*a = append(*a, c)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	c := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return c
}
