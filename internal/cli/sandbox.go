//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/sandbox"
	"tcpprobe/internal/text"
)

// readAgain are the files that are read when a name is looked up, of hosts, of name servers and of services, and in a dry run
// the setting by which the kernel chooses in whose name it asks for a neighbour.
var readAgain = []string{"/etc/hosts", "/etc/resolv.conf", "/etc/services", "/proc/sys/net/ipv4/conf/all/arp_announce"}

// enterSandbox takes all rights from this process, unless the flags want to keep them. Everything is open by then, and nothing
// from outside was looked at. A layer that this kernel lacks is missing, and the others hold: doctor says which. It is said
// if capabilities are left. Beside the files that are read when a name is looked up, others may be read again, and what is in folders.
func (o options) enterSandbox(said io.Writer, readable ...string) error {
	if u := o.user; u != nil {
		if err := sandbox.Become(u.uid, u.gid); errors.Is(err, os.ErrPermission) {
			return exit.With(exit.NotPermitted, fmt.Errorf("--user is for root: %w", err))
		} else if err != nil {
			return exit.With(exit.System, fmt.Errorf("--user: %w", err))
		}
	}
	if o.noSandbox {
		fmt.Fprintln(said, "tcpprobe: without its sandbox, as --no-sandbox has it: it keeps all rights")
		return nil
	}
	if state := sandbox.Enter(sandbox.Options{Read: slices.Concat(readAgain, readable), Create: o.newFilesIn, LowPorts: o.lowPort()}); state.Capabilities != nil {
		fmt.Fprintf(said, "tcpprobe: it keeps its rights: %v\n", state.Capabilities)
	}
	return nil
}

// lowPort reports whether a source port is asked for that may take CAP_NET_BIND_SERVICE.
func (o options) lowPort() bool {
	const first = 1024 // that never takes it, but where net.ipv4.ip_unprivileged_port_start is higher
	return o.spec.SourcePort > 0 && o.spec.SourcePort < first
}

// account is whom the process is to be one of.
type account struct{ uid, gid int }

// parseUser reads the name or the number of a user of this host, or UID:GID, of which it need not know.
func parseUser(s string) (*account, error) {
	if uid, gid, ok := strings.Cut(s, ":"); ok {
		return parseIDs(uid, gid)
	}
	found, err := user.Lookup(s)
	if err != nil {
		if found, err = user.LookupId(s); err != nil {
			return nil, fmt.Errorf("%s: there is no such user: a name, or UID:GID is wanted", text.Printable(s))
		}
	}
	return parseIDs(found.Uid, found.Gid)
}

// parseIDs reads the numbers of a user and of a group.
func parseIDs(uid, gid string) (*account, error) {
	u, errU := strconv.ParseUint(uid, 10, 31)
	g, errG := strconv.ParseUint(gid, 10, 31)
	if errU != nil || errG != nil {
		return nil, fmt.Errorf("%s:%s: two numbers are wanted, as in 65534:65534", text.Printable(uid), text.Printable(gid))
	}
	return &account{int(u), int(g)}, nil
}
