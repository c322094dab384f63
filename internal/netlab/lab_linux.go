package netlab

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Lab is a set of hosts and the links between them. Its methods, and those of its hosts, may be called from several
// goroutines at once.
type Lab struct {
	mu        sync.Mutex
	closed    bool
	hosts     []*Host
	processes map[*Cmd]struct{} // started and not yet waited for
}

// New returns a network without hosts. It makes a network namespace to see whether it may: where that is not allowed,
// errors.Is(err, os.ErrPermission) holds.
func New() (*Lab, error) {
	result := make(chan error)
	onThread(func() { result <- os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET)) })
	if err := opError("namespace", "", <-result); err != nil {
		return nil, err
	}
	return &Lab{processes: make(map[*Cmd]struct{})}, nil
}

// Host adds a host: a new network namespace with its loopback interface up and IPv6 disabled, so that no packet flies but
// those asked for. The name is for people: it appears in errors and in the names of captures.
func (l *Lab) Host(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, opError("namespace", name, os.ErrClosed)
	}
	h := &Host{lab: l, name: name, calls: make(chan func())}
	if err := h.open(); err != nil {
		close(h.calls)
		return nil, err
	}
	l.hosts = append(l.hosts, h)
	return h, nil
}

// Close kills the processes that Cmd.Start started and waits for them, then gives up the namespaces. The kernel takes a
// namespace down, with its interfaces, once the last socket born in it is closed too.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true

	var errs []error
	for c := range l.processes {
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, fmt.Errorf("%s: %w", c.Path, err))
		}
	}
	for c := range l.processes {
		c.wait() // says "signal: killed", as it should
	}
	for _, h := range l.hosts {
		errs = append(errs, h.close())
	}
	return errors.Join(errs...)
}
