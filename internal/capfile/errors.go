package capfile

import (
	"errors"
	"fmt"
	"io"
)

// ErrNotCapture says that a file is no capture that this package knows. It is wrapped with what it is instead, where that is
// known.
var ErrNotCapture = errors.New("no capture")

// TruncatedError says that a file ends in the middle of something.
type TruncatedError struct {
	Offset int64  // octet at which the file ends, as it is without compression
	Start  int64  // octet at which begins what is not whole
	Within string // what that is: "packet 7", "an Interface Description Block"
}

// Error says where the file ends, and within what.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("cut off at octet %d, within %s that begins at octet %d", e.Offset, e.Within, e.Start)
}

// Unwrap returns [io.ErrUnexpectedEOF].
func (e *TruncatedError) Unwrap() error { return io.ErrUnexpectedEOF }

// CorruptError says that a file cannot be read from some octet on.
type CorruptError struct {
	Offset int64  // octet at which begins what cannot be read, as the file is without compression
	Reason string // what is wrong with it
	Err    error  // the cause; nil if it is nothing but what the octets say
}

// Error says where, and what is wrong.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("damaged at octet %d: %s", e.Offset, e.Reason)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }
