package hostpolicy

import "os"

// ReadCounters reads the counters of the network namespace of the calling thread. Tables that a kernel does not have count nothing.
func ReadCounters() Counters {
	c := make(Counters)
	if text, err := os.ReadFile("/proc/thread-self/net/netstat"); err == nil {
		c.addNetstat(string(text))
	}
	if text, err := os.ReadFile("/proc/thread-self/net/xfrm_stat"); err == nil {
		c.addXfrm(string(text))
	}
	return c
}
