package serve

import (
	"sync/atomic"
	"time"
)

// refusals are why probes are refused, in the order in which a metric has them.
var refusals = [...]string{refusedRequest, refusedModule, refusedNotAllowed, refusedForeign, overUnderWay, overPerSecond, overPerTarget, overTime, overConnections}

// counters are what the exporter tells of itself.
type counters struct {
	probes, failures atomic.Int64
	refused          [len(refusals)]atomic.Int64
	undiscovered     atomic.Int64           // lists of targets that changed nothing
	reload           atomic.Pointer[reload] // the last one
}

// reload is how reading the configuration went.
type reload struct {
	failed  bool
	success time.Time // of the last that did not fail
}

// refuse counts a probe that is refused.
func (c *counters) refuse(reason string) {
	for i, r := range refusals {
		if r == reason {
			c.refused[i].Add(1)
		}
	}
}
