package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/netlab"
)

// An exporterProcess is an exporter that runs.
type exporterProcess struct {
	*netlab.Cmd
	url string
	net *netlab.Host
}

// start starts an exporter on the client, and returns once it answers.
func (s *sweeper) start(address string, args ...string) (*exporterProcess, error) {
	log, err := os.Create(s.file("log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	e := &exporterProcess{Cmd: s.client.Command(context.Background(), args[0], args[1:]...), url: "http://" + address, net: s.client}
	e.Stderr = log
	if err := e.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := s.client.Dial(context.Background(), "tcp4", address); err == nil {
			return e, conn.Close()
		}
	}
	e.stop()
	said, _ := os.ReadFile(s.file("log"))
	return nil, fmt.Errorf("%v does not listen: %s", args, said)
}

func (e *exporterProcess) stop() {
	e.Process.Kill()
	e.Wait()
}

// mostDialing is how many connections are opened at a time: each has a thread in the network of the exporter meanwhile.
const mostDialing = 256

// transport returns what requests to the exporter go by: connections are kept, as Prometheus keeps them.
func (e *exporterProcess) transport() *http.Transport {
	dialing := make(chan struct{}, mostDialing)
	return &http.Transport{
		MaxIdleConnsPerHost: watched,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialing <- struct{}{}
			defer func() { <-dialing }()
			return e.net.Dial(ctx, network, address)
		},
	}
}

// cpu returns how long the process has kept processors busy, itself and in the kernel.
func (e *exporterProcess) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may contain anything. utime and stime are the 14th and 15th fields, in ticks of 10 ms.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// probeURL asks an exporter for the handshake with a target, by its number.
func (e *exporterProcess) probeURL(module string, n int) string {
	return fmt.Sprintf("%s/probe?module=%s&target=10.78.%d.%d:%d", e.url, module, n>>8&0xff, n&0xff, sweepPort)
}
