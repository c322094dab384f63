package exit

import "tcpprobe/probe"

// Tally counts the handshakes of a run, of all its targets. Its zero value is empty.
type Tally struct {
	codes      map[int]int // how many results have which exit code
	unfinished int         // handshakes that were to be made, and were not
	failed     int         // assertions that did not hold, and findings that were not to occur
}

// Add counts a result.
func (t *Tally) Add(r *probe.Result) { t.AddCode(CodeOf(r)) }

// AddCode counts a result by its exit code.
func (t *Tally) AddCode(code int) {
	if t.codes == nil {
		t.codes = make(map[int]int)
	}
	t.codes[code]++
}

// AddUnfinished counts handshakes that were to be made and were not. They are as good as not established.
func (t *Tally) AddUnfinished(n int) { t.unfinished += n }

// AddFailure counts an assertion that did not hold, or a finding that was not to occur.
func (t *Tally) AddFailure() { t.failed++ }

// Err returns an *Error with the exit code for all that was counted, and nil for code 0. If the requirement is not met the
// code is that of the outcome, if there was only one. An established handshake is such an outcome where all had to be
// established. A failure is code 6, unless nothing has ended. Handshakes that were broken off count for
// nothing beside others, and unfinished ones as not established, without an outcome of their own.
func (t *Tally) Err(required Requirement) error {
	all := 0
	for code, n := range t.codes {
		if code != Interrupted {
			all += n
		}
	}
	switch {
	case all == 0:
		return &Error{Code: Interrupted}
	case t.failed > 0:
		return &Error{Code: Mixed}
	case required.Met(t.codes[Established], all+t.unfinished):
		return nil
	}
	var codes []int // those that the code is chosen from
	for code := range t.codes {
		if code != Interrupted && (code != Established || required == All) {
			codes = append(codes, code)
		}
	}
	if len(codes) != 1 || codes[0] == Established { // beside which there are unfinished ones
		return &Error{Code: Mixed}
	}
	return &Error{Code: codes[0]}
}
