package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/tcphdr"
)

// A handshake is, on the wire, a SYN and the answer to it.
type handshake struct {
	port     uint16 // the client's
	iss      tcphdr.SeqNum
	sent     time.Time
	rtt      time.Duration
	answered bool
}

// A wire is the capture that every tool is held against: of tcpdump, with the kernel's stamps in nanoseconds.
type wire struct {
	cmd  *netlab.Cmd
	path string
}

// capture has tcpdump write the SYNs of an interface, and the answers to them, to a file.
func capture(h *netlab.Host, ifname, path string) (*wire, error) {
	cmd := h.Command(context.Background(), "tcpdump", "-i", ifname, "-n", "-Z", "root", "-B", "16384",
		"--time-stamp-precision=nano", "-U", "-w", path, "tcp[tcpflags] & tcp-syn != 0")
	stderr, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		stderr.Close()
		return nil, err
	}
	// Once it captures it says so.
	said := bufio.NewReader(stderr)
	for {
		line, err := said.ReadString('\n')
		if err != nil {
			stderr.Close()
			return nil, fmt.Errorf("tcpdump: %w", err)
		}
		if strings.Contains(line, "listening on") {
			break
		}
	}
	go func() {
		io.Copy(io.Discard, said)
		stderr.Close()
	}()
	return &wire{cmd, path}, nil
}

// stop ends the capture and returns the handshakes in it, in order.
func (w *wire) stop() ([]handshake, error) {
	// tcpdump is handed what it captures at least once a second.
	time.Sleep(1500 * time.Millisecond)
	if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	if err := w.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			return nil, err
		}
	}
	file, err := os.ReadFile(w.path)
	if err != nil {
		return nil, err
	}
	if len(file) < 24 {
		return nil, fmt.Errorf("%s: %w", w.path, io.ErrUnexpectedEOF)
	}
	return handshakes(file[24:]), nil
}

// handshakes reads the records of a file in pcap-savefile(5) format.
func handshakes(records []byte) (found []handshake) {
	for b := records; len(b) >= 16; {
		n := 16 + int(binary.NativeEndian.Uint32(b[8:]))
		if n > len(b) {
			break
		}
		at := time.Unix(int64(binary.NativeEndian.Uint32(b)), int64(binary.NativeEndian.Uint32(b[4:])))
		p := netlab.Passage{Frame: b[16:n]}
		b = b[n:]
		_, tcp, ok := p.Segment()
		switch {
		case !ok:
		case tcp.Flags&(tcphdr.SYN|tcphdr.ACK) == tcphdr.SYN:
			found = append(found, handshake{port: tcp.SrcPort, iss: tcp.Seq, sent: at})
		default:
			for i, h := range slices.Backward(found) {
				if h.port == tcp.DstPort && h.iss.Add(1) == tcp.Ack {
					if !h.answered {
						found[i].rtt, found[i].answered = at.Sub(h.sent), true
					}
					break
				}
			}
		}
	}
	return found
}

// between returns those that began in a span of time.
func between(all []handshake, from, to time.Time) []handshake {
	first, _ := slices.BinarySearchFunc(all, from, func(h handshake, t time.Time) int { return h.sent.Compare(t) })
	last, _ := slices.BinarySearchFunc(all, to, func(h handshake, t time.Time) int { return h.sent.Compare(t) })
	return all[first:last]
}
