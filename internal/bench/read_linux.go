package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tcpprobe/internal/netlab"
)

// What is read: connections of twelve packets each, and a flood of SYNs that are answered and never acknowledged.
const (
	readConnections  = 200_000
	fewerConnections = 25_000 // for those who take a hundred times as long
	floodAttempts    = 1_000_000
)

// A reader is a program that reads a capture.
type reader struct {
	name string
	file string
	args []string // behind which the file stands
	runs []readFigures
}

// readFigures are what one run took.
type readFigures struct {
	cpu    time.Duration // user and system
	memory int64         // peak, KiB
}

// read measures how captures are read, and writes its part of the report.
func read(output string, rounds int) error {
	scratch, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	program := filepath.Join(scratch, "tcpprobe")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	many, few, halves := filepath.Join(scratch, "many.pcap"), filepath.Join(scratch, "few.pcap"), filepath.Join(scratch, "flood.pcap")
	sizes := make(map[string]*recorder)
	for name, write := range map[string]func(*recorder) error{
		many: connections(readConnections), few: connections(fewerConnections), halves: flood(floodAttempts),
	} {
		if sizes[name], err = record(name, write); err != nil {
			return err
		}
	}
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer lab.Close()
	host, err := lab.Host("reader")
	if err != nil {
		return err
	}
	readers := []*reader{
		{name: "tcpprobe read", file: many, args: []string{program, "read"}},
		{name: "tcpprobe read --json", file: many, args: []string{program, "read", "--json"}},
		{name: "tcpprobe read -qq", file: many, args: []string{program, "read", "-qq"}},
		{name: "tcpdump -w /dev/null", file: many, args: []string{"tcpdump", "-w", "/dev/null", "-r"}},
		{name: "tcpprobe read", file: few, args: []string{program, "read"}},
		{name: "tshark -q -z conv,tcp", file: few, args: []string{"tshark", "-n", "-q", "-z", "conv,tcp", "-r"}},
		{name: "tcpprobe read, SYN flood", file: halves, args: []string{program, "read"}},
	}
	for range rounds {
		for _, r := range readers {
			f, err := r.run(host)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			r.runs = append(r.runs, f)
		}
	}
	text := readReport(readers, sizes, rounds)
	fmt.Print(text)
	return replaceSection(output, "read", text)
}

// run reads the file once, in a network namespace without a link.
func (r *reader) run(host *netlab.Host) (readFigures, error) {
	cmd := host.Command(context.Background(), r.args[0], append(r.args[1:len(r.args):len(r.args)], r.file)...)
	var said strings.Builder
	cmd.Stderr = &said
	err := cmd.Run()
	const different = 6 // the exit code of tcpprobe where handshakes ended in different ways
	if code := cmd.ProcessState.ExitCode(); err != nil && code != different && !(code > 0 && code < different) {
		return readFigures{}, fmt.Errorf("%w: %s", err, said.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return readFigures{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory: int64(usage.Maxrss)}, nil
}

// best returns the figures of the run that took the least processor time: what others do on the machine adds to the others.
func (r *reader) best() readFigures {
	best := r.runs[0]
	for _, f := range r.runs {
		if f.cpu < best.cpu {
			best = f
		}
	}
	for _, f := range r.runs {
		best.memory = max(best.memory, f.memory)
	}
	return best
}

// readReport writes the table.
func readReport(readers []*reader, sizes map[string]*recorder, rounds int) string {
	var w strings.Builder
	fmt.Fprintf(&w, `## Captures

Written by `+"`scripts/bench read`"+` on %s. Machine: %s. %s. Peers: %s; Zeek is not among the packages of this system.

The captures are written by a program: connections of twelve packets to 200 servers, 500 of them under way at a time, of which one in a hundred is
refused and one has no answer; and a flood of %d SYNs, each from another address and answered, with no ACK behind it. Processor time is user and system,
the least of %d runs; memory is the most that was resident in any. All files are in the page cache, and what is printed goes to /dev/null.
%.1f processes on average wanted the processors meanwhile: what others do costs all of these time, and caches.

| | packets | MB | processor, s | million packets/s | peak memory, MiB |
|---|--:|--:|--:|--:|--:|
`, time.Now().Format("2 January 2006"), machine(), kernel(), readVersions(), floodAttempts, rounds, loadAverage())
	rate := make(map[string]float64)
	for _, r := range readers {
		f, size := r.best(), sizes[r.file]
		rate[r.name] = max(rate[r.name], float64(size.packets)/f.cpu.Seconds())
		fmt.Fprintf(&w, "| %s | %d | %.0f | %.2f | %.2f | %.1f |\n", r.name, size.packets, float64(size.octets)/1e6, f.cpu.Seconds(),
			float64(size.packets)/f.cpu.Seconds()/1e6, float64(f.memory)/1024)
	}
	fmt.Fprintf(&w, "\nPackets per second of processor time against tshark, which read the smaller capture alone: %.0f times as many.\n",
		rate["tcpprobe read"]/rate["tshark -q -z conv,tcp"])
	return w.String()
}

// loadAverage returns how many processes wanted the processors in the last 15 minutes, on average (proc_loadavg(5)).
func loadAverage() (average float64) {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var one, five float64
	fmt.Sscan(string(content), &one, &five, &average)
	return average
}

// readVersions asks the package manager which versions of the peers these are.
func readVersions() string {
	output, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}, ", "tcpdump", "tshark").Output()
	if err != nil {
		return "tcpdump, tshark"
	}
	return strings.TrimSuffix(string(output), ", ")
}
