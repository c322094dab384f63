package monitor

import (
	"math/bits"
	"slices"

	"tcpprobe/probe"
)

// MostFindings is how many different findings there may be: as many as Findings has bits.
const MostFindings = 64

// Findings is a set of findings: bit i is the i-th of probe.Findings.
type Findings uint64

// FindingsOf returns the set of some findings.
func FindingsOf(all []probe.Finding) (set Findings) {
	if len(all) == 0 {
		return 0
	}
	codes := probe.Findings()
	for _, f := range all {
		if i := slices.Index(codes, f); i >= 0 {
			set |= 1 << i
		}
	}
	return set
}

// List returns the findings of the set, in the order of probe.Findings.
func (s Findings) List() []probe.Finding {
	if s == 0 {
		return nil
	}
	codes := probe.Findings()
	list := make([]probe.Finding, 0, bits.OnesCount64(uint64(s)))
	for ; s != 0; s &= s - 1 {
		list = append(list, codes[bits.TrailingZeros64(uint64(s))])
	}
	return list
}
