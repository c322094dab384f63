package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A served is what handshakes of exporters cost, a run each round.
type served struct{ blackbox, probes, continuous, inFrames []cost }

// middleCost returns the run whose cost of a handshake is in the middle.
func middleCost(runs []cost) cost {
	slices.SortFunc(runs, func(a, b cost) int { return int(a.each() - b.each()) })
	return runs[len(runs)/2]
}

func mib(kib int64) float64 { return float64(kib) / 1024 }

// report writes the tables.
func (f *served) report(now time.Time) string {
	version, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", "prometheus-blackbox-exporter").Output()
	if err != nil {
		version = []byte("prometheus-blackbox-exporter")
	}
	var w strings.Builder
	fmt.Fprintf(&w, `## Exporters

Written by `+"`scripts/bench serve probes`"+` on %s. Machine: %s. %s. Peer: %s.

%d targets, one handshake a second with each, for %v: an exporter and a server in network namespaces, one virtual link between them. The
blackbox exporter and tcpprobe are asked by the same program in the same way, as Prometheus asks: one request a handshake, over connections
that are kept. Continuous means that tcpprobe watches the targets by itself, by the kernel's IP or in frames of its own. By turns; runs of
each: %d, of which each row is the median. CPU is what the kernel accounts to the exporter, user and system, the packets' way over the virtual
link and through the server's kernel in it.

| exporter | handshakes | not established | CPU each, µs | ratio | memory, MiB: before | at the most | answer, ms: median | p99 |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
`, now.Format("2 January 2006"), machine(), kernel(), version, watched, serveFor, len(f.blackbox))
	peer := middleCost(f.blackbox)
	for _, row := range []struct {
		name string
		cost
	}{
		{"blackbox exporter, /probe", peer}, {"tcpprobe, /probe", middleCost(f.probes)}, {"tcpprobe, continuous", middleCost(f.continuous)}, {"tcpprobe, continuous, in frames", middleCost(f.inFrames)},
	} {
		median, p99 := "–", "–"
		if len(row.latency) > 0 {
			median, p99 = milli(row.latency.quantile(0.5)), milli(row.latency.quantile(0.99))
		}
		fmt.Fprintf(&w, "| %s | %d | %d | %s | %.2f | %.1f | %.1f | %s | %s |\n", row.name, row.handshakes, row.failed, micro(row.each()),
			float64(row.each())/float64(peer.each()), mib(row.idle), mib(row.peak), median, p99)
	}
	return w.String()
}

// report writes what becomes of an overload.
func (o overloaded) report(now time.Time) string {
	return fmt.Sprintf(`### More than there is time for

Written by `+"`scripts/bench serve overload`"+` on %s. 64 requests at a time: %d handshakes a second. Four times as many requests,
%d a second for %v by %d clients, of which each waits for its answer: %d were made, %d answered with a handshake, %d of a target
that is there reported as down, %d refused with 503 (median %s ms, p99 %s), %d otherwise. Memory: %.1f MiB idle, %.1f at the most.
`, now.Format("2 January 2006"), o.capacity, o.asked, serveFor/2, clients, o.requests(), o.up+o.down, o.down, o.refused, milli(o.refusal.quantile(0.5)), milli(o.refusal.quantile(0.99)),
		o.other, mib(o.idle), mib(o.peak))
}

// report writes what a scrape costs.
func (c scraped) report(now time.Time) string {
	return fmt.Sprintf(`### The metrics of %d targets

Written by `+"`scripts/bench serve scrape`"+` on %s. One scrape of /metrics: %s ms of CPU, %.1f MB of text. Memory: %.1f MiB.
`, watchedMany, now.Format("2 January 2006"), milli(c.cpu), float64(c.size)/1e6, mib(c.memory))
}
