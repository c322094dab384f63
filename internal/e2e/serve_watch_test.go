//go:build linux

package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/netlab/labtest"
)

// awaitMetrics asks for the metrics until every one of some lines is there, and none of others.
func (e *exporter) awaitMetrics(t *testing.T, lines ...string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, metrics := e.get(t, "/metrics")
		missing := ""
		for _, line := range lines {
			wanted := !strings.HasPrefix(line, "!")
			if strings.Contains(metrics, "\n"+strings.TrimPrefix(line, "!")) != wanted {
				missing = line
			}
		}
		if missing == "" {
			return metrics
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", missing, metrics)
		}
	}
}

// TestServeWatch: targets come from files and by HTTP, come and go, and go on while others do.
func TestServeWatch(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	var resolves atomic.Bool
	resolves.Store(true)
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		answer := reply(query, [4]byte{10, 3, 0, 80})
		for i := range answer.Answers {
			answer.Answers[i].Header.TTL = 1
		}
		if !resolves.Load() {
			answer.Answers, answer.RCode = nil, dnsmessage.RCodeNameError
		}
		if packed, err := answer.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from) // which may be gone
		}
	})
	listener, err := n.Client.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	discovers := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[{"targets": ["10.3.0.80:82"], "labels": {"by": "http"}}]`)
	})}
	go discovers.Serve(listener)
	t.Cleanup(func() { discovers.Close() })
	dir := t.TempDir()
	groups := filepath.Join(dir, "groups.yml")
	must(t, os.WriteFile(groups, []byte("- targets: ['www.watch.test:80', '10.3.0.80:81']\n  labels: {team: \"d\\\"b\"}\n"), 0o644))

	e := startServe(t, n.Client, "--targets", groups, "--http-sd", "http://"+listener.Addr().String()+"/", "-i", "50ms", "--dns", "10.3.0.54")
	const named, refused, told = `{target="www.watch.test:80",team="d\"b"`, `{target="10.3.0.80:81",team="d\"b"`, `{target="10.3.0.80:82",by="http"`
	e.awaitMetrics(t, "tcpprobe_target_up"+named+"} 1\n", "tcpprobe_target_up"+refused+"} 0\n", "tcpprobe_target_up"+told+"} 0\n",
		"tcpprobe_outages_total"+refused+"} 1\n", "tcpprobe_outages_total"+named+"} 0\n", "tcpprobe_syns_lost_total"+named+"} 0\n")

	resolves.Store(false) // which is an outage, and not the end
	e.awaitMetrics(t, "tcpprobe_target_up"+named+"} 0\n", "tcpprobe_outages_total"+named+"} 1\n", "!tcpprobe_handshakes_total"+named+`,outcome="dns_error"} 0`+"\n")
	resolves.Store(true)
	e.awaitMetrics(t, "tcpprobe_target_up"+named+"} 1\n", "!tcpprobe_outage_start_timestamp_seconds"+named)

	other := filepath.Join(dir, ".groups")
	must(t, os.WriteFile(other, []byte("- targets: ['www.watch.test:80', '10.3.0.80:83']\n"), 0o644))
	must(t, os.Rename(other, groups))
	metrics := e.awaitMetrics(t, `tcpprobe_target_up{target="10.3.0.80:83"} 0`+"\n", "!tcpprobe_target_up"+refused, "tcpprobe_target_up"+told, `tcpprobe_target_up{target="www.watch.test:80"} 1`)
	if !strings.Contains(metrics, "\n"+`tcpprobe_outages_total{target="www.watch.test:80"} 1`) {
		t.Error("what stayed has lost its figures")
	}
	must(t, os.WriteFile(groups, []byte("- targets: ['www.watch.test:80',\n  'nonsense']\n"), 0o644))
	if line, err := e.stderr.ReadString('\n'); err != nil || !strings.Contains(line, "tcpprobe: nothing was changed: ") || !strings.Contains(line, "groups.yml: line 2: target nonsense") {
		t.Errorf("%q, %v", line, err)
	}
	e.awaitMetrics(t, "tcpprobe_discovery_failures_total 1\n", `tcpprobe_target_up{target="10.3.0.80:83"}`)
	if status, _ := e.get(t, "/probe?target=10.3.0.80:83"); status != http.StatusOK {
		t.Errorf("a target that is watched: %d", status)
	}
}
