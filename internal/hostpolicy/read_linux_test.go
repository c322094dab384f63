package hostpolicy_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/hostpolicy"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// nft has the host take a ruleset, written on one line.
func nft(t *testing.T, h *netlab.Host, rules string) {
	t.Helper()
	run(t, h, strings.ReplaceAll(rules, "}", "}\n"), "nft", "-f", "-")
}

// run runs a program on the host, with text for its standard input.
func run(t *testing.T, h *netlab.Host, input, name string, arguments ...string) {
	t.Helper()
	cmd := h.Command(t.Context(), name, arguments...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func read(t *testing.T, h *netlab.Host) (p hostpolicy.Policy, err error) {
	t.Helper()
	err = h.Do(func() (err error) {
		p, err = hostpolicy.Read()
		return err
	})
	return p, err
}

func TestRead(t *testing.T) {
	const head = "table ip t { chain c { type filter hook "
	for _, test := range []struct {
		name string
		nft  string
		xfrm string
		want []string // of Bypassed
	}{
		{"nothing", "", "", nil},
		{"input", head + "input priority 0; ip saddr 10.0.0.2 drop; } }", "", []string{"nftables input"}},
		{"output of both families", "table inet t { chain c { type filter hook output priority 0; tcp dport 80 reject; } }", "", []string{"nftables output"}},
		{"output that chooses routes", "table ip t { chain c { type route hook output priority 0; meta mark set 1; } }", "", []string{"nftables output"}},
		{"prerouting and postrouting", head + "prerouting priority -300; fib saddr . iif oif missing drop; } chain d { type filter hook postrouting priority 0; counter; } }", "",
			[]string{"nftables postrouting", "nftables prerouting"}},
		{"translation on two hooks", "table ip t { chain o { type nat hook output priority 0; tcp dport 80 dnat to 10.0.0.2; } chain p { type nat hook postrouting priority 0; masquerade; } }", "", []string{"nftables nat"}},
		{"a chain without rules that accepts", head + "input priority 0; policy accept; } }", "", nil},
		{"a chain without rules that drops", head + "input priority 0; policy drop; } }", "", []string{"nftables input"}},
		{"forwarding alone", head + "forward priority 0; drop; } }", "", nil},
		{"a chain on no hook", "table ip t { chain c { drop; } }", "", nil},
		{"ARP", "table arp t { chain c { type filter hook input priority 0; drop; } }", "", nil},
		{"IPsec", "", "policy add src 10.0.0.1 dst 10.0.0.2 dir out tmpl src 10.0.0.1 dst 10.0.0.2 proto esp mode transport", []string{"IPsec"}},
		{"IPsec inwards", head + "input priority 0; ip saddr 10.0.0.2 drop; } }", "policy add src 10.0.0.2 dst 10.0.0.1 dir in action block", []string{"nftables input", "IPsec"}},
		{"IPsec for what is forwarded", "", "policy add src 10.0.0.2 dst 10.0.0.1 dir fwd action block", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, _ := labtest.Pair(t)
			if test.nft != "" {
				nft(t, a, test.nft)
			}
			if test.xfrm != "" {
				run(t, a, "", "ip", append([]string{"xfrm"}, strings.Fields(test.xfrm)...)...)
			}
			p, err := read(t, a)
			untold := errors.Is(err, unix.EOPNOTSUPP) && strconv.IntSize == 32
			if untold && test.xfrm != "" {
				t.Skip("SKIPPED: this kernel tells a 32-bit process nothing of IPsec")
			}
			// The tables of the older iptables are for root alone to read: an ordinary user's lab is not told of them.
			if err != nil && !untold && !(errors.Is(err, os.ErrPermission) && os.Getenv("TCPPROBE_LAB") == "user") {
				t.Errorf("not known: %v", err)
			}
			if !slices.Equal(p.Bypassed(), test.want) || p.IPsec != strings.Contains(strings.Join(test.want, " "), "IPsec") {
				t.Errorf("%q, IPsec %t; want %q", p.Bypassed(), p.IPsec, test.want)
			}
		})
	}
}

// Without the right to ask nothing is known, and that is what it says.
func TestReadWithoutRights(t *testing.T) {
	a, _ := labtest.Pair(t)
	nft(t, a, "table ip t { chain c { type filter hook input priority 0; ip saddr 10.0.0.2 drop; } }")
	var p hostpolicy.Policy
	err := a.Do(func() (err error) {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil { // of this thread, which ends
			return os.NewSyscallError("capset", err)
		}
		p, err = hostpolicy.Read()
		return err
	})
	if !errors.Is(err, os.ErrPermission) || p.Bypassed() != nil {
		t.Errorf("%+v, %v; want nothing, and no permission", p, err)
	}
}
