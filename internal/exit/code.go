package exit

import (
	"errors"
	"fmt"

	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// The exit codes. Those up to 6 say how handshakes ended, and those from 64 to 78 are of sysexits.h.
const (
	Established   = 0
	Refused       = 1
	Timeout       = 2
	Unreachable   = 3
	DNS           = 4
	NoNextHop     = 5 // no route, or no answer from the next hop
	Mixed         = 6 // handshakes ended in different ways, or an assertion failed
	Usage         = 64
	NoCapture     = 65 // what is to be read is no capture
	Unreadable    = 66 // it cannot be read
	Software      = 70
	System        = 71
	Output        = 74
	NotPermitted  = 77
	Configuration = 78
	Interrupted   = 130
)

// Error ends the process with a code.
type Error struct {
	Code int
	Err  error // the line for stderr; nil if everything was said
}

// Error returns the line for stderr.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// With returns an error that ends the process with a code and a line about the cause.
func With(code int, err error) error { return &Error{Code: code, Err: err} }

// UsageError returns an error for a command line that cannot be understood.
func UsageError(format string, a ...any) error {
	return With(Usage, fmt.Errorf(format, a...))
}

// CodeOf returns the exit code for one result.
func CodeOf(r *probe.Result) int {
	switch r.Outcome {
	case probe.OutcomeEstablished:
		return Established
	case probe.OutcomeRefused:
		return Refused
	case probe.OutcomeUnreachable:
		return Unreachable
	case probe.OutcomeTimeout:
		return Timeout
	case probe.OutcomeDNSError:
		if e, ok := errors.AsType[*resolver.Error](r.Err); ok && e.Kind == resolver.BadConfig {
			return Configuration
		}
		return DNS
	case probe.OutcomeNoRoute, probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout:
		return NoNextHop
	case probe.OutcomeLocalError:
		return System
	case probe.OutcomeInterrupted:
		return Interrupted
	case probe.OutcomeHalfOpen, probe.OutcomeUnknown:
		return Mixed
	}
	return Software
}
