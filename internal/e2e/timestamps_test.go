//go:build linux

package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tcpprobe/internal/netlab/labtest"
)

// TestTimestamps: each line begins with the time of day and keeps to 80 columns, and all that it says without is said.
func TestTimestamps(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	stamp := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} `)
	for args, want := range map[string]string{
		"-v www.lab.test:80":                           "ESTABLISHED www.lab.test:80 rtt ",
		"www.lab.test:81 10.3.0.80:80":                 "A RST in its name: nothing listens on port 81",
		"-c 3 -i 10ms www.lab.test:80":                 "3 handshakes: 3 established; 3 SYNs, 0 lost;",
		"-c 2 -i 10ms www.lab.test:81 www.lab.test:80": "longest outage",
		"-q www.lab.test:80 nobody.lab.test:80":        "DNS_ERROR nobody.lab.test:80 does not exist",
		"--targets -":                                  "--- 2 targets --- 2 handshakes: 1 established, 1 refused;",
		"--only failed www.lab.test:81":                "REFUSED www.lab.test:81",
		"trace www.lab.test:80":                        "3 10.3.0.80 ",
		"trace www.lab.test:81":                        "REFUSED www.lab.test:81 reset at hop 3 after ",
		"trace --flows 2 www.lab.test:80":              "ESTABLISHED www.lab.test:80",
		"trace --mtu www.lab.test:80":                  "ESTABLISHED www.lab.test:80",
		"--color always www.lab.test:81":               "\x1b[31mREFUSED\x1b[0m www.lab.test:81",
	} {
		cmd := program(t.Context(), n.Client, append([]string{labDNS, "--timestamps"}, strings.Fields(args)...)...)
		cmd.Stdin = strings.NewReader("10.3.0.80:80\n10.3.0.80:81\n")
		r := finish(t, cmd)
		var said []string
		for line := range strings.Lines(r.stdout) {
			line = strings.TrimSuffix(line, "\n")
			plain := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(line, "")
			if line != "" && !stamp.MatchString(line) || utf8.RuneCountInString(plain) > 80 {
				t.Errorf("%s: %q", args, line)
			}
			said = append(said, strings.Fields(stamp.ReplaceAllString(line, ""))...)
		}
		if all := strings.Join(said, " "); !strings.Contains(all, want) || r.stderr != "" {
			t.Errorf("%s: %q is not in %s, stderr %q", args, want, all, r.stderr)
		}
	}
	if l := parseLines(t, tcpprobe(t, n.Client, labDNS, "--timestamps", "--json", "www.lab.test:80")); len(l.probes) != 1 || len(l.summaries) != 1 {
		t.Errorf("%d handshakes and %d summaries in JSON", len(l.probes), len(l.summaries))
	}
	if r := tcpprobe(t, n.Client, labDNS, "trace", "--timestamps", "--json", "www.lab.test:80"); !strings.HasPrefix(r.stdout, "{") {
		t.Errorf("JSON of a trace begins with something else: %s", r.stdout)
	}
}

// farZone is a zone of 14 hours and 30 minutes east, which is nobody's, in the format of RFC 8536: a header and its only type.
const farZone = "TZif" + "\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x04" +
	"\x00\x00\xcb\xe8" + "\x00" + "\x00" + "FAR\x00"

// TestTimestampsZone: the time of day is that of the zone of /etc/localtime, which the sandbox does not let the process read.
func TestTimestampsZone(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	for _, args := range [][]string{{"10.0.0.2:80"}, {"-c1", "-q", "10.0.0.2:80"}, {"trace", "10.0.0.2:80"}} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{"--timestamps"}, args...)...)
		cmd.Env = slices.DeleteFunc(programEnv(), func(v string) bool { return strings.HasPrefix(v, "TZ=") })
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		must(t, a.Do(func() error {
			if err := ownEtc(func() error { return os.WriteFile("/etc/localtime", []byte(farZone), 0o644) }); err != nil {
				return err
			}
			return cmd.Run()
		}))
		east := time.FixedZone("FAR", 52200)
		now, line := time.Now().In(east), stdout.String()
		for _, minute := range []time.Time{now, now.Add(-time.Minute), now.Add(-2 * time.Minute)} {
			if strings.HasPrefix(line, minute.Format("15:04:")) {
				line = ""
				break
			}
		}
		if line != "" {
			t.Errorf("%q: it is %s in the zone of this host: %s", args, now.Format(time.TimeOnly), line)
		}
	}
}
