//go:build linux

package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
)

// completion returns the script for a shell.
func completion(t *testing.T, shell string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), "0.1.0-dev", []string{"completion", shell}, nil, &stdout, &stderr); code != 0 || stderr.Len() != 0 {
		t.Fatalf("completion %s: exit code %d, stderr %q", shell, code, &stderr)
	}
	return stdout.String()
}

func TestCompletionOfAnotherShell(t *testing.T) {
	for _, args := range [][]string{{"completion"}, {"completion", "ksh"}, {"completion", "bash", "zsh"}} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), "0.1.0-dev", args, nil, &stdout, &stderr)
		if code != exit.Usage || stdout.Len() != 0 {
			t.Errorf("%q: exit code %d, stdout %q; want %d and nothing", args, code, &stdout, exit.Usage)
		}
		if s := stderr.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "bash, zsh") {
			t.Errorf("%q: stderr %q names no shell that would do", args, s)
		}
	}
}

// Each script knows every flag and every command there is.
func TestCompletionIsComplete(t *testing.T) {
	app := newApp("0.1.0-dev", nil, nil, nil)
	for shell, format := range map[string]struct{ short, long string }{
		"bash": {"-%", "--%"},
		"zsh":  {"-%", "--%"},
		"fish": {" -s %", " -l %"},
	} {
		script := completion(t, shell)
		for _, f := range append(app.Flags, cli.HelpFlag, cli.VersionFlag) {
			for _, name := range f.Names() {
				word := format.long
				if len(name) == 1 {
					word = format.short
				}
				if word = strings.ReplaceAll(word, "%", name); !strings.Contains(script, word) {
					t.Errorf("%s: %q is missing", shell, word)
				}
			}
		}
		for _, c := range app.Commands {
			if !strings.Contains(script, c.Name) {
				t.Errorf("%s: command %s is missing", shell, c.Name)
			}
		}
	}
}

// TestCompletionBash sources the script and completes lines with it. The services and hosts are the test's own.
func TestCompletionBash(t *testing.T) {
	script := completion(t, "bash") + `
getent() { printf 'http                  80/tcp\nhttps                443/tcp\nhttps                443/udp\ndomain               53/udp\n'; }
compopt() { options+="$*"; }
HOSTFILE=/dev/stdin
complete_line() {
	COMP_LINE=$1 COMP_POINT=${#1} options=''
	COMPREPLY=()
	_tcpprobe <<<'192.0.2.1 web.example'
	echo "${COMPREPLY[*]}${options:+ ($options)}"
}
`
	for _, test := range []struct{ line, want string }{
		{"tcpprobe --sen", "--send"},
		{"tcpprobe --so", "--source --source-port"},
		{"tcpprobe --send ", "auto link ip connect"},
		{"tcpprobe --send l", "link"},
		{"tcpprobe --send=l", "link"},
		{"tcpprobe example.com:80 --close ", "fin rst half none"},
		{"tcpprobe -c 3 --icmp r", "report"},
		{"tcpprobe -c ", ""},
		{"tcpprobe --dns 192.0.2.53:", ""},
		{"tcpprobe --interface lo", "lo"},
		{"tcpprobe -I lo", "lo"},
		{"tcpprobe -I=lo", "lo"},
		{"tcpprobe example.com:", "http https"},
		{"tcpprobe example.com:https", "https"},
		{"tcpprobe a.example:80 b.example:http", "http https"},
		{"tcpprobe a.example:80 --json b.example:dom", ""},
		{"tcpprobe we", "web.example: (-o nospace)"},
		{"tcpprobe doc", "doctor"},
		{"tcpprobe -v comp", "completion"},
		{"tcpprobe example.com:80 doc", ""},
		{"tcpprobe tr", "trace"},
		{"tcpprobe trace --fl", "--flows --flow-port --flow-label"},
		{"tcpprobe trace --syn b", "bare bigmss"},
		{"tcpprobe trace example.com:https", "https"},
		{"tcpprobe che", "check"},
		{"tcpprobe check --re", "--refuse"},
		{"tcpprobe check -r ", "ok warn crit"},
		{"tcpprobe check -I lo", "lo"},
		{"tcpprobe completion ", "bash zsh fish"},
		{"tcpprobe completion f", "fish"},
		{"tcpprobe completion --", "--help"},
		{"tcpprobe doctor ", ""},
	} {
		t.Run(test.line, func(t *testing.T) {
			bash := exec.Command("bash", "--norc", "-c", script+`complete_line "$1"`, "bash", test.line)
			var stderr bytes.Buffer
			bash.Stderr = &stderr
			out, err := bash.Output()
			if err != nil || stderr.Len() != 0 {
				t.Fatalf("%v: %s", err, &stderr)
			}
			if got := strings.TrimSuffix(string(out), "\n"); got != test.want {
				t.Errorf("completes to %q, want %q", got, test.want)
			}
		})
	}
	t.Run("colons that break no words", func(t *testing.T) {
		out, err := exec.Command("bash", "--norc", "-c", "COMP_WORDBREAKS=' =';"+script+`complete_line 'tcpprobe a.example:https'`).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != "a.example:https" {
			t.Errorf("completes to %q, %v; want the whole word", got, err)
		}
	})
}

// TestCompletionHostileNames: interfaces and services that others have named are words, never commands, neither when the
// line is completed nor when what was completed is run.
func TestCompletionHostileNames(t *testing.T) {
	hostile := []string{"$(echo>ran)", "`echo>ran`", ";echo>ran;", "a'b", `a"b`, "&&x", "*", "\x1b[31m"}
	directory := t.TempDir()
	for _, name := range hostile {
		must(t, os.MkdirAll(filepath.Join(directory, "net", name), 0o755))
	}
	script := strings.ReplaceAll(completion(t, "bash"), "/sys/class/net/", filepath.Join(directory, "net")+"/") + `
compopt() { :; }
getent() { for name in "${hostile[@]}"; do printf '%s  80/tcp\n' "$name"; done; }
complete_line() {
	COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
	_tcpprobe
	for reply in "${COMPREPLY[@]}"; do
		eval "words=($reply)"
		printf '%s\n' "${words[@]}"
	done | LC_ALL=C sort
}
`
	for _, line := range []string{"tcpprobe -I ", "tcpprobe --interface ", "tcpprobe check --interface=", "tcpprobe example.com:"} {
		bash := exec.Command("bash", append([]string{"--norc", "-c", `line=$1; shift; hostile=("$@");` + script + `complete_line "$line"`, "bash", line}, hostile...)...)
		bash.Dir = directory
		var stderr bytes.Buffer
		bash.Stderr = &stderr
		out, err := bash.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("%s: %v: %s", line, err, &stderr)
		}
		want := slices.Sorted(slices.Values(hostile))
		if got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); !slices.Equal(got, want) {
			t.Errorf("%s: completes to %q, want %q", line, got, want)
		}
		if _, err := os.Stat(filepath.Join(directory, "ran")); err == nil {
			t.Fatalf("%s: a command was run", line)
		}
	}
}
