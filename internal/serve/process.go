package serve

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exposition"
)

// processMetrics returns what there is to say of this process, which serves since a time, by the names that all exporters use. What
// cannot be had is left out.
func processMetrics(began time.Time) (all []exposition.Metric) {
	add := func(name, help string, counter bool, value float64) {
		all = append(all, exposition.Metric{Name: name, Help: help, Counter: counter, Series: []exposition.Sample{{Value: value}}})
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	add("go_goroutines", "Goroutines that there are", false, float64(runtime.NumGoroutine()))
	add("go_memstats_alloc_bytes", "Octets in use on the heap", false, float64(memory.HeapAlloc))
	add("go_memstats_sys_bytes", "Octets that were obtained from the system", false, float64(memory.Sys))
	add("go_gc_cycles_total", "Garbage collections", true, float64(memory.NumGC))
	add("process_start_time_seconds", "When the process began to serve", false, float64(began.UnixMilli())/1e3)
	var used unix.Timespec
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &used) == nil {
		add("process_cpu_seconds_total", "Processor time, of user and system", true, time.Duration(used.Nano()).Seconds())
	}
	var descriptors unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &descriptors) == nil {
		add("process_max_fds", "File descriptors that may be open", false, float64(descriptors.Cur))
	}
	if open, err := os.Stat("/proc/self/fd"); err == nil && open.Size() > 0 { // since Linux 6.2
		add("process_open_fds", "File descriptors that are open", false, float64(open.Size()))
	}
	if content, err := os.ReadFile("/proc/self/statm"); err == nil {
		var whole, resident float64 // pages
		if _, err := fmt.Sscan(string(content), &whole, &resident); err == nil {
			page := float64(os.Getpagesize())
			add("process_virtual_memory_bytes", "Octets of address space", false, whole*page)
			add("process_resident_memory_bytes", "Octets in memory", false, resident*page)
		}
	}
	return all
}
