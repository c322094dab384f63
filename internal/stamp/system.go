package stamp

import "time"

// System reads the clocks of this host.
func System() Reading {
	now := time.Now()
	return Reading{Wall: now.UnixNano(), Mono: now}
}
