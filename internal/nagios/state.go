package nagios

import "slices"

// State is a state of the Monitoring Plugins guidelines, "Plugin Return Codes". It is the exit code of check.
type State int

// The states, with their exit codes.
const (
	OK       State = 0
	Warning  State = 1
	Critical State = 2
	Unknown  State = 3
)

var stateNames = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// String returns the state as it stands in the line: "OK".
func (s State) String() string { return stateNames[s] }

// graver returns the graver of two states. What is known to be critical is graver than what is not known.
func graver(a, b State) State {
	order := []State{OK, Warning, Unknown, Critical}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}
