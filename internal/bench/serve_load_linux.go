package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An asker asks an exporter for handshakes.
type asker struct {
	*exporterProcess
	module    string
	client    *http.Client
	transport *http.Transport
}

func newAsker(e *exporterProcess, module string) *asker {
	t := e.transport()
	return &asker{e, module, &http.Client{Transport: t, Timeout: 10 * time.Second}, t}
}

func (a *asker) close() { a.transport.CloseIdleConnections() }

// Answers are what requests came to.
type answers struct {
	up, down int    // probe_success 1 and 0
	refused  int    // 503
	other    int    // no answer in time, or another one
	latency  sample // of probes
	refusal  sample // latency of what was refused
	example  string // of an answer that is none of those
}

func (a *answers) requests() int { return a.up + a.down + a.refused + a.other }

// ask makes one request, and counts it under a lock.
func (a *asker) ask(n int, sum *answers, lock *sync.Mutex) {
	begun := time.Now()
	status, body, err := a.get(a.probeURL(a.module, n))
	took := time.Since(begun)
	lock.Lock()
	defer lock.Unlock()
	switch {
	case err != nil:
		sum.other++
		sum.example = err.Error()
	case status == http.StatusServiceUnavailable:
		sum.refused++
		sum.refusal = append(sum.refusal, took)
	case status == http.StatusOK && bytes.Contains(body, []byte("probe_success 1\n")):
		sum.up++
		sum.latency = append(sum.latency, took)
	case status == http.StatusOK && bytes.Contains(body, []byte("probe_success 0\n")):
		sum.down++
		sum.latency = append(sum.latency, took)
		sum.example = string(body)
	default:
		sum.other++
		sum.example = fmt.Sprintf("%d: %s", status, body)
	}
}

func (a *asker) get(url string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "10")
	response, err := a.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// paced asks so many times a second, but no more than so many at once: whoever waits for an answer does not ask again.
func (a *asker) paced(rate, most int, during time.Duration) answers {
	var sum answers
	var lock sync.Mutex
	var wait sync.WaitGroup
	asking := make(chan struct{}, most)
	begun := time.Now()
	for n := range int(during.Seconds() * float64(rate)) {
		time.Sleep(time.Until(begun.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		select {
		case asking <- struct{}{}:
			wait.Go(func() {
				a.ask(n%watched, &sum, &lock)
				<-asking
			})
		default:
		}
	}
	wait.Wait()
	return sum
}

// capacity returns how many handshakes a second there are while so many requests are under way at any time.
func (a *asker) capacity(parallel int, during time.Duration) int {
	var sum answers
	var lock sync.Mutex
	var wait sync.WaitGroup
	begun := time.Now()
	for first := range parallel {
		wait.Go(func() {
			for n := first; time.Since(begun) < during; n += parallel {
				a.ask(n%watched, &sum, &lock)
			}
		})
	}
	wait.Wait()
	return int(float64(sum.up) / time.Since(begun).Seconds())
}

// counted returns how many handshakes tcpprobe has made by itself, and how many of them have failed.
func (e *exporterProcess) counted() (all, failed int, err error) {
	a := newAsker(e, "")
	defer a.close()
	status, body, err := a.get(e.url + "/metrics")
	if err != nil || status != http.StatusOK {
		return 0, 0, fmt.Errorf("/metrics: status %d: %w", status, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		if !strings.HasPrefix(series, "tcpprobe_handshakes_total{") {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return 0, 0, err
		}
		all += n
		if !strings.Contains(series, `outcome="established"`) {
			failed += n
		}
	}
	return all, failed, lines.Err()
}

// peak returns the largest of what a function says while another one runs.
func peak(look func() int64, while func()) (most int64) {
	ended := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for ticker := time.NewTicker(50 * time.Millisecond); ; {
			most = max(most, look())
			select {
			case <-ended:
				ticker.Stop()
				return
			case <-ticker.C:
			}
		}
	})
	while()
	close(ended)
	wait.Wait()
	return most
}
