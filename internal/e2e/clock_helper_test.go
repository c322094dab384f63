//go:build linux

package e2e_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// A timed is what a run with --json says about times.
type timed struct {
	Outcome string
	DNS     struct {
		Duration int64 `json:"duration_ns"`
	}
	ARP struct {
		Duration int64 `json:"duration_ns"`
	}
	TCP struct {
		Local       netip.AddrPort
		SYNSent     int    `json:"syn_sent"`
		AnsweredSYN int    `json:"answered_syn"`
		RTT         *int64 `json:"rtt_ns"`
		Ambiguous   bool   `json:"rtt_ambiguous"`
		Clock       string
		Connect     int64 `json:"connect_ns"`
		Turnaround  int64 `json:"turnaround_ns"`
		Segments    []struct {
			Dir string
			Seq tcphdr.SeqNum
		}
	}
}

// timedRun runs the program on a host with --json.
func timedRun(t *testing.T, h *netlab.Host, args ...string) []timed {
	t.Helper()
	cmd := program(t.Context(), h, append([]string{"--json"}, args...)...)
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // the race detector would keep each process for a second
	return parseTimed(t, finish(t, cmd))
}

func parseTimed(t *testing.T, r ran) (probes []timed) {
	t.Helper()
	for text := range strings.Lines(r.stdout) {
		var line struct {
			Type string
			timed
		}
		decode(t, text, &line)
		if line.Type == "probe" {
			probes = append(probes, line.timed)
		}
	}
	return probes
}

// A connectionKey tells a connection from the others of a run, even if they had the same port one after the other.
type connectionKey struct {
	port uint16 // ours
	iss  tcphdr.SeqNum
}

func (p *timed) key() connectionKey {
	if len(p.TCP.Segments) == 0 {
		return connectionKey{}
	}
	return connectionKey{p.TCP.Local.Port(), p.TCP.Segments[0].Seq}
}

// keyOf returns the connection that a SYN, or the answer to one, belongs to.
func keyOf(h tcphdr.Header) connectionKey {
	if h.Flags.Has(tcphdr.ACK) {
		return connectionKey{h.DstPort, h.Ack.Add(-1)}
	}
	return connectionKey{h.SrcPort, h.Seq}
}

// rttsIn returns, from a file in pcap-savefile(5) format, the time from each SYN to its answer.
func rttsIn(t *testing.T, path string) map[connectionKey]time.Duration {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	syns, rtts := make(map[connectionKey]time.Time), make(map[connectionKey]time.Duration)
	for b := file[24:]; len(b) > 0; {
		n := 16 + binary.NativeEndian.Uint32(b[8:])
		at := time.Unix(int64(binary.NativeEndian.Uint32(b)), int64(binary.NativeEndian.Uint32(b[4:])))
		const ethernet = 14 // octets
		var ip rawip.Datagram
		err := ip.Parse(b[16+ethernet : n])
		b = b[n:]
		tcp, _, bad := tcphdr.Parse(ip.Payload)
		if err != nil || bad != nil || tcp.Flags&(tcphdr.SYN|tcphdr.RST) == 0 {
			continue
		}
		key := keyOf(tcp)
		if !tcp.Flags.Has(tcphdr.ACK) {
			syns[key] = at
		} else if syn, ok := syns[key]; ok {
			rtts[key] = at.Sub(syn)
			delete(syns, key)
		}
	}
	return rtts
}

// A sample is a set of durations.
type sample []time.Duration

// quantile returns the smallest duration that a share of them, from 0 to 1, does not exceed.
func (s sample) quantile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(share*float64(len(sorted)-1))]
}

func (s sample) String() string {
	return fmt.Sprintf("median %v, p99 %v, max %v of %d", s.quantile(0.5), s.quantile(0.99), s.quantile(1), len(s))
}

// busy keeps the processors busy with four endless loops until the test ends.
func busy(t *testing.T) {
	t.Helper()
	for range 4 {
		loop := exec.Command("sh", "-c", "while :; do :; done")
		loop.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := loop.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			loop.Process.Kill()
			loop.Wait()
		})
	}
}

// serveTCP accepts connections at an address of a host, and closes each when its peer does.
func serveTCP(t *testing.T, h *netlab.Host, address string) {
	t.Helper()
	listener, err := h.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				io.Copy(io.Discard, conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() { listener.Close() })
}

// tap begins to capture at an interface. The function that it returns waits until there are so many frames of those that the
// filter (pcap-filter(7)) lets through, and returns the name of the file, which may hold others beside. It is tcpdump that captures
// where the user may run it, and a packet socket of our own elsewhere.
func tap(t *testing.T, h *netlab.Host, ifname, filter string, frames int) func() string {
	t.Helper()
	if !isRoot(t) {
		wire := labtest.Wire(t, h, ifname)
		return func() string { return wire.Stop(t) }
	}
	return tcpdump(t, h, ifname, filter, frames)
}

func tcpdump(t *testing.T, h *netlab.Host, ifname, filter string, frames int) func() string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tcpdump.pcap")
	cmd := labtest.Start(t, h, "listening on", "tcpdump", "-i", ifname, "-n", "-Z", "root", "-B", "16384",
		"--time-stamp-precision=nano", "-c", strconv.Itoa(frames), "-w", path, filter)
	return func() string {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("tcpdump: %v", err)
		}
		return path
	}
}

// isRoot reports whether this process is root of the machine, and not of a user namespace alone.
func isRoot(t *testing.T) bool {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(ids)), " ") == "0 0 4294967295"
}
