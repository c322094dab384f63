package netlab

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A Cmd is a process to be started on a host. It is an exec.Cmd but for the namespace into which the process is born; use it
// the same way. Lab.Close kills the process, and so does the end of the process that started it.
type Cmd struct {
	*exec.Cmd
	host *Host
	wait func() error
}

// Command returns the process that runs the named program with the arguments on this host, and is killed when ctx is done. A
// child that it leaves behind is not ours to find: let a program that forks do its work in the foreground.
func (h *Host) Command(ctx context.Context, name string, args ...string) *Cmd {
	c := &Cmd{Cmd: exec.CommandContext(ctx, name, args...), host: h}
	// Lab.Close waits for the process, but not for ever on a pipe that a child of it holds open.
	c.WaitDelay = 5 * time.Second
	c.wait = sync.OnceValue(func() error { return c.Cmd.Wait() })
	return c
}

// Start starts the process and does not wait for it to end.
func (c *Cmd) Start() error {
	l := c.host.lab
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return opError("start "+c.Path, c.host.name, os.ErrClosed)
	}
	if c.SysProcAttr == nil {
		c.SysProcAttr = new(syscall.SysProcAttr)
	}
	// The signal comes when the thread that forked ends. That is the host's own thread, which stays until Lab.Close.
	c.SysProcAttr.Pdeathsig = syscall.SIGKILL

	result := make(chan error)
	c.host.calls <- func() { result <- c.Cmd.Start() }
	if err := <-result; err != nil {
		return opError("start "+c.Path, c.host.name, err)
	}
	l.processes[c] = struct{}{}
	return nil
}

// Wait waits for the process to end, as exec.Cmd.Wait does. It may be called more than once.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return c.Cmd.Wait() // says that it was not started
	}
	err := c.wait()
	l := c.host.lab
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.processes, c)
	return err
}

// Run starts the process and waits for it to end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the process and returns what it wrote to its standard output. When it fails, the *exec.ExitError holds what it
// wrote to standard error, unless that was led elsewhere.
func (c *Cmd) Output() ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout = &stdout
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		exit.Stderr = stderr.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput runs the process and returns what it wrote to its standard output and standard error.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	err := c.Run()
	return output.Bytes(), err
}
