//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestRawSocketsAreEnough makes handshakes with CAP_NET_RAW and no other capability: also on kernels that want
// CAP_NET_ADMIN for the filter of a TCP socket, the guard keeps the kernel from resetting them.
func TestRawSocketsAreEnough(t *testing.T) {
	n := labtest.DualStack(t)
	serve(t, n.Client, "[::]:80")
	serve(t, n.R1, "[::]:80")
	for name, args := range map[string][]string{
		"link":                         {"10.3.0.80:80", "--send", "link"},
		"ip":                           {"10.3.0.80:80", "--send", "ip"},
		"interface and mark":           {"10.3.0.80:80", "--send", "ip", "-I", "eth0", "--mark", "7"},
		"IPv6, link":                   {"[2001:db8:3::80]:80", "--send", "link"},
		"IPv6, ip":                     {"[2001:db8:3::80]:80", "--send", "ip"},
		"IPv6, interface and mark":     {"[2001:db8:3::80]:80", "--send", "ip", "-I", "eth0", "--mark", "7"},
		"IPv6, neighbour, link":        {"[2001:db8:1::1]:80", "--send", "link"},
		"IPv6, neighbour, ip":          {"[2001:db8:1::1]:80", "--send", "ip"},
		"IPv6, link-local, link":       {"[fe80::1%eth0]:80", "--send", "link"},
		"IPv6, link-local, ip":         {"[fe80::1%eth0]:80", "--send", "ip"},
		"IPv6, loopback":               {"[::1]:80"},
		"IPv6, own address":            {"[2001:db8:1::2]:80"},
		"IPv6, own link-local address": {"[fe80::2%eth0]:80"},
	} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Open("/proc/self/exe")
			must(t, err)
			defer self.Close()
			args := append([]string{"--bounding-set=-all,+net_raw", "--inh-caps=-all", "--no-new-privs",
				"/proc/self/fd/3", "-q", "-c", "50", "-i", "2ms"}, args...)
			cmd := n.Client.Command(t.Context(), "setpriv", args...)
			cmd.Env = programEnv()
			cmd.ExtraFiles = []*os.File{self}
			before := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]
			r := finish(t, cmd)
			if r.code != exit.Established || !strings.Contains(r.stdout, "50 handshakes: 50 established;") {
				t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
			}
			if resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"] - before; resets != 0 {
				t.Errorf("the kernel sent %d RSTs", resets)
			}
		})
	}
}

// TestFileCapabilityIsLimited: a file capability serves every user of the host, who may probe by default, and no faster or wider.
func TestFileCapabilityIsLimited(t *testing.T) {
	if !isRoot(t) {
		t.Skip("only root of the system can give a file a capability that other users have")
	}
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	name := withFileCapability(t, capabilityEffective)
	for _, test := range []struct {
		args string
		code int
		want string // on stderr
	}{
		{"", exit.Established, ""},
		{"--rate 10 --max-targets 5", exit.Established, ""},
		{"--rate 0", exit.NotPermitted, "tcpprobe: --rate 0 is for root: "},
		{"--rate 1001", exit.NotPermitted, "tcpprobe: --rate 1001 is for root: "},
		{"--max-targets 0", exit.NotPermitted, "tcpprobe: --max-targets 0 is for root: "},
	} {
		args := append([]string{"--reuid=65534", "--regid=65534", "--clear-groups", name, "10.0.0.2:80"}, strings.Fields(test.args)...)
		cmd := a.Command(t.Context(), "setpriv", args...)
		cmd.Env, cmd.Dir = programEnv(), "/"
		r := finish(t, cmd)
		if r.code != test.code || !strings.HasPrefix(r.stderr, test.want) || strings.Count(r.stderr, "\n") > 1 || test.want == "" && r.stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q; want %d, %q", test.args, r.code, r.stderr, test.code, test.want)
		}
	}
	if r := tcpprobe(t, a, "10.0.0.2:80", "--rate=0", "--max-targets=0"); r.code != exit.Established {
		t.Errorf("root: exit code %d, %s", r.code, r.stderr)
	}
}

// What setcap(8) writes for cap_net_raw+ep and cap_net_raw+p: struct vfs_cap_data of linux/capability.h.
const (
	capabilityEffective = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	capabilityPermitted = "\x00\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

// withFileCapability returns the name of the program as a file of its own with a capability.
func withFileCapability(t *testing.T, attribute string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "capability")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	name := filepath.Join(dir, "tcpprobe")
	program, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	must(t, os.WriteFile(name, program, 0o755))
	must(t, unix.Setxattr(name, "security.capability", []byte(attribute), 0))
	return name
}

// TestFileCapabilities: permitted alone is enough for the program, which raises it, and where nobody may have it the program
// can still say so; a file that makes it effective does not even start there.
func TestFileCapabilities(t *testing.T) {
	if !isRoot(t) {
		t.Skip("only root of the system can give a file a capability that other users have")
	}
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	const notStarted = 126 // says env
	for _, test := range []struct {
		attribute    string
		bounding, by string
		code         int
		said, doctor string // on either output
	}{
		{capabilityEffective, "--bounding-set=+all", "env", exit.Established, "", "ok  CAP_NET_RAW      effective\n"},
		{capabilityPermitted, "--bounding-set=+all", "env", exit.Established, "", "ok  CAP_NET_RAW      effective\n"},
		{capabilityEffective, "--bounding-set=-net_raw", "env", notStarted, "Operation not permitted", "Operation not permitted"},
		{capabilityPermitted, "--bounding-set=-net_raw", "env", exit.NotPermitted, "no CAP_NET_RAW", "no  CAP_NET_RAW      not in the bounding set: "},
		{capabilityEffective, "--bounding-set=+all", "setpriv --no-new-privs", exit.NotPermitted, "no CAP_NET_RAW", "no  no_new_privs     on: neither sudo nor a file capability gives anything\n"},
		{capabilityPermitted, "--bounding-set=+all", "setpriv --no-new-privs", exit.NotPermitted, "no CAP_NET_RAW", "no  no_new_privs     on: neither sudo nor a file capability gives anything\n"},
	} {
		name := withFileCapability(t, test.attribute)
		run := func(args ...string) ran {
			// The first program that the user runs has lost what root had.
			all := []string{test.bounding, "--reuid=65534", "--regid=65534", "--clear-groups"}
			all = append(append(append(all, strings.Fields(test.by)...), name), args...)
			cmd := a.Command(t.Context(), "setpriv", all...)
			cmd.Env, cmd.Dir = programEnv(), "/"
			return finish(t, cmd)
		}
		if r := run("--send", "link", "10.0.0.2:80"); r.code != test.code || !strings.Contains(r.stdout+r.stderr, test.said) {
			t.Errorf("%q: exit code %d, %q; want %d, %q", test.bounding+" "+test.by, r.code, r.stderr, test.code, test.said)
		}
		if r := run("doctor"); !strings.Contains(r.stdout+r.stderr, test.doctor) {
			t.Errorf("%q: doctor says %s%s, want %q", test.bounding+" "+test.by, r.stdout, r.stderr, test.doctor)
		}
	}
}
