// Package exit turns outcomes into the exit status of the process: which code each has, what is required of many, and what is
// asserted of their statistics.
package exit
