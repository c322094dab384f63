//go:build linux

package cli

import (
	"fmt"
	"io"

	"tcpprobe/internal/sandbox"
)

// readAgain are the files that are read when a name is looked up, of hosts, of name servers and of services, and in a dry run
// the setting by which the kernel chooses in whose name it asks for a neighbour.
var readAgain = []string{"/etc/hosts", "/etc/resolv.conf", "/etc/services", "/proc/sys/net/ipv4/conf/all/arp_announce"}

// enterSandbox takes all rights from this process, unless the flags want to keep them. Everything is open by then, and nothing
// from outside was looked at. A layer that this kernel lacks is missing, and the others hold: doctor says which. It is said
// if capabilities are left.
func (o options) enterSandbox(said io.Writer) {
	if o.noSandbox {
		fmt.Fprintln(said, "tcpprobe: without its sandbox, as --no-sandbox has it: it keeps all rights")
		return
	}
	if state := sandbox.Enter(sandbox.Options{Read: readAgain}); state.Capabilities != nil {
		fmt.Fprintf(said, "tcpprobe: it keeps its rights: %v\n", state.Capabilities)
	}
}
