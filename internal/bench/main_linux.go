// Bench measures how far the times that tcpprobe and its peers print are from those on the wire, and what one probe costs, and
// writes the tables of docs/benchmarks.md. It builds its own network, in namespaces, and touches no other. It takes root.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tcpprobe/internal/netlab"
)

// Where the server listens.
const (
	address = "10.0.0.2"
	port    = "80"
	target  = address + ":" + port
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) == 3 && os.Args[1] == dialCommand {
		if err := dial(os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	probes := flag.Int("probes", 24, "probes by each tool on the idle direct path; half as many on the other paths")
	output := flag.String("o", "docs/benchmarks.md", "the file to write")
	rounds := flag.Int("rounds", 3, "of a sweep, of exporters and of reading: runs of each tool")
	minutes := flag.Int("minutes", 5, "of a sweep: how long ten thousand targets are watched")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: scripts/bench [sweep|serve [probes|overload|scrape]|read] [flags]")
		flag.PrintDefaults()
	}
	if len(os.Args) > 1 && os.Args[1] == "sweep" {
		flag.CommandLine.Parse(os.Args[2:])
		if err := sweep(*output, *rounds, *minutes); err != nil {
			log.Fatal(err)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "read" {
		flag.CommandLine.Parse(os.Args[2:])
		if err := read(*output, *rounds); err != nil {
			log.Fatal(err)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		part, rest := "", os.Args[2:]
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			part, rest = rest[0], rest[1:]
		}
		flag.CommandLine.Parse(rest)
		if err := serving(part, *output, *rounds); err != nil {
			log.Fatal(err)
		}
		return
	}
	flag.Parse()
	if err := run(*output, *probes); err != nil {
		log.Fatal(err)
	}
}

func run(output string, probes int) error {
	scratch, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	program := filepath.Join(scratch, "tcpprobe")
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	b := bench{scratch: scratch, program: program, figures: make(map[condition][]figure), empty: make(map[condition]sample)}
	for _, c := range conditions {
		rounds := probes
		if c != (condition{}) {
			rounds = probes / 2
		}
		if err := b.measure(c, rounds); err != nil {
			return err
		}
	}
	text := b.report(time.Now())
	fmt.Print(text)
	return os.WriteFile(output, []byte(text+keptSections(output)), 0o644)
}

// A condition is what is measured under.
type condition struct {
	bridged bool // the path: see network
	busy    bool // the processors
}

// conditions are all of them, in the order of the report.
var conditions = []condition{{}, {bridged: true}, {busy: true}, {bridged: true, busy: true}}

func (c condition) String() string {
	words := []string{"direct", "idle"}
	if c.bridged {
		words[0] = "bridged"
	}
	if c.busy {
		words[1] = "busy"
	}
	return strings.Join(words, ", ")
}

// A bench is what was measured.
type bench struct {
	scratch, program string
	tools            []*tool
	figures          map[condition][]figure // of each tool
	empty            map[condition]sample   // wall time of a process that does nothing
	series           []series
}

// A figure is what was measured of one tool.
type figure struct{ errors, wall, cpu sample }

// A series is many handshakes by one process of ours.
type series struct {
	condition
	send               string
	errors, turnaround sample
}

// measure runs each tool so many times, in turn, so that whatever drifts hits all.
func (b *bench) measure(c condition, rounds int) error {
	client, closeLab, err := network(c.bridged)
	if err != nil {
		return err
	}
	defer closeLab()
	if err := startExporter(client, filepath.Join(b.scratch, "blackbox.yml")); err != nil {
		return err
	}
	if c.busy {
		stop, err := load()
		if err != nil {
			return err
		}
		defer stop()
	}
	w, err := capture(client, "eth0", filepath.Join(b.scratch, "tools.pcap"))
	if err != nil {
		return err
	}
	b.tools = tools(client, b.program)
	runs := make([][]probed, len(b.tools))
	var empty sample
	for round := range rounds + 1 {
		start := time.Now()
		if err := client.Command(context.Background(), "true").Run(); err != nil {
			return err
		}
		empty = append(empty, time.Since(start))
		for n, t := range b.tools {
			p, err := t.run(client)
			if err != nil {
				return err
			}
			if round > 0 { // the first fills the caches
				runs[n] = append(runs[n], p)
			}
		}
	}
	wire, err := w.stop()
	if err != nil {
		return err
	}
	b.empty[c] = empty[1:]
	for n, t := range b.tools {
		var f figure
		for _, p := range runs[n] {
			d, err := nearest(between(wire, p.from, p.to), p.printed)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			f.errors = append(f.errors, d)
			f.wall = append(f.wall, p.to.Sub(p.from))
			if t.probe == nil {
				f.cpu = append(f.cpu, p.cpu)
			}
		}
		b.figures[c] = append(b.figures[c], f)
	}
	for _, send := range []string{"link", "ip"} {
		if err := b.measureSeries(c, send); err != nil {
			return err
		}
	}
	return nil
}

// nearest returns how far what a tool printed is from the RTT on the wire: from the one that is nearest, where the tool had more
// than one handshake.
func nearest(wire []handshake, printed time.Duration) (time.Duration, error) {
	best := time.Duration(-1)
	for _, h := range wire {
		if d := (h.rtt - printed).Abs(); h.answered && (best < 0 || d < best) {
			best = d
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("it printed %v, and on the wire there was no answer to %d SYNs", printed, len(wire))
	}
	return best, nil
}

// measureSeries has one process of ours make many handshakes.
func (b *bench) measureSeries(c condition, send string) error {
	client, closeLab, err := network(c.bridged)
	if err != nil {
		return err
	}
	defer closeLab()
	w, err := capture(client, "eth0", filepath.Join(b.scratch, "series.pcap"))
	if err != nil {
		return err
	}
	output, err := client.Command(context.Background(), b.program, "--json", "--send="+send, "-c500", "-i2ms", target).Output()
	if err != nil {
		return err
	}
	wire, err := w.stop()
	if err != nil {
		return err
	}
	lines, err := readLines(output)
	if err != nil {
		return err
	}
	s := series{condition: c, send: send}
	for _, l := range lines {
		n := slices.IndexFunc(wire, func(h handshake) bool {
			return h.answered && h.port == l.TCP.Local.Port() && h.iss == l.TCP.Segments[0].Seq
		})
		if n < 0 {
			return fmt.Errorf("a handshake from %v is not in the capture", l.TCP.Local)
		}
		s.errors = append(s.errors, (wire[n].rtt - l.TCP.RTT).Abs())
		s.turnaround = append(s.turnaround, l.TCP.Turnaround)
	}
	b.series = append(b.series, s)
	return nil
}

// network builds a client and a server that listens, joined by a link, or by a bridge out of which frames come as from a network card.
func network(bridged bool) (client *netlab.Host, close func(), err error) {
	lab, err := netlab.New()
	if err != nil {
		return nil, nil, err
	}
	var impairer *netlab.Impairer
	close = func() {
		if impairer != nil {
			impairer.Close()
		}
		lab.Close()
	}
	var hosts []*netlab.Host
	for _, name := range []string{"client", "server", "middle"} {
		h, err := lab.Host(name)
		if err != nil {
			close()
			return nil, nil, err
		}
		hosts = append(hosts, h)
	}
	client, server, middle := hosts[0], hosts[1], hosts[2]
	a, b := netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix(address+"/24")
	if bridged {
		offload := netlab.NoChecksumOffload()
		err = lab.Link(client, "eth0", a, middle, "eth0", netip.Prefix{}, offload)
		if err == nil {
			err = lab.Link(server, "eth0", b, middle, "eth1", netip.Prefix{}, offload)
		}
		if err == nil {
			impairer, err = middle.Impair("eth0", "eth1", 1)
		}
	} else {
		err = lab.Link(client, "eth0", a, server, "eth0", b)
	}
	if err == nil {
		err = serve(server)
	}
	if err != nil {
		close()
		return nil, nil, err
	}
	return client, close, nil
}

// serve accepts connections on the server, and closes each when its peer does.
func serve(server *netlab.Host) error {
	listener, err := server.Listen("tcp4", target)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				io.Copy(io.Discard, conn)
				conn.Close()
			}(conn)
		}
	}()
	return nil
}

// loops is how many endless loops keep the processors busy.
const loops = 4

func load() (stop func(), err error) {
	var running []*exec.Cmd
	stop = func() {
		for _, c := range running {
			c.Process.Kill()
			c.Wait()
		}
	}
	for n := range loops {
		c := exec.Command("sh", "-c", "while :; do :; done", "load-"+strconv.Itoa(n))
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := c.Start(); err != nil {
			stop()
			return nil, err
		}
		running = append(running, c)
	}
	return stop, nil
}
