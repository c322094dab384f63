package netlab_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"testing"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// envHelper makes the test binary one of the processes below instead of a run of the tests.
const envHelper = "NETLAB_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(envHelper) {
	case "new":
		_, err := netlab.New()
		fmt.Print(errors.Is(err, os.ErrPermission))
	case "hang":
		if err := hang(); err != nil {
			fmt.Print(err)
			os.Exit(1)
		}
	default:
		labtest.Main(m)
	}
}

// hang builds a network, starts a process in it that never ends, says so, and waits to be killed.
func hang() error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	a, err := lab.Host("a")
	if err != nil {
		return err
	}
	cmd := a.Command(context.Background(), "sleep", "infinity")
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Println("started")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func newHost(t *testing.T, lab *netlab.Lab, name string) *netlab.Host {
	t.Helper()
	h, err := lab.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// check fails the test at once if a step of its preparation failed.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
