package prober_test

import (
	"testing"
	"time"

	"tcpprobe/internal/prober"
)

func TestCongestion(t *testing.T) {
	c := prober.NewCongestion(1000)
	now := time.Unix(5_000, 0)
	first := c.Limit()
	for range 8 * 5000 {
		c.Whole()
	}
	if first != 256 || c.Limit() != 1000 {
		t.Errorf("from %d to %d", first, c.Limit())
	}
	c.Lost(now)
	c.Lost(now.Add(10 * ms))
	if c.Limit() != 500 {
		t.Errorf("%d after losses at one time", c.Limit())
	}
	for i := range 20 {
		c.Lost(now.Add(time.Duration(i+1) * 100 * ms))
	}
	if c.Limit() != 16 {
		t.Errorf("%d after many losses", c.Limit())
	}
	for range 8 {
		c.Whole()
	}
	if c.Limit() != 17 {
		t.Errorf("%d after 8 handshakes without loss", c.Limit())
	}
}

// TestCongestionSilent: hosts that do not answer hold nobody back but for the most that may be under way, and those that answer
// late count once.
func TestCongestionSilent(t *testing.T) {
	c := prober.NewCongestion(5000)
	now := time.Unix(5_000, 0)
	start := now
	type handshake struct{ began, ends time.Time }
	var underWay []handshake
	begun, ended := 0, 0
	for p := prober.NewPace(2000); ended < 5000; {
		for len(underWay) > 0 && !now.Before(underWay[0].ends) {
			c.Ended(underWay[0].began, now)
			c.Whole()
			underWay = underWay[1:]
			ended++
		}
		if begun == 5000 || !c.Room(now) {
			now = now.Add(ms)
			continue
		}
		if again, ok := p.Take(now); !ok {
			now = again
			continue
		}
		c.Begun(now)
		underWay = append(underWay, handshake{now, now.Add(time.Second)})
		begun++
	}
	if took := now.Sub(start); took > 3600*ms {
		t.Errorf("5000 silent hosts at 2000 a second, each for a second, take %v", took)
	}
	if c.UnderWay() != 0 {
		t.Errorf("%d are under way in the end", c.UnderWay())
	}
	if c = prober.NewCongestion(256); !c.Room(now) {
		t.Error("there is no room in the beginning")
	}
	for range 256 {
		c.Begun(now)
	}
	if c.Room(now.Add(90 * ms)) {
		t.Error("there is room while all are in the network")
	}
	for range 10 {
		c.Ended(now, now.Add(200*ms))
	}
	if c.UnderWay() != 246 || !c.Room(now.Add(200*ms)) {
		t.Errorf("%d are under way", c.UnderWay())
	}
	c.Lost(now.Add(200 * ms))
	for range 100 {
		if !c.Room(now.Add(200 * ms)) {
			t.Fatal("late ends count as begun ones")
		}
		c.Begun(now.Add(200 * ms))
		c.Ended(now.Add(200*ms), now.Add(201*ms))
	}
}
