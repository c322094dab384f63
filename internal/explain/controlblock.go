package explain

import (
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// variables are those of the control block that are shown.
type variables struct{ una, nxt, rcv string }

// controlBlock adds our socket as netstat prints it, and what has changed of its variables.
func (l *Lesson) controlBlock(r *probe.Result) {
	c := &l.talk
	local, remote := c.local, c.remote
	if !local.IsValid() {
		tcp := orZero(r.TCP)
		if local, remote = tcp.Local, tcp.Remote; !local.IsValid() {
			return
		}
	}
	l.page.Line("")
	if !c.shownBlock {
		c.shownBlock = true
		l.page.Line("Our socket, as netstat prints it: protocol, Recv-Q, Send-Q, addresses, state")
	}
	const source = "9293 3.3.2"
	line := fmt.Sprintf("tcp  0  0  %v  %v  %v", local, remote, c.state)
	if text.Columns(line)+2+len(source) > text.Width { // as IPv6 addresses may be
		l.page.Line(fmt.Sprintf("tcp  0  0  %v", local))
		line = fmt.Sprintf("           %v  %v", remote, c.state)
	}
	l.page.Line(l.page.sourced(line, source))
	if c.state == probe.StateClosed {
		l.page.Line("     there is no control block")
		c.shownVariables = false
		return
	}
	now := variables{una: "unknown", nxt: "unknown", rcv: "unknown"}
	if c.begun {
		now.una, now.nxt = fmt.Sprint(c.una), fmt.Sprint(c.nxt)
	}
	if c.heard {
		now.rcv = fmt.Sprint(c.rcv)
	}
	var changed []string
	for _, v := range []struct{ name, was, is string }{
		{"SND.UNA", c.shown.una, now.una}, {"SND.NXT", c.shown.nxt, now.nxt}, {"RCV.NXT", c.shown.rcv, now.rcv},
	} {
		if v.is != v.was || !c.shownVariables {
			changed = append(changed, v.name+" "+v.is)
		}
	}
	c.shown, c.shownVariables = now, true
	if changed != nil {
		l.page.Line(l.page.sourced("     "+strings.Join(changed, "  "), "9293 3.3.1"))
	}
}
