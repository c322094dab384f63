// Package exposition writes metrics as Prometheus reads them: those of one handshake, and those of targets that are watched.
//
// They are written by hand: a registry for each request costs as much as the handshake, and one with all series of ten thousand
// targets costs more than a scrape has time for.
package exposition
