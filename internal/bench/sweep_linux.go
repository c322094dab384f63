package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
)

// What is swept: every address of a network of the server's, and for more targets several ports of each.
const (
	sweepNetwork   = "10.78.0.0/16"
	sweepAddresses = 1 << 16
	sweepPort      = 80
	manyPorts      = 16 // from firstPort on
	firstPort      = 8000
	clientAddress  = "10.77.0.1"
	serverAddress  = "10.77.0.2"
	foreignAddress = "10.77.0.77" // on the client's link, and nobody's: for a tool that has a TCP of its own
)

// clientMAC is that of the client's interface.
var clientMAC = [6]byte{2, 0, 10, 77, 0, 1}

// sweep measures probes of very many targets, and writes its part of the report.
func sweep(output string, rounds int, minutes int) error {
	scratch, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	s := sweeper{scratch: scratch, program: filepath.Join(scratch, "tcpprobe")}
	if err := buildStatic(s.program); err != nil {
		return err
	}
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer lab.Close()
	for _, prepare := range []func() error{func() error { return s.network(lab) }, s.network6, s.files, s.file6} {
		if err := prepare(); err != nil {
			return err
		}
	}
	text, err := s.measure(rounds, minutes)
	if err != nil {
		return err
	}
	fmt.Print(text)
	return replaceSection(output, "sweep", text)
}

// buildStatic builds the program as it is released.
func buildStatic(program string) error {
	build := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	return nil
}

// A sweeper measures sweeps, and what else has very many targets.
type sweeper struct {
	scratch, program string
	client, server   *netlab.Host
	mac              string // of the server
}

// network builds a client and a server, whose kernel has every address of sweepNetwork and answers with SYN cookies.
func (s *sweeper) network(lab *netlab.Lab) (err error) {
	for name, host := range map[string]**netlab.Host{"client": &s.client, "server": &s.server} {
		if *host, err = lab.Host(name); err != nil {
			return err
		}
	}
	mac := [6]byte{2, 0, 10, 77, 0, 2}
	s.mac = "02:00:0a:4d:00:02"
	err = lab.Link(s.client, "eth0", netip.MustParsePrefix(clientAddress+"/24"), s.server, "eth0", netip.MustParsePrefix(serverAddress+"/24"),
		netlab.MAC(clientMAC, mac))
	if err != nil {
		return err
	}
	for _, step := range []struct {
		host *netlab.Host
		args []string
	}{
		{s.server, []string{"ip", "route", "add", "local", sweepNetwork, "dev", "lo"}},
		{s.client, []string{"ip", "route", "add", sweepNetwork, "via", serverAddress}},
	} {
		if text, err := step.host.Command(context.Background(), step.args[0], step.args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", step.args, err, text)
		}
	}
	for name, value := range map[string]string{"net/ipv4/tcp_syncookies": "2", "net/core/somaxconn": "65535"} {
		if err := s.server.Sysctl(name, value); err != nil {
			return err
		}
	}
	ports := []int{sweepPort}
	for i := range manyPorts {
		ports = append(ports, firstPort+i)
	}
	for _, port := range ports {
		if err := s.listen(unix.AF_INET, &unix.SockaddrInet4{Port: port}); err != nil {
			return err
		}
	}
	return nil
}

// listen accepts what comes to a port of any address of a family, and closes it.
func (s *sweeper) listen(family int, any unix.Sockaddr) error {
	var fd int
	err := s.server.Do(func() (err error) {
		if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if family == unix.AF_INET6 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
				return err
			}
		}
		if err := unix.Bind(fd, any); err != nil {
			return err
		}
		return unix.Listen(fd, 65535)
	})
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err == nil {
				unix.Close(conn)
			}
		}
	}()
	return nil
}

// files writes lists of targets.
func (s *sweeper) files() error {
	for name, ports := range map[string][]int{"all": {sweepPort}, "many": nil} {
		if ports == nil {
			for i := range manyPorts {
				ports = append(ports, firstPort+i)
			}
		}
		var b bytes.Buffer
		n := 0
		for _, port := range ports {
			for i := range sweepAddresses {
				if n++; n > 1_000_000 {
					break
				}
				fmt.Fprintf(&b, "10.78.%d.%d:%d\n", i>>8, i&0xff, port)
			}
		}
		if err := os.WriteFile(s.file(name), b.Bytes(), 0o644); err != nil {
			return err
		}
		some, _ := nthLine(b.Bytes(), 10_000)
		if name == "all" {
			if err := os.WriteFile(s.file("some"), some, 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(s.file("none"), nil, 0o644)
}

// nthLine returns the first n lines of a text, and the rest.
func nthLine(b []byte, n int) (first, rest []byte) {
	at := 0
	for range n {
		at += bytes.IndexByte(b[at:], '\n') + 1
	}
	return b[:at], b[at:]
}

func (s *sweeper) file(name string) string { return filepath.Join(s.scratch, name) }

// A swept is what one run came to.
type swept struct {
	found  int           // targets
	flight time.Duration // from the first packet that left to the last
	wall   time.Duration // of the process
	memory int64         // KiB at the most
}

// rate returns targets a second, of the time in which packets flew; 0 if none did.
func (s swept) rate(targets int) float64 {
	if s.flight == 0 {
		return 0
	}
	return float64(targets) / s.flight.Seconds()
}

// run runs a tool, for a minute at the most, and watches the client's interface. The tool is ended when nothing has flown
// for a while, since some do not end by themselves. found counts its results.
func (s *sweeper) run(found func() int, args ...string) (swept, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := s.client.Command(ctx, args[0], args[1:]...)
	out, err := os.Create(s.file("out"))
	if err != nil {
		return swept{}, err
	}
	defer out.Close()
	cmd.Stdout = out
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return swept{}, err
	}
	ended := make(chan struct{})
	flight := make(chan time.Duration, 1)
	var memory int64
	go func() {
		flight <- s.watch(ended, func() { memory = max(memory, highWater(cmd.Process.Pid)) }, func() { cmd.Process.Signal(os.Kill) })
	}()
	cmd.Wait()
	wall := time.Since(begun)
	close(ended)
	return swept{flight: <-flight, wall: wall, found: found(), memory: memory}, nil
}

// patience is how long nothing may fly before a tool counts as done.
const patience = 3 * time.Second

// watch returns the time from the first packet that left the client to the last. It calls look now and then, and stop when
// nothing has left for a while.
func (s *sweeper) watch(ended <-chan struct{}, look, stop func()) time.Duration {
	var first, last time.Time
	before := s.packets()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		if n%8 == 0 {
			look()
		}
		select {
		case <-ended:
			return last.Sub(first)
		case now := <-ticker.C:
			n := s.packets()
			switch {
			case n != before && first.IsZero():
				first, last = now, now
			case n != before:
				last = now
			case !last.IsZero() && now.Sub(last) > patience:
				stop()
				<-ended
				return last.Sub(first)
			}
			before = n
		}
	}
}

// packets returns how many packets have left the client.
func (s *sweeper) packets() (n uint64) {
	s.client.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 10 && fields[0] == "eth0:" {
				n, err = strconv.ParseUint(fields[10], 10, 64)
			}
		}
		return err
	})
	return n
}

// count returns how many different targets the matches of a pattern in a file name.
func (s *sweeper) count(name, pattern string) func() int {
	expression := regexp.MustCompile(pattern)
	return func() int {
		text, err := os.ReadFile(s.file(name))
		if err != nil {
			return 0
		}
		different := make(map[string]bool)
		for _, match := range expression.FindAllSubmatch(text, -1) {
			different[string(match[1])] = true
		}
		return len(different)
	}
}

// ours runs tcpprobe over a list of targets.
func (s *sweeper) ours(list string, args ...string) (swept, error) {
	args = append([]string{s.program, "--targets", s.file(list), "--max-targets", "0"}, args...)
	return s.run(s.count("out", `(?m)^ESTABLISHED  (\S+) `), args...)
}

// masscan runs it over a network, from an address that is nobody's.
func (s *sweeper) masscan(rate int, network, source string) (swept, error) {
	os.Remove(s.file("masscan"))
	return s.run(s.count("masscan", `(?m)^open tcp \d+ (\S+) `), "masscan", "--range", network, "-p", strconv.Itoa(sweepPort),
		"--rate", strconv.Itoa(rate), "--source-ip", source, "--source-port", "40000", "-e", "eth0",
		"--router-mac", strings.ReplaceAll(s.mac, ":", "-"), "--wait", "1", "-oL", s.file("masscan"))
}

func (s *sweeper) zmap(rate int) (swept, error) {
	return s.run(s.count("zmap", `(?m)^(\S+)$`), "zmap", "-M", "tcp_synscan", "-p", strconv.Itoa(sweepPort), "-r", strconv.Itoa(rate),
		"-c", "1", "-i", "eth0", "-G", s.mac, "-S", clientAddress, "-b", s.file("none"), "-q", "-o", s.file("zmap"), sweepNetwork)
}

// rtts returns, of each target, what tcpprobe says in its JSON.
func (s *sweeper) rtts() (map[uint32]time.Duration, error) {
	text, err := os.ReadFile(s.file("out"))
	if err != nil {
		return nil, err
	}
	all := make(map[uint32]time.Duration)
	for line := range bytes.Lines(text) {
		var r struct {
			Type string
			TCP  struct {
				RTT      int64 `json:"rtt_ns"`
				Segments []struct{ Seq uint32 }
			}
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		if r.Type == "probe" && len(r.TCP.Segments) > 0 {
			all[r.TCP.Segments[0].Seq] = time.Duration(r.TCP.RTT)
		}
	}
	return all, nil
}

// accuracy holds the round-trip times of targets at a rate against a capture.
func (s *sweeper) accuracy(rate int) (errors sample, targets int, err error) {
	w, err := capture(s.client, "eth0", s.file("capture"))
	if err != nil {
		return nil, 0, err
	}
	if _, err := s.run(func() int { return 0 }, s.program, "--targets", s.file("all"), "--rate", strconv.Itoa(rate), "--close", "half", "--json"); err != nil {
		return nil, 0, err
	}
	flown, err := w.stop()
	if err != nil {
		return nil, 0, err
	}
	said, err := s.rtts()
	if err != nil {
		return nil, 0, err
	}
	for _, h := range flown {
		if rtt, ok := said[uint32(h.iss)]; ok && h.answered {
			errors = append(errors, (rtt - h.rtt).Abs())
		}
	}
	return errors, len(said), nil
}

// median returns the run whose rate is in the middle.
func median(runs []swept, targets int) swept {
	slices.SortFunc(runs, func(a, b swept) int { return int(a.rate(targets) - b.rate(targets)) })
	return runs[len(runs)/2]
}
