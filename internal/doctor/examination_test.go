//go:build linux

package doctor

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/sandbox"
)

func TestExaminationPrint(t *testing.T) {
	e := &Examination{
		rawSocket:        os.NewSyscallError("socket", unix.EPERM),
		packetSocket:     os.NewSyscallError("socket", unix.EPERM),
		capabilities:     capabilities{bounding: true, noNewPrivs: true},
		self:             "/usr/local/lib/a/directory/with/a/long/name/and/an/escape\x1b/tcpprobe",
		file:             fileEffective,
		uid:              1000,
		gid:              100,
		servers:          []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53"), netip.MustParseAddrPort("192.0.2.53:5353")},
		stampLead:        12345 * time.Nanosecond,
		resolvError:      os.ErrNotExist,
		sandbox:          sandbox.State{Landlock: errors.ErrUnsupported},
		portRange:        "32768 to 60999",
		noUserNamespaces: "forbidden by sysctl user.max_user_namespaces = 0",
	}
	var b bytes.Buffer
	e.Print(&b)
	want := `no  raw IP socket    operation not permitted
no  packet socket    operation not permitted
ok  netlink          answers
no  CAP_NET_RAW      not effective; in the bounding set, so it can be given
no  no_new_privs     on: neither sudo nor a file capability gives anything
    file capability  cap_net_raw+ep on
                     /usr/local/lib/a/directory/with/a/long/name/and/an/escape\x1b/tcpprobe
    user             uid 1000
no  sandbox          capabilities, no_new_privs, seccomp; without Landlock: this
                     kernel does not have it
ok  time stamps      of the kernel: 0.012 ms before this process reads a packet
    name servers     there is no /etc/resolv.conf, which means 127.0.0.1,
                     192.0.2.53:5353
    source ports     32768 to 60999
no  user namespaces  forbidden by sysctl user.max_user_namespaces = 0

This process may not probe.
With no_new_privs only an ambient capability reaches it. In a systemd unit:
  AmbientCapabilities=CAP_NET_RAW
or from a shell that has no such restriction:
  sudo setpriv --reuid 1000 --regid 100 --clear-groups \
    --inh-caps +net_raw --ambient-caps +net_raw /usr/local/lib/a/directory/with/a/long/name/and/an/escape\x1b/tcpprobe HOST:PORT
Without, "tcpprobe HOST:PORT" calls connect(2), as every program may: the kernel
makes the handshake, and what it tells of it is shown (--send connect).
`
	if b.String() != want {
		t.Errorf("got:\n%swant:\n%s", &b, want)
	}
}

func TestRemedy(t *testing.T) {
	given := capabilities{effective: true, permitted: true, bounding: true}
	for _, test := range []struct {
		name string
		e    Examination
		want string // of the lines, one
	}{
		{"an ordinary user", Examination{capabilities: capabilities{bounding: true}}, "  sudo setcap cap_net_raw+p /bin/tcpprobe"},
		{"an ordinary user of a container", Examination{capabilities: capabilities{bounding: true}, inContainer: true}, "  Kubernetes:      securityContext: {runAsUser: 0}"},
		{"a file system without privileges", Examination{capabilities: capabilities{bounding: true}, nosuid: true}, "or move it: its file system is mounted nosuid, where setcap is without effect."},
		{"a file that gives the permitted set alone", Examination{capabilities: capabilities{permitted: true, bounding: true}, file: filePermitted}, "(capset): a seccomp filter or a security module (SELinux, AppArmor) forbids it."},
		{"no_new_privs", Examination{capabilities: capabilities{bounding: true, noNewPrivs: true}, uid: 7, gid: 8}, `  sudo setpriv --reuid 7 --regid 8 --clear-groups \`},
		{"no_new_privs in a container", Examination{capabilities: capabilities{bounding: true, noNewPrivs: true}, inContainer: true}, "  Kubernetes:      securityContext: {allowPrivilegeEscalation: true}"},
		{"a bounding set without it", Examination{}, "  CapabilityBoundingSet=CAP_NET_RAW"},
		{"a container without it", Examination{inContainer: true}, "  Docker, Podman:  --cap-add NET_RAW"},
		{"a user namespace without a network", Examination{capabilities: given, inUserNamespace: true}, "  unshare --user --map-root-user --net"},
		{"a security module", Examination{capabilities: given}, "module (SELinux, AppArmor) forbids such sockets to it."},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.e.self = "/bin/tcpprobe"
			test.e.packetSocket = os.NewSyscallError("socket", unix.EPERM)
			lines := test.e.remedy()
			found := 0
			for _, line := range lines {
				if line == test.want {
					found++
				}
				if len(line) > 80 {
					t.Errorf("%d columns: %s", len(line), line)
				}
			}
			if found != 1 {
				t.Errorf("%q is not among\n%s", test.want, strings.Join(lines, "\n"))
			}
		})
	}
	t.Run("an address family that is forbidden", func(t *testing.T) {
		e := Examination{packetSocket: os.NewSyscallError("socket", unix.EAFNOSUPPORT)}
		if lines := e.remedy(); lines[len(lines)-1] != "  RestrictAddressFamilies=AF_INET AF_PACKET AF_NETLINK AF_UNIX" {
			t.Errorf("got\n%s", strings.Join(lines, "\n"))
		}
	})
}

func TestParseCapabilities(t *testing.T) {
	// CAP_NET_RAW is bit 13.
	const all, only, allBut = "000001ffffffffff", "0000000000002000", "000001ffffffdfff"
	for _, test := range []struct {
		status string
		want   capabilities
	}{
		{"CapInh:\t" + all + "\nCapPrm:\t" + all + "\nCapEff:\t" + all + "\nCapBnd:\t" + all + "\nNoNewPrivs:\t0\nSeccomp:\t0\n", capabilities{effective: true, permitted: true, bounding: true}},
		{"CapPrm:\t" + only + "\nCapEff:\t" + allBut + "\nCapBnd:\t" + all + "\n", capabilities{permitted: true, bounding: true}},
		{"CapPrm:\t" + allBut + "\nCapEff:\t" + allBut + "\nCapBnd:\t" + allBut + "\nNoNewPrivs:\t1\n", capabilities{noNewPrivs: true}},
		{"CapBnd:\t" + only, capabilities{bounding: true}},
		{"", capabilities{}},
	} {
		if got := parseCapabilities(test.status); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.status, got, test.want)
		}
	}
}

func TestParseFileCapability(t *testing.T) {
	for _, test := range []struct {
		name      string
		attribute string
		want      fileCapability
	}{
		// What setcap(8) writes: magic_etc, permitted and inheritable, twice.
		{"cap_net_raw+ep", "\x01\x00\x00\x02" + "\x00\x20\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00", fileEffective},
		{"cap_net_raw+p", "\x00\x00\x00\x02" + "\x00\x20\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00", filePermitted},
		{"cap_net_admin+ep", "\x01\x00\x00\x02" + "\x00\x10\x00\x00" + "\x00\x20\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00", fileNone},
		{"with the root of a user namespace", "\x01\x00\x00\x03" + "\x00\x30\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\xe8\x03\x00\x00", fileEffective},
		{"cut off", "\x01\x00\x00\x02\x00\x20\x00", fileNone},
		{"empty", "", fileNone},
	} {
		if got := parseFileCapability([]byte(test.attribute)); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestMapsEveryone(t *testing.T) {
	for uidMap, want := range map[string]bool{
		"         0          0 4294967295\n":            true,
		"         0       1000          1\n":            false,
		"         0     100000      65536\n65536 0 1\n": false,
		"         0          0      65536\n":            false,
		"":                                              false,
	} {
		if got := mapsEveryone(uidMap); got != want {
			t.Errorf("%q: %v, want %v", uidMap, got, want)
		}
	}
}

func TestServersCheck(t *testing.T) {
	unreadable := errors.New("open /etc/resolv.conf: permission denied")
	e := Examination{resolvError: unreadable}
	if got, want := e.serversCheck(), (check{bad, "name servers", unreadable.Error()}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestNetlinkRefused: without netlink there is no route, and so no probe.
func TestNetlinkRefused(t *testing.T) {
	e := Examination{netlink: &net.OpError{Op: "route", Net: "ip+net", Err: os.NewSyscallError("netlinkrib", unix.EAFNOSUPPORT)}}
	var b bytes.Buffer
	e.Print(&b)
	for _, want := range []string{
		"no  netlink          address family not supported by protocol\n", "\nThis process may not probe.\n",
		"  RestrictAddressFamilies=AF_INET AF_PACKET AF_NETLINK AF_UNIX\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &b)
		}
	}
	if e.MayProbe() {
		t.Error("it may probe without netlink")
	}
}
