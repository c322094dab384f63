//go:build linux

package demo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// envExit, set to an exit code, makes the test binary be the program that scenes run: it says its arguments, and ends.
const envExit = "TCPPROBE_TEST_EXIT"

func TestMain(m *testing.M) {
	if text := os.Getenv(envExit); text != "" {
		code := 0
		fmt.Sscan(text, &code)
		fmt.Printf("run with %q\n", os.Args[1:])
		os.Exit(code)
	}
	labtest.Main(m)
}

// TestScenesWithoutFiles has scenes on a network without a resolv.conf, and one that does not end as it should.
func TestScenesWithoutFiles(t *testing.T) {
	n := &network{lab: labtest.New(t), dns: []string{"--dns", dnsServer}, filesErr: os.ErrNotExist}
	if err := n.build(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("LC_ALL", "C")
	var stdout, stderr bytes.Buffer
	r := newRunner(n, &Demo{Color: "never", Stdout: &stdout, Stderr: &stderr})
	closed, ok := Find("closed")
	if !ok {
		t.Fatal("there is no scene closed")
	}
	t.Setenv(envExit, "1")
	if err := r.runScenes(t.Context(), []Scene{closed}); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"\n$ tcpprobe --dns 10.3.0.53 www.demo.test:81\n" + `run with ["--dns" "10.3.0.53" "www.demo.test:81"]` + "\n",
		"  client ------- router1 ", "\n1 of 1  closed: the host is up, and nobody listens\n  RST,ACK [010100]",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &stdout)
		}
	}

	t.Setenv(envExit, "2")
	err := r.runScenes(t.Context(), []Scene{closed})
	ended, ok := errors.AsType[*exit.Error](err)
	if want := "not every scene ended as it should: closed with exit code 2, not 1"; !ok || ended.Code != exit.Software || ended.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}

	err = r.runShell(t.Context(), "client")
	if ended, ok := errors.AsType[*exit.Error](err); !ok || ended.Code != exit.System || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a shell that could not find tcpprobe: %v", err)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr %q", &stderr)
	}
}

// TestScenesUnread: nobody reads what scenes say.
func TestScenesUnread(t *testing.T) {
	n := &network{lab: labtest.New(t)}
	if err := n.build(); err != nil {
		t.Fatal(err)
	}
	defer n.close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	t.Setenv(envExit, "0")
	r := newRunner(n, &Demo{Color: "never", Stdout: full, Stderr: os.Stderr})
	err = r.runScenes(t.Context(), Scenes())
	if ended, ok := errors.AsType[*exit.Error](err); !ok || ended.Code != exit.Output {
		t.Errorf("%v, want exit code %d", err, exit.Output)
	}
}

func TestList(t *testing.T) {
	var b bytes.Buffer
	if err := List(&b, Scenes()[:2]); err != nil {
		t.Fatal(err)
	}
	if want := "open             a server listens\nclosed           the host is up, and nobody listens\n"; b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
	if _, ok := Find("nosuch"); ok || strings.Count(Names(","), ",") != len(Scenes())-1 {
		t.Errorf("%s", Names(","))
	}
}
