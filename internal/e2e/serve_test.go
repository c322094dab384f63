//go:build linux

package e2e_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestServeProbe: a handshake for each request, its outcome as metrics, and what of it is refused.
func TestServeProbe(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	e := startServe(t, a)
	for path, want := range map[string]struct {
		status int
		line   string
	}{
		"/-/healthy":                {http.StatusOK, "Healthy"},
		"/-/ready":                  {http.StatusOK, "Ready"},
		"/-/reload":                 {http.StatusMethodNotAllowed, ""},
		"/config":                   {http.StatusOK, "\"tcp_wire\":\n"},
		"/probe?target=10.0.0.2:80": {http.StatusOK, "\nprobe_success 1\n"},
		"/probe?target=10.0.0.2:80&module=tcp_wire":   {http.StatusOK, "\nprobe_success 1\n"},
		"/probe?target=10.0.0.2:81":                   {http.StatusOK, "\nprobe_tcp_outcome{outcome=\"refused\"} 1\n"},
		"/probe?target=10.0.0.2:80&debug=true":        {http.StatusOK, "ESTABLISHED  10.0.0.2:80"},
		"/probe?target=nobody.lab.test:80&debug=true": {http.StatusOK, "probe_tcp_outcome{outcome=\"dns_error\"} 1\n"},
		"/probe":                       {http.StatusBadRequest, "Target parameter is missing"},
		"/probe?target=10.0.0.2":       {http.StatusBadRequest, "the port is missing"},
		"/probe?target=10.0.0.2:80,81": {http.StatusBadRequest, "these are 2 targets"},
		"/probe?target=10.0.0.2:80&target=10.0.0.3:80": {http.StatusBadRequest, "target is given more than once"},
		"/probe?target=10.0.0.2:80&module=http_2xx":    {http.StatusBadRequest, `Unknown module "http_2xx"`},
		"/probe?target=10.0.0.2:80%0d%0aX-Evil:1":      {http.StatusBadRequest, "is not a host name"},
		"/probe?target=10.0.0.2:80%00":                 {http.StatusBadRequest, ""},
		"/probe?target=%3Cscript%3E:80":                {http.StatusBadRequest, ""},
		"/probe?target=%zz":                            {http.StatusBadRequest, "cannot be read"},
		"/probe?target=[fe80::1%25eth0]:80":            {http.StatusForbidden, "a link-local address"},
		"/probe?target=[fe80::1%25eth0%0a]:80":         {http.StatusForbidden, "a link-local address"},
		"/probe?target=127.0.0.1:80":                   {http.StatusForbidden, "a loopback address"},
		"/probe?target=localhost:80":                   {http.StatusForbidden, "a loopback address"},
		"/probe?target=10.0.0.1:80":                    {http.StatusForbidden, "an address of this host"},
		"/probe?target=10.0.0.1:80&module=tcp_wire":    {http.StatusForbidden, "an address of this host"},
		"/probe?target=169.254.169.254:80":             {http.StatusForbidden, "metadata"},
		"/probe?target=224.0.0.1:80":                   {http.StatusForbidden, "a multicast group"},
		"/probe?target=[ff02::1]:80":                   {http.StatusForbidden, "a multicast group"},
		"/probe?target=10.0.0.255:80&module=tcp_wire":  {http.StatusOK, "\nprobe_success 0\n"},
		"/probe?target=" + strings.Repeat("x", 4000):   {http.StatusBadRequest, ""},
		"/nothing": {http.StatusNotFound, ""},
	} {
		status, body := e.get(t, path)
		if status != want.status || !strings.Contains(body, want.line) {
			t.Errorf("%.100s: %d\n%.3000s", path, status, body)
		}
	}
	// Nobody reads ten megaoctets: the answer is there, or the connection is reset before the client has sent them all.
	response, err := e.client.Get(e.url + "/probe?target=" + strings.Repeat("x", 10<<20))
	if err == nil {
		response.Body.Close()
	}
	if err == nil && response.StatusCode != http.StatusRequestHeaderFieldsTooLarge || err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("10 MB: %v, %v", response, err)
	}
	_, metrics := e.get(t, "/metrics")
	for _, line := range []string{
		"\ntcpprobe_probes_total 6\n", "\ntcpprobe_probe_failures_total 3\n", "\ntcpprobe_module_unknown_total 1\n", "\ntcpprobe_probes_refused_total{reason=\"not_allowed\"} 9\n",
		"\ntcpprobe_config_last_reload_successful 1\n", "\ntcpprobe_packet_socket_drops_total 0\n", "\nprocess_open_fds ", "\ngo_goroutines ",
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %q in the metrics:\n%s", line, metrics)
		}
	}
	must(t, e.cmd.Process.Signal(syscall.SIGTERM))
	if r := e.end(t); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}

// TestServeUsage: what is wrong with flags and files is said in one line, before anything is served.
func TestServeUsage(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	dir := t.TempDir()
	broken, targets, plain := filepath.Join(dir, "broken.yml"), filepath.Join(dir, "targets"), filepath.Join(dir, "plain.yml")
	must(t, os.WriteFile(broken, []byte("modules:\n  m:\n    probber: tcp\n"), 0o600))
	must(t, os.WriteFile(targets, []byte("10.0.0.2:80\nnonsense\n"), 0o600))
	must(t, os.WriteFile(plain, []byte("modules: {tcp_handshake: {timeout: 1s}}\ntargets: [{targets: ['10.0.0.2:80']}]\n"), 0o600))
	for args, want := range map[string]ran{
		"10.0.0.2:80":                       {exit.Usage, "", "tcpprobe: 10.0.0.2:80: serve takes flags alone: targets stand in --targets FILE, or in requests\n"},
		"--listen 9980":                     {exit.Usage, "", "tcpprobe: --listen 9980: an address and a port are wanted, as in 127.0.0.1:9980, [::1]:9980 or :9980 for all addresses\n"},
		"--allow 10.0.0.1/8":                {exit.Usage, "", "tcpprobe: --allow 10.0.0.1/8: it is no prefix, as 10.0.0.0/8 or 2001:db8::/32\n"},
		"--history 0":                       {exit.Usage, "", "tcpprobe: --history 0 is not within 1 to 65536\n"},
		"--config " + broken:                {exit.Configuration, "", "tcpprobe: " + broken + ": line 3: there is no key probber here\n"},
		"--check-config --config " + broken: {exit.Configuration, "", "tcpprobe: " + broken + ": line 3: there is no key probber here\n"},
		"--check-config --config " + plain:  {0, "the configuration is right: 1 modules, 1 targets\n", ""},
		"--targets " + targets:              {exit.Configuration, "", "tcpprobe: " + targets + ": line 2: target nonsense: the port is missing, as in nonsense:80\n"},
		"--config /nonexistent":             {exit.Configuration, "", "tcpprobe: open /nonexistent: no such file or directory\n"},
		"--web-config " + broken:            {exit.Configuration, "", "tcpprobe: " + broken + ": line 1: there is no key modules here\n"},
		"--listen 10.9.9.9:80":              {exit.System, "", "tcpprobe: --listen: listen tcp 10.9.9.9:80: bind: cannot assign requested address\n"},
	} {
		r := tcpprobe(t, a, append([]string{"serve"}, strings.Fields(args)...)...)
		if r.code != want.code || r.stdout != want.stdout || want.stderr != "" && r.stderr != want.stderr || strings.Count(r.stderr, "\n") > 1 {
			t.Errorf("serve %s: %d, %q, %q", args, r.code, r.stdout, r.stderr)
		}
	}
}
