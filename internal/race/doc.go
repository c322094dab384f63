// Package race judges what became of SYNs to all addresses of a name that began as RFC 8305 (Happy Eyeballs) would begin
// them, and of which none was cancelled: which family wins, and what clients lose by the other.
package race
