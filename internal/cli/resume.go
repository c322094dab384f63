//go:build linux

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/openfile"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
)

// resumption is the file of --resume: in it stands how far a run has come that was broken off, and nothing if there is none to go on with.
type resumption struct {
	name  string
	file  *os.File
	state target.State
	goes  bool // on where another run was broken off
}

// longestState is how long the file may be, in octets: it names each handshake that was under way.
const longestState = 1 << 22

// readResumption reads what stands in the file, which may not be there yet. Without the flag it returns nil.
func (o *options) readResumption() (*resumption, error) {
	name := o.resume
	if name == "" {
		return nil, nil
	}
	r := &resumption{name: name}
	content, err := readRegular(name, longestState)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return r, nil
	case err != nil:
		return nil, exit.With(exit.Usage, fmt.Errorf("--resume: %w", err))
	case len(content) == 0:
		return r, nil
	}
	if r.state, err = target.ParseState(content); err != nil {
		return nil, exit.UsageError("--resume %s: %w", text.Printable(name), err)
	}
	r.goes = true
	return r, nil
}

// readRegular reads a regular file of so many octets at the most.
func readRegular(name string, most int64) ([]byte, error) {
	file, err := openfile.Regular(name)
	if _, other := errors.AsType[*openfile.NotRegularError](err); other {
		return nil, &openfile.NotRegularError{Name: text.Printable(name)}
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, most))
}

// open opens the file to write to, as long as the process may open files, and has targets go on where they were broken off.
func (r *resumption) open(targets *target.List, said io.Writer) (err error) {
	if r == nil {
		return nil
	}
	if r.goes {
		err = targets.Resume(r.state)
	}
	if err != nil {
		return exit.UsageError("--resume %s: %w", text.Printable(r.name), err)
	}
	if r.file, err = os.OpenFile(r.name, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return exit.With(exit.Output, fmt.Errorf("--resume: %w", err))
	}
	targets.Track()
	if !r.goes {
		return nil
	}
	fmt.Fprintf(said, "tcpprobe: the run of %s goes on: %s\n", text.Printable(r.name), leftOf(targets.Len()))
	return nil
}

// close writes how far the run has come, and says so, or leaves the file empty if nothing is left.
func (r *resumption) close(targets *target.List, said io.Writer) error {
	if r == nil {
		return nil
	}
	state, left := targets.State()
	var content []byte
	if left > 0 {
		content, _ = json.Marshal(state) // numbers and strings
		content = append(content, '\n')
	}
	_, err := r.file.WriteAt(content, 0)
	if err = errors.Join(err, r.file.Truncate(int64(len(content))), r.file.Close()); err != nil {
		return exit.With(exit.Output, fmt.Errorf("--resume: %w", err))
	}
	if left > 0 {
		fmt.Fprintf(said, "tcpprobe: %s; --resume %s goes on\n", leftOf(left), text.Printable(r.name))
	}
	return nil
}

// leftOf returns in words how many targets are left.
func leftOf(n int) string {
	if n == 1 {
		return "1 target is left"
	}
	return fmt.Sprintf("%d targets are left", n)
}

// seed returns the seed of the order of targets: the given one, that of the run to go on with, or another for each run.
func (r *resumption) seed(given *uint64) uint64 {
	switch {
	case given != nil:
		return *given
	case r != nil && r.goes:
		return r.state.Seed
	}
	return rand.Uint64()
}
