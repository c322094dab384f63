package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// maxConfigFile and maxHostsFile are the most octets that are read of each file.
	maxConfigFile = 1 << 20
	maxHostsFile  = 64 << 20

	// maxReadTime is how long a lookup waits for a file, which may be on a server that is gone, or be a FIFO.
	maxReadTime = 5 * time.Second
)

// Files holds what the hosts file and resolv.conf say. A file is read when it is needed, and again only if it has
// changed since. All Resolvers of a run share one, from any number of goroutines.
type Files struct {
	hosts  file[Hosts]
	config file[Config]
}

// NewFiles returns the contents of resolv.conf and of the hosts file at these paths; "" is the usual one, in /etc.
// Nothing is read yet.
func NewFiles(configPath, hostsPath string) *Files {
	if configPath == "" {
		configPath = "/etc/resolv.conf"
	}
	if hostsPath == "" {
		hostsPath = "/etc/hosts"
	}
	return &Files{
		hosts:  file[Hosts]{path: hostsPath, limit: maxHostsFile, parse: ParseHosts},
		config: file[Config]{path: configPath, limit: maxConfigFile, parse: ParseConfig},
	}
}

// readHosts returns the hosts file. One that is not there or cannot be read has no names, as for the C library, but one
// that hangs is an error: what it would have said is not known.
func (f *Files) readHosts(ctx context.Context) (Hosts, error) {
	hosts, err := f.hosts.get(ctx)
	if err != nil && ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return Hosts{}, nil
	}
	return hosts, err
}

// readConfig returns resolv.conf. That there is none is no error: the server is that of this host then.
func (f *Files) readConfig(ctx context.Context) (Config, error) {
	c, err := f.config.get(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c, err = ParseConfig(nil), nil
		c.Fallback = f.config.path + " does not exist"
		if to, linkErr := os.Readlink(f.config.path); linkErr == nil {
			c.Fallback = fmt.Sprintf("%s is a link to %s, which does not exist", f.config.path, Escape(to))
		}
	case c.Fallback != "":
		c.Fallback = f.config.path + " " + c.Fallback
	}
	return c, err
}

// file is a file and the value that its contents mean.
type file[T any] struct {
	path  string
	limit int64 // octets
	parse func([]byte) T

	mu      sync.Mutex
	current *reading[T] // under way, or nil
	version fs.FileInfo // of what was read last; nil if nothing was. Of the goroutine that reads.
	value   T           // of that version
}

// reading is one look at a file, which any number of lookups wait for.
type reading[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get returns the value of the file as it is now, or an *fs.PathError. It waits no longer than the context lasts, and
// at most maxReadTime: the system calls cannot be interrupted, so they have a goroutine to block.
func (f *file[T]) get(ctx context.Context) (T, error) {
	f.mu.Lock()
	r := f.current
	if r == nil {
		r = &reading[T]{done: make(chan struct{})}
		f.current = r
		go f.look(r)
	}
	f.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, maxReadTime, os.ErrDeadlineExceeded)
	defer cancel()
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, &fs.PathError{Op: "read", Path: f.path, Err: context.Cause(ctx)}
	}
}

// look reads the file if it has changed, and ends the reading.
func (f *file[T]) look(r *reading[T]) {
	info, err := os.Stat(f.path)
	switch {
	case err != nil:
		r.err = err
	case f.version == nil || !sameVersion(info, f.version):
		version, value, err := f.read()
		if errors.Is(err, fs.ErrPermission) && f.version != nil {
			break // another file is in its place, which this process may not read: what the one before said holds
		}
		f.version, f.value, r.err = version, value, err
	}
	if r.err == nil {
		r.value = f.value
	}
	f.mu.Lock()
	f.current = nil
	f.mu.Unlock()
	close(r.done)
}

// read returns the value of the file and the version that was read. The version is asked for first, so that a change
// during the reading leads to another.
func (f *file[T]) read() (version fs.FileInfo, value T, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, value, err
	}
	defer file.Close()
	if version, err = file.Stat(); err != nil {
		return nil, value, err
	}
	content, err := io.ReadAll(io.LimitReader(file, f.limit+1))
	if err == nil && int64(len(content)) > f.limit {
		err = &fs.PathError{Op: "read", Path: f.path, Err: syscall.EFBIG}
	}
	if err != nil {
		return nil, value, err
	}
	return version, f.parse(content), nil
}

// sameVersion reports whether a file has not changed: it is the same inode, of the same size, and was modified and
// changed (a rename that restores the time of modification shows in that) at the same times.
func sameVersion(a, b fs.FileInfo) bool {
	x, y := a.Sys().(*syscall.Stat_t), b.Sys().(*syscall.Stat_t)
	return x.Dev == y.Dev && x.Ino == y.Ino && x.Size == y.Size && x.Mtim == y.Mtim && x.Ctim == y.Ctim
}
