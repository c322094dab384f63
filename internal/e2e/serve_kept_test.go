//go:build linux

package e2e_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// TestServeKept: every probe has an ID, under which there are its result, its packets and its picture; the lists are lines of the schema.
func TestServeKept(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	e := startServe(t, a, "--history", "2")
	for _, target := range []string{"10.0.0.2:81", "10.0.0.2:80", "10.0.0.2:80", "10.0.0.2:80"} {
		if status, body := e.get(t, "/probe?target="+target); status != http.StatusOK {
			t.Fatalf("%d, %s", status, body)
		}
	}
	_, lines := e.get(t, "/api/v1/probes")
	var ids, outcomes []string
	for line := range strings.Lines(lines) {
		validate(t, line)
		var p struct{ ID, Module, Outcome string }
		must(t, json.Unmarshal([]byte(line), &p))
		ids, outcomes = append(ids, p.ID), append(outcomes, p.Outcome)
		if p.Module != "tcp_handshake" || !regexp.MustCompile(`^[0-9a-z]+$`).MatchString(p.ID) {
			t.Errorf("%+v", p)
		}
	}
	if got := strings.Join(outcomes, " "); got != "established established refused" { // the newest first; the failure is kept apart
		t.Fatalf("kept: %s", got)
	}
	_, lines = e.get(t, "/api/v1/targets")
	if n := strings.Count(lines, "\n"); n != 2 {
		t.Errorf("%d targets\n%s", n, lines)
	}
	for line := range strings.Lines(lines) {
		validate(t, line)
	}
	if !strings.Contains(lines, `"target":"10.0.0.2:80","watched":false,"address":"10.0.0.2","handshakes":3,"outcomes":{"established":3}`) {
		t.Error(lines)
	}
	refused := ids[2]
	for path, want := range map[string]string{
		refused + ".json": `"outcome":"refused"`, refused + ".svg": "<svg ", refused + ".pcapng": "\x0a\x0d\x0d\x0a", refused: "<!doctype html>",
	} {
		if status, body := e.get(t, "/probes/"+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d\n%.500s", path, status, body)
		}
	}
	_, line := e.get(t, "/probes/"+refused+".json")
	validate(t, line)
	if !strings.Contains(line, `"id":"`+refused+`"`) {
		t.Error(line)
	}
	for _, path := range []string{"0", "nonsense", refused + ".exe", "..%2f..%2fetc%2fpasswd", strings.Repeat("z", 1000)} {
		if status, body := e.get(t, "/probes/"+path); status != http.StatusNotFound {
			t.Errorf("%s: %d\n%.500s", path, status, body)
		}
	}
}
