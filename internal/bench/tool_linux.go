package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/tcphdr"
)

// A tool is a way to time a handshake.
type tool struct {
	name  string
	times string // what it times
	args  []string
	rtt   func(output []byte) (time.Duration, error) // what it prints

	// probe is for a tool that runs already: it makes one handshake and returns what was printed.
	probe func() ([]byte, error)
}

// A probed is one handshake by a tool.
type probed struct {
	from, to time.Time
	printed  time.Duration
	cpu      time.Duration // user and system; 0 if it cannot be told
}

func (t *tool) run(client *netlab.Host) (p probed, err error) {
	var output []byte
	p.from = time.Now()
	if t.probe != nil {
		output, err = t.probe()
		p.to = time.Now()
	} else {
		cmd := client.Command(context.Background(), t.args[0], t.args[1:]...)
		output, err = cmd.CombinedOutput()
		p.to = time.Now()
		if cmd.ProcessState != nil {
			p.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
	}
	// How a tool ends is its own affair if it has printed a time: hping3 aborts now and then as it exits.
	var missing error
	if p.printed, missing = t.rtt(output); missing != nil {
		return p, fmt.Errorf("%s: %w in\n%s", t.name, errors.Join(err, missing), output)
	}
	return p, nil
}

// tools returns ours and its peers. The program is what go build made of the root package.
func tools(client *netlab.Host, program string) []*tool {
	const kernel = "SYN to answer, by the kernel's stamps"
	return []*tool{
		{name: "tcpprobe", times: kernel, args: []string{program, "--json", target}, rtt: ours},
		{name: "tcpprobe --send ip", times: kernel, args: []string{program, "--json", "--send=ip", target}, rtt: ours},
		{name: "hping3", times: "send to receive", args: []string{"hping3", "-S", "-p", port, "-c", "1", address},
			rtt: pattern(`rtt=([0-9.]+) ms`, time.Millisecond)},
		{name: "nping", times: "send to receive", args: []string{"nping", "--tcp", "--flags", "syn", "-p", port, "-c", "1", address},
			rtt: pattern(`Avg rtt: ([0-9.]+)ms`, time.Millisecond)},
		{name: "nmap", times: "send to receive", args: []string{"nmap", "-n", "-Pn", "-sS", "-p", port, "--disable-arp-ping", "-oX", "-", address},
			rtt: pattern(`srtt="([0-9]+)"`, time.Microsecond)},
		{name: "tcptraceroute", times: "send to receive", args: []string{"tcptraceroute.mt", "-n", "-q", "1", "-f", "1", "-m", "1", address, port},
			rtt: pattern(`\] +([0-9.]+) ms`, time.Millisecond)},
		{name: "mtr", times: "connect()", args: []string{"mtr", "-n", "-T", "-P", port, "-c", "1", "-i", "0.1", "-G", "0.1", "-m", "1", "--raw", address},
			rtt: pattern(`p 0 ([0-9]+) `, time.Microsecond)},
		{name: "blackbox exporter", times: "the whole probe, with connect()", probe: func() ([]byte, error) { return scrape(client) },
			rtt: pattern(`(?m)^probe_duration_seconds ([0-9.e+-]+)$`, time.Second)},
		{name: "net.Dial of Go", times: "connect()", args: []string{"/proc/self/exe", dialCommand, target},
			rtt: pattern(`^([0-9]+)`, time.Nanosecond)},
	}
}

// ours reads a line of --json.
func ours(output []byte) (time.Duration, error) {
	lines, err := readLines(output)
	if err != nil {
		return 0, err
	}
	return lines[0].TCP.RTT, nil
}

// A line is what a line of --json says about times.
type line struct {
	Type    string
	Outcome string
	TCP     struct {
		Local      netip.AddrPort
		RTT        time.Duration `json:"rtt_ns"`
		Turnaround time.Duration `json:"turnaround_ns"`
		Clock      string
		Segments   []struct{ Seq tcphdr.SeqNum }
	}
}

func readLines(output []byte) (lines []line, err error) {
	for d := json.NewDecoder(bytes.NewReader(output)); ; {
		var l line
		err := d.Decode(&l)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if l.Type != "probe" {
			continue
		}
		if l.Outcome != "established" || l.TCP.Clock != "kernel" || len(l.TCP.Segments) == 0 {
			return nil, fmt.Errorf("outcome %s, clock %q", l.Outcome, l.TCP.Clock)
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		return nil, errors.New("no handshake")
	}
	return lines, nil
}

// pattern reads the number that an expression finds, in a unit.
func pattern(expression string, unit time.Duration) func([]byte) (time.Duration, error) {
	re := regexp.MustCompile(expression)
	return func(output []byte) (time.Duration, error) {
		found := re.FindSubmatch(output)
		if found == nil {
			return 0, errors.New("no time")
		}
		number, err := strconv.ParseFloat(string(found[1]), 64)
		return time.Duration(number * float64(unit)), err
	}
}

const exporter = "127.0.0.1:9115"

// startExporter starts the blackbox exporter on the client.
func startExporter(client *netlab.Host, config string) error {
	const modules = "modules:\n  tcp_connect:\n    prober: tcp\n    timeout: 5s\n"
	if err := os.WriteFile(config, []byte(modules), 0o600); err != nil {
		return err
	}
	cmd := client.Command(context.Background(), "prometheus-blackbox-exporter", "--config.file="+config, "--web.listen-address="+exporter)
	if err := cmd.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := client.Dial(context.Background(), "tcp4", exporter); err == nil {
			return conn.Close()
		}
	}
	return errors.New("the blackbox exporter does not listen")
}

// scrape asks the exporter for one probe.
func scrape(client *netlab.Host) ([]byte, error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return client.Dial(ctx, network, address)
	}}
	response, err := (&http.Client{Transport: transport}).Get("http://" + exporter + "/probe?module=tcp_connect&target=" + target)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// dialCommand makes this program one that dials, once, and prints how many nanoseconds that took.
const dialCommand = "dial"

func dial(address string) error {
	start := time.Now()
	conn, err := net.Dial("tcp4", address)
	took := time.Since(start)
	if err != nil {
		return err
	}
	fmt.Println(took.Nanoseconds())
	return conn.Close()
}
