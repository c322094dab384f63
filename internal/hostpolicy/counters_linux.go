package hostpolicy

import (
	"errors"
	"io"
	"os"
)

// CounterFiles are the tables of the kernel's counters, open, of the network namespace of the thread that opened them.
type CounterFiles struct{ netstat, xfrm *os.File } // nil for one that this kernel does not have

// OpenCounters opens the tables. Those that cannot be opened count nothing.
func OpenCounters() *CounterFiles {
	open := func(name string) *os.File {
		file, err := os.Open("/proc/thread-self/net/" + name)
		if err != nil {
			return nil
		}
		return file
	}
	return &CounterFiles{open("netstat"), open("xfrm_stat")}
}

// Read reads the counters as they are now.
func (f *CounterFiles) Read() Counters {
	c := make(Counters)
	c.addNetstat(again(f.netstat))
	c.addXfrm(again(f.xfrm))
	return c
}

// again reads a file from its beginning; "" if that fails.
func again(file *os.File) string {
	if file == nil {
		return ""
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return ""
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return ""
	}
	return string(text)
}

// Close closes the tables.
func (f *CounterFiles) Close() error {
	var errs []error
	for _, file := range []*os.File{f.netstat, f.xfrm} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}
