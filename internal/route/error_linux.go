package route

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Error says why the datagrams of a flow cannot leave.
type Error struct {
	Flow   Flow
	Reason string // a clause for a person, with the addresses and names it is about
	// Err is a unix.Errno: ENETUNREACH for no route, or for a destination that TCP has no use for; EHOSTUNREACH,
	// EACCES and EINVAL for a route of type unreachable, prohibit and blackhole; EADDRNOTAVAIL for a source
	// address that is not this host's, or that it has none; ENODEV for an interface that does not exist, ENETDOWN
	// for one that is down; EAFNOSUPPORT for addresses of different families; EINVAL for a link-local destination without an
	// interface.
	Err error
}

// Error returns the reason.
func (e *Error) Error() string { return e.Reason }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// fail is an Error of the flow.
func (f Flow) fail(err error, format string, args ...any) *Error {
	return &Error{Flow: f, Reason: fmt.Sprintf(format, args...), Err: err}
}

// refused is the Error for what the kernel answered instead of a route.
func (f Flow) refused(errno unix.Errno) *Error {
	switch errno {
	case unix.ENETUNREACH:
		if f.Interface != "" {
			return f.fail(errno, "no route to %v through %s", f.Dst, f.Interface)
		}
		return f.fail(errno, "no route to %v", f.Dst)
	case unix.EHOSTUNREACH:
		return f.fail(errno, "the route to %v is of type unreachable", f.Dst)
	case unix.EACCES:
		return f.fail(errno, "the route to %v is of type prohibit", f.Dst)
	case unix.EINVAL:
		return f.fail(errno, "the route to %v is of type blackhole", f.Dst)
	}
	return f.fail(errno, "no route to %v: %v", f.Dst, errno)
}
