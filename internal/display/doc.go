// Package display shows who wants to see it what becomes of the targets of a run, and writes all that leaves the program
// through one queue.
package display
