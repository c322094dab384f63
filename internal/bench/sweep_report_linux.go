package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// contenders are measured in turn, so that whatever drifts hits all.
type contender struct {
	name string
	run  func() (swept, error)
	runs []swept
}

// measure runs everything, and writes the tables.
func (s *sweeper) measure(rounds, minutes int) (string, error) {
	const targets = sweepAddresses
	var contenders []*contender
	add := func(name string, run func() (swept, error)) *contender {
		c := &contender{name: name, run: run}
		contenders = append(contenders, c)
		return c
	}
	half4 := add("tcpprobe --close half", func() (swept, error) { return s.ours("all", "--rate", "0", "--close", "half", "-q") })
	whole4 := add("tcpprobe --close rst, whole handshakes", func() (swept, error) { return s.ours("all", "--rate", "0", "--close", "rst", "-q") })
	for _, rate := range []int{100_000, 130_000, 160_000, 250_000} {
		add(fmt.Sprintf("masscan --rate %d", rate), func() (swept, error) { return s.masscan(rate, sweepNetwork, foreignAddress) })
	}
	for _, rate := range []int{60_000, 100_000, 150_000} {
		add(fmt.Sprintf("zmap -r %d", rate), func() (swept, error) { return s.zmap(rate) })
	}
	half6 := add("IPv6: tcpprobe --close half", func() (swept, error) { return s.ours("all6", "--rate", "0", "--close", "half", "-q") })
	for _, rate := range []int{100_000, 160_000, 250_000} {
		add(fmt.Sprintf("IPv6: masscan --rate %d", rate), func() (swept, error) { return s.masscan(rate, sweepNetwork6, foreignAddress6) })
	}
	for range rounds {
		for _, c := range contenders {
			r, err := c.run()
			if err != nil {
				return "", fmt.Errorf("%s: %w", c.name, err)
			}
			c.runs = append(c.runs, r)
		}
	}
	var w strings.Builder
	fmt.Fprintf(&w, `## Very many targets

Written by `+"`scripts/bench sweep`"+` on %s. Machine: %s. %s. Peers: %s.

A client and a server in network namespaces, one virtual link between them. The server's kernel has all 65,536 addresses of %s, and as
many of %s, and answers SYNs with cookies; all of its work is done on the processors of the client. Each row is the median of %d runs, one tool after the other and then again from
the first. The time is that from the first packet that left the client to the last, by its interface's counter, looked at every 2 ms: what a process takes
to start and how long it waits in the end is in nobody's figure. masscan has an address of its own, so that no kernel resets its connections; it and
zmap, which knows no IPv6 here, are run at several rates, and the whole share of what they found is given.

| tool | targets/s | found | peak memory, MiB | process, s |
|---|--:|--:|--:|--:|
`, time.Now().Format("2 January 2006"), machine(), kernel(), sweepVersions(), sweepNetwork, sweepNetwork6, rounds)
	for _, c := range contenders {
		r := median(c.runs, targets)
		fmt.Fprintf(&w, "| %s | %.0f | %.3f %% | %.1f | %.2f |\n", c.name, r.rate(targets), 100*float64(r.found)/targets, float64(r.memory)/1024, r.wall.Seconds())
	}
	best := func(prefix string) (rate float64) {
		for _, c := range contenders {
			if strings.HasPrefix(c.name, prefix) {
				rate = max(rate, median(c.runs, targets).rate(targets))
			}
		}
		return rate
	}
	rate := func(c *contender) float64 { return median(c.runs, targets).rate(targets) }
	fmt.Fprintf(&w, "\nAgainst the fastest row of each, whatever it missed: %.2f times masscan, %.2f times zmap; whole handshakes %.2f times masscan's SYNs; by IPv6 %.2f times masscan.\n",
		rate(half4)/best("masscan"), rate(half4)/best("zmap"), rate(whole4)/best("masscan"), rate(half6)/best("IPv6: masscan"))

	errors, said, err := s.accuracy(50_000)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&w, `
### Times at a rate

At `+"`--rate 50000 --close half --json`"+`, the round-trip times of %d targets against tcpdump on the client's interface, µs: median error %s, p99 %s, largest %s
(%d compared).
`, said, micro(errors.quantile(0.5)), micro(errors.quantile(0.99)), micro(errors.quantile(1)), len(errors))

	few, err := s.ours("some", "--rate", "0", "--close", "half", "-q")
	if err != nil {
		return "", err
	}
	many, err := s.ours("many", "--rate", "0", "--close", "half", "-q")
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&w, `
### A million

| targets | found | µs a target | peak memory, MiB |
|--:|--:|--:|--:|
| 10,000 | %d | %.2f | %.1f |
| 1,000,000 | %d | %.2f | %.1f |
`, few.found, few.flight.Seconds()*1e6/10_000, float64(few.memory)/1024, many.found, many.flight.Seconds()*1e6/1_000_000, float64(many.memory)/1024)

	const every = 10
	if minutes > 0 {
		watch, err := s.watchful(minutes*60/every, every)
		if err != nil {
			return "", err
		}
		w.WriteString(watch)
	}
	return w.String(), nil
}

// watchful probes ten thousand targets again and again, as a monitor does.
func (s *sweeper) watchful(rounds, every int) (string, error) {
	begun := time.Now()
	cmd := s.client.Command(s.context(rounds*every+60), s.program, "--targets", s.file("some"), "-c", fmt.Sprint(rounds), "-i", fmt.Sprintf("%ds", every), "--rate", "2000", "--close", "half", "--json")
	out, err := os.Create(s.file("out"))
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var early, last, most int64
	stopped := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for second := 1; ; second++ {
			select {
			case <-stopped:
				return
			case <-time.After(time.Second):
			}
			if n := resident(cmd.Process.Pid); n > 0 {
				last, most = n, max(most, highWater(cmd.Process.Pid))
			}
			if second == every+every/2 {
				early = last
			}
		}
	}()
	cmd.Wait()
	close(stopped)
	<-ended
	wall := time.Since(begun)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	established, late := s.lateness(every)
	return fmt.Sprintf(`
### Ten thousand targets every %d seconds

%d rounds (`+"`-c %d -i %ds --rate 2000 --close half --json`"+`): %d of %d handshakes established; %.1f %% of one processor; the start of each was off its schedule by %s ms in
the median and %s ms at the most; %.1f MiB resident after a round and a half, %.1f MiB in the end, %.1f MiB at the most.
`, every, rounds, rounds, every, established, rounds*10_000, 100*cpu.Seconds()/wall.Seconds(), milli(late.quantile(0.5)), milli(late.quantile(1)),
		float64(early)/1024, float64(last)/1024, float64(most)/1024), nil
}

// sweepVersions asks the package manager which versions of the peers these are.
func sweepVersions() string {
	output, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}, ", "masscan", "zmap", "tcpdump").Output()
	if err != nil {
		return "masscan, zmap"
	}
	return strings.TrimSuffix(string(output), ", ")
}
