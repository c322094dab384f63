package openfile

import "context"

// Await returns what f does, or the cause of the context's end if that comes first: opening and reading may take for ever, as they do
// with a pipe that nobody writes to, and cannot be interrupted. f goes on then, for nobody.
func Await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := f()
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}
