package display

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Failing is the findings that fail a run (--fail-on), and where they were found.
type Failing struct {
	on    []probe.Finding
	found map[probe.Finding]occurrence
}

// occurrence is how often a finding was found.
type occurrence struct {
	handshakes int
	target     string // the first
}

// NewFailing returns a Failing that has found nothing yet.
func NewFailing(on []probe.Finding) *Failing {
	return &Failing{on: on, found: make(map[probe.Finding]occurrence)}
}

// Look takes note of the findings of a handshake, and fails the run if that is to.
func (f *Failing) Look(r *probe.Result, tally *exit.Tally) {
	for _, finding := range r.Findings {
		if !slices.Contains(f.on, finding) {
			continue
		}
		o, again := f.found[finding]
		if !again {
			o.target = r.Target
			tally.AddFailure()
		}
		o.handshakes++
		f.found[finding] = o
	}
}

// Tell writes a line for each finding that fails the run.
func (f *Failing) Tell(w io.Writer) {
	for _, finding := range slices.Sorted(maps.Keys(f.found)) {
		o := f.found[finding]
		fmt.Fprintf(w, "tcpprobe: %s: --fail-on %s: in %s\n", text.Printable(o.target), finding, text.Count(o.handshakes, "handshake"))
	}
}

func (f *Failing) clone() *Failing { return &Failing{on: f.on, found: maps.Clone(f.found)} }
