// Package report renders results: as a ladder of packets with a verdict for one handshake, as lines and statistics for
// many, and as JSON for programs.
//
// A renderer is a pure function of results and a Style. It reads no clock and no terminal, writes whole lines, and
// returns the errors of the writer. Text is at most 80 columns wide, whatever the values, and holds nothing of what was
// received or typed that is not printable.
package report
