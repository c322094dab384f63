// Package continuous has targets probed for ever, each on a schedule of its own, by one Prober, and their results go into a Store. The
// targets may be others at any time.
package continuous
