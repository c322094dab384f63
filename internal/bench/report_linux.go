package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A sample is a set of durations.
type sample []time.Duration

// quantile returns the smallest duration that a share of them, from 0 to 1, does not exceed.
func (s sample) quantile(share float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}

func micro(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e3) }
func milli(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e6) }

// floor is the least error that ratios are taken of: stamps of one clock read twice are not nearer than this.
const floor = 50 * time.Nanosecond

// ratio says how many times an error is ours.
func ratio(error, ours time.Duration) string {
	r := float64(error) / float64(max(ours, floor))
	switch {
	case error == ours:
		return "1"
	case ours < floor:
		return fmt.Sprintf(">= %.0f", r)
	}
	return fmt.Sprintf("%.1f", r)
}

// report writes the tables.
func (b *bench) report(now time.Time) string {
	var w strings.Builder
	fmt.Fprintf(&w, `# Benchmarks

Written by `+"`scripts/bench`"+` on %s.

Machine: %s. %s. tcpprobe is built without cgo by %s.

Peers: %s.

## How far what is printed is from the wire

A client and a server, each in a network namespace; the server is the kernel with a program that listens. tcpdump is the witness, on
the client's interface, with stamps in nanoseconds. Each tool makes one handshake as a process of its own, one tool after the other and
then again from the first, so that whatever drifts hits all. What it prints is held against the time from the SYN to its answer in the
capture; where a tool sent several SYNs, against that which is nearest. Busy means %d endless loops. The error is in microseconds; with
less than 100 probes the p99 is the largest. The ratio is that of the medians, to our first row, whose error counts as %v µs if it is less.

The direct path is one virtual Ethernet link. The bridged one is two, and a bridge between them out of which frames come as from a network
card: that makes a difference to the witness. The kernel gives their stamps to both tcpprobe and tcpdump. A frame from a card is stamped
once, for all who look at it. But segments that the kernel's TCP sent through virtual links alone carry the time of their departure, in the
place of the stamp, and the kernel stamps them anew for each socket, one after the other: our error on the direct path is the time between
the two sockets. With `+"`--send ip`"+` the stamp of the SYN is the driver's, taken after the witness has seen the frame.
`, now.UTC().Format("2 January 2006"), machine(), kernel(), runtime.Version(), versions(), loops, float64(floor)/1e3)
	for _, c := range conditions {
		ours := b.figures[c][0].errors
		fmt.Fprintf(&w, `
### %s, %d probes by each

| tool | what it times | error: median | p99 | ratio |
|---|---|--:|--:|--:|
`, heading(c), len(ours))
		for n, t := range b.tools {
			e := b.figures[c][n].errors
			fmt.Fprintf(&w, "| %s | %s | %s | %s | %s |\n", t.name, t.times,
				micro(e.quantile(0.5)), micro(e.quantile(0.99)), ratio(e.quantile(0.5), ours.quantile(0.5)))
		}
	}
	fmt.Fprint(&w, `
## Many handshakes by one process

500 handshakes, 2 ms apart. Turnaround is the time from the SYN-ACK's arrival to our ACK, as tcpprobe reports it: what it adds to the
wait of an application. All in microseconds.

| path, load | send | error: median | p99 | max | turnaround: median | p99 |
|---|---|--:|--:|--:|--:|--:|
`)
	for _, s := range b.series {
		fmt.Fprintf(&w, "| %v | %s | %s | %s | %s | %s | %s |\n", s.condition, s.send,
			micro(s.errors.quantile(0.5)), micro(s.errors.quantile(0.99)), micro(s.errors.quantile(1)),
			micro(s.turnaround.quantile(0.5)), micro(s.turnaround.quantile(0.99)))
	}
	idle, busy := condition{}, condition{busy: true}
	fmt.Fprintf(&w, `
## What one probe costs

The runs on the direct path: the median time of the whole process from its start to its end, by how much that is more than `+"`true`"+`
takes (%s ms idle, %s ms busy), and the processor time, user and system, that the kernel accounts to it. In milliseconds.

| tool | idle: wall | beyond an empty process | CPU | busy: wall | beyond an empty process | CPU |
|---|--:|--:|--:|--:|--:|--:|
`, milli(b.empty[idle].quantile(0.5)), milli(b.empty[busy].quantile(0.5)))
	for n, t := range b.tools {
		fmt.Fprintf(&w, "| %s", t.name)
		for _, c := range []condition{idle, busy} {
			f := b.figures[c][n]
			wall := f.wall.quantile(0.5)
			if len(f.cpu) == 0 {
				fmt.Fprintf(&w, " | %s | – | –", milli(wall))
			} else {
				fmt.Fprintf(&w, " | %s | %s | %s", milli(wall), milli(wall-b.empty[c].quantile(0.5)), milli(f.cpu.quantile(0.5)))
			}
		}
		fmt.Fprintln(&w, " |")
	}
	fmt.Fprint(&w, `
The blackbox exporter runs already: its time is that of one request. nping waits for a second after its last probe; mtr would wait for
five, and is told to wait for 0.1 s.
`)
	return w.String()
}

// heading returns a condition as it begins a line.
func heading(c condition) string {
	s := c.String()
	return strings.ToUpper(s[:1]) + s[1:]
}

// machine names the processors.
func machine() string {
	model := "unknown processor"
	if file, err := os.Open("/proc/cpuinfo"); err == nil {
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d processors, %s", runtime.NumCPU(), model)
}

// kernel names the kernel.
func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown kernel"
	}
	release, _, _ := strings.Cut(string(u.Release[:]), "\x00")
	version, _, _ := strings.Cut(release, "-")
	return "Linux " + version
}

// versions asks the package manager which versions of the peers these are.
func versions() string {
	packages := []string{"hping3", "nmap", "tcptraceroute", "mtr-tiny", "prometheus-blackbox-exporter", "tcpdump"}
	output, err := exec.Command("dpkg-query", append([]string{"-W", "-f", "${Package} ${Version}, "}, packages...)...).Output()
	if err != nil {
		return strings.Join(packages, ", ")
	}
	return strings.TrimSuffix(string(output), ", ")
}
