package route_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/route"
)

// cached asks a Cache for many flows at one time, and then once more.
func cached(t *testing.T, h *netlab.Host, flows []route.Flow) (answers []string) {
	t.Helper()
	err := h.Do(func() error {
		c, err := route.OpenCache()
		if err != nil {
			return err
		}
		defer c.Close()
		now := time.Unix(5_000, 0)
		for round := range 2 {
			for i, f := range flows {
				r, err := c.Lookup(f, now)
				text := answer(r, err)
				if round == 0 {
					answers = append(answers, text)
				} else if text != answers[i] {
					t.Errorf("%v: first %s, then %s", f.Dst, answers[i], text)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func answer(r route.Route, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, next hop %v", summary(r), r.NextHop)
}

// TestCache: whatever the tables and rules, a Cache says what Lookup says.
func TestCache(t *testing.T) {
	for name, set := range map[string][]string{
		"plain":           {"route add default via 10.1.0.1"},
		"more specific":   {"route add default via 10.1.0.1", "route add 10.9.0.0/16 via 10.2.0.1", "route add 10.9.7.0/24 via 10.1.0.9", "route add 10.9.7.77/32 via 10.2.0.9"},
		"rejections":      {"route add 10.9.0.0/16 via 10.1.0.1", "route add prohibit 10.9.7.0/24", "route add unreachable 10.9.8.0/25", "route add blackhole 10.9.9.9"},
		"several hops":    {"route add default nexthop via 10.1.0.1 nexthop via 10.2.0.1"},
		"several within":  {"route add default via 10.1.0.1", "route add 10.9.7.0/24 nexthop via 10.1.0.1 nexthop via 10.2.0.1"},
		"rule to":         {"route add default via 10.1.0.1", "route add default via 10.2.0.1 table 7", "rule add to 10.9.7.0/24 table 7"},
		"rule by port":    {"route add default via 10.1.0.1", "route add default via 10.2.0.1 table 7", "rule add ipproto tcp sport 1000-1031 table 7"},
		"rule by TOS":     {"route add default via 10.1.0.1", "route add default via 10.2.0.1 table 7", "rule add tos 0x10 table 7"},
		"MTU of a route":  {"route add default via 10.1.0.1", "route add 10.9.7.0/24 via 10.1.0.1 mtu 1300"},
		"no route at all": nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			for _, arguments := range set {
				ip(t, h, arguments)
			}
			var flows []route.Flow
			for i := range 64 {
				for _, dst := range []string{"10.9.7.%d", "10.9.8.%d", "10.9.9.%d", "10.77.0.%d", "10.1.0.%d", "127.0.0.%d"} {
					f := tcp(fmt.Sprintf(dst, 1+4*i))
					f.SrcPort = uint16(1000 + i)
					if i%2 == 1 {
						f.TOS = 0x10
					}
					flows = append(flows, f)
				}
			}
			flows = append(flows, tcp("10.9.7.77"), tcp("10.9.9.9"))
			for i, got := range cached(t, h, flows) {
				r, err := lookup(h, flows[i])
				if want := answer(r, err); got != want {
					t.Errorf("%v from port %d: %s, want %s", flows[i].Dst, flows[i].SrcPort, got, want)
				}
			}
		})
	}
}

// TestCacheForgets: what has changed is known a second later.
func TestCacheForgets(t *testing.T) {
	h := newHost(t)
	ip(t, h, "route add default via 10.1.0.1")
	now := time.Unix(5_000, 0)
	var c *route.Cache
	nextHop := func() (hop netip.Addr) {
		t.Helper()
		err := h.Do(func() (err error) {
			if c == nil {
				if c, err = route.OpenCache(); err != nil {
					return err
				}
			}
			r, err := c.Lookup(tcp("10.9.7.1"), now)
			hop = r.NextHop
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return hop
	}
	defer func() { c.Close() }()
	if hop := nextHop(); hop != addr("10.1.0.1") {
		t.Errorf("next hop %v", hop)
	}
	ip(t, h, "route replace default via 10.2.0.1")
	now = now.Add(time.Second)
	if hop := nextHop(); hop != addr("10.2.0.1") {
		t.Errorf("next hop %v a second later", hop)
	}
}
