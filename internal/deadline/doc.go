// Package deadline keeps what is to be done at a time in the order of those times.
package deadline
