package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// context returns one that ends after so many seconds, or with the process.
func (s *sweeper) context(seconds int) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// resident returns how much memory a process has at the moment, in KiB, and highWater how much it had at the most. What
// wait4(2) says of that is of no use: it counts from before the program was there, when the process was a copy of ours.
func resident(pid int) int64  { return status(pid, "VmRSS:") }
func highWater(pid int) int64 { return status(pid, "VmHWM:") }

func status(pid int, name string) (kib int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			fmt.Sscan(value, &kib)
		}
	}
	return kib
}

// lateness returns how many handshakes of a series were established, and how far the start of each is from where the
// first of its target puts it.
func (s *sweeper) lateness(every int) (established int, late sample) {
	file, err := os.Open(s.file("out"))
	if err != nil {
		return 0, nil
	}
	defer file.Close()
	first := make(map[string]time.Time)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			Type, Target, Outcome string
			Seq                   int
			Time                  time.Time
		}
		if json.Unmarshal(lines.Bytes(), &r) != nil || r.Type != "probe" {
			continue
		}
		if r.Outcome == "established" {
			established++
		}
		if r.Seq == 1 {
			first[r.Target] = r.Time
			continue
		}
		late = append(late, r.Time.Sub(first[r.Target].Add(time.Duration((r.Seq-1)*every)*time.Second)).Abs())
	}
	return established, late
}
