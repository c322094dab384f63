package stamp

import "time"

// Source says which clock a duration was measured on.
type Source uint8

const (
	User   Source = iota // the process's monotonic clock
	Kernel               // the kernel's stamps, taken as the packet passed the interface
)

// String returns "user" or "kernel".
func (s Source) String() string {
	if s == Kernel {
		return "kernel"
	}
	return "user"
}

// Stamp is the time of one packet.
type Stamp struct {
	// User is when this process handed the packet to the kernel, or read it from there.
	User time.Time
	// Kernel is the kernel's stamp of the same packet, carried over to the monotonic time line of User. It is the
	// zero Time where there was no stamp, or none to be trusted.
	Kernel time.Time
}

// Source says which of the two times Time returns.
func (s Stamp) Source() Source {
	if s.Kernel.IsZero() {
		return User
	}
	return Kernel
}

// Time returns the kernel's time if there is one, and the process's otherwise.
func (s Stamp) Time() time.Time {
	if s.Kernel.IsZero() {
		return s.User
	}
	return s.Kernel
}

// IsZero reports whether nothing was noted at all.
func (s Stamp) IsZero() bool { return s.User.IsZero() && s.Kernel.IsZero() }

// Between returns the time from a to b: of the kernel's clock where both have its stamp, of the process's clock
// otherwise. It is never negative: stamps of the kernel in the wrong order are not believed.
func Between(a, b Stamp) (time.Duration, Source) {
	if a.Source() == Kernel && b.Source() == Kernel {
		if d := b.Kernel.Sub(a.Kernel); d >= 0 {
			return d, Kernel
		}
	}
	return max(b.User.Sub(a.User), 0), User
}
