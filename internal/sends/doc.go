// Package sends compares what becomes of a SYN that is sent in frames, by the kernel's IP, and by connect(2), and finds out where
// on this host the three part.
package sends
