package monitor

import (
	"time"

	"tcpprobe/probe"
)

// Phase is how long one step of a handshake took.
type Phase struct {
	Duration time.Duration
	Known    bool // it came to its end, and its time was measured
}

// Phases are the steps of a handshake, in their order. One that did not happen, or did not come to its end, is not known: a name or
// a next hop that was known from before takes no time.
type Phases struct {
	Resolve  Phase // the name to an address, by the DNS
	Neighbor Phase // the next hop to a MAC, by ARP or NDP
	RTT      Phase // the SYN that was answered to its answer
	ACK      Phase // the SYN-ACK's arrival to our ACK
	Connect  Phase // the first SYN to our ACK: what an application waits
}

// PhasesOf returns the phases of a result.
func PhasesOf(r *probe.Result) (p Phases) {
	if d := r.DNS; d != nil && d.Source == "dns" && d.RCode != "" && !d.Known {
		p.Resolve = Phase{d.Duration, true}
	}
	if h := r.NextHop; h != nil && h.Attempts > 0 && h.MAC != [6]byte{} {
		p.Neighbor = Phase{h.Duration, true}
	}
	t := r.TCP
	if t == nil {
		return p
	}
	if t.Answered && !t.RTTAmbiguous {
		p.RTT = Phase{t.RTT, true}
	}
	if t.Connected {
		p.Connect = Phase{t.Connect, true}
		if !t.ByKernel() {
			p.ACK = Phase{t.Turnaround, true}
		}
	}
	return p
}
