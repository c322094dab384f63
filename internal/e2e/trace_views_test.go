//go:build linux

package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestTraceViews: a path can be read with all fields, be explained, be captured and be drawn.
func TestTraceViews(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	folder := t.TempDir()
	capture, drawing := filepath.Join(folder, "path.pcapng"), filepath.Join(folder, "path.svg")
	for _, test := range []struct {
		args []string
		want []string // in the text
	}{
		{[]string{"-v"}, []string{"quoted    our SYN", "options   mss 1460"}},
		{[]string{"--explain"}, []string{"Time to Live 1", "What was learnt", "3 hops of 3"}},
		{[]string{"--output=mermaid"}, []string{"sequenceDiagram", "hop 1", "hop 2", "ESTABLISHED"}},
		{[]string{"--flows=2", "--explain"}, []string{"What was learnt"}},
		{[]string{"--mtu", "-v"}, []string{"path mtu 1500"}},
		{[]string{"--compare-syn", "--output=mermaid"}, []string{"sequenceDiagram"}},
		{[]string{"--pcap=" + capture, "--diagram=" + drawing}, []string{"ESTABLISHED  10.3.0.80:80  3 hops"}},
	} {
		r := tcpprobe(t, n.Client, append([]string{"trace", "10.3.0.80:80"}, test.args...)...)
		for _, want := range test.want {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%q: there is no %q in\n%.3000s", test.args, want, r.stdout)
			}
		}
		if r.code != exit.Established || r.stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q", test.args, r.code, r.stderr)
		}
	}
	syns := tshark(t, capture, "tcp.flags==0x002 && ip.dst==10.3.0.80 && !icmp", "ip.ttl")
	if len(syns) < 3 || syns[0] != "1" || syns[1] != "2" || syns[2] != "3" {
		t.Errorf("TTLs of the SYNs in the capture: %q", syns)
	}
	if ran := tshark(t, capture, "icmp.type==11", "ip.src"); len(ran) < 2 {
		t.Errorf("ICMP errors in the capture: %q", ran)
	}
	svg, err := os.ReadFile(drawing)
	must(t, err)
	if !bytes.Contains(svg, []byte("hop 1")) || !bytes.HasSuffix(svg, []byte("</svg>\n")) {
		t.Errorf("the drawing:\n%s", svg)
	}
}

// tshark returns a field of those frames of a capture that a display filter lets through.
func tshark(t *testing.T, capture, filter, field string) []string {
	t.Helper()
	rows, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", capture, "-Y", filter, "-T", "fields", "-E", "occurrence=f", "-e", field).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return strings.Fields(string(rows))
}
