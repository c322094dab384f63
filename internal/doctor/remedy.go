//go:build linux

package doctor

import (
	"errors"
	"fmt"
	"os"

	"tcpprobe/internal/text"
)

// ForeignNetwork reports whether this process has CAP_NET_RAW in a user namespace that does not own the network it is in, so that
// raw sockets do not open all the same, and would not as root of that namespace.
func ForeignNetwork() bool {
	status, _ := os.ReadFile("/proc/self/status")
	return parseCapabilities(string(status)).effective && InUserNamespace()
}

// remedy returns lines that say why the sockets do not open, and what would help in just this situation. The rules by
// which a program gets its capabilities are those of capabilities(7).
func (e *Examination) remedy() []string {
	self := text.Printable(e.self)
	refused := e.refused()
	switch {
	case !errors.Is(refused, os.ErrPermission):
		return []string{
			"No privilege is missing: the kernel has no such sockets, or this process is kept",
			"from them. In a systemd unit it needs",
			"  RestrictAddressFamilies=AF_INET AF_PACKET AF_NETLINK AF_UNIX",
		}
	case e.effective && e.inUserNamespace:
		return []string{
			"Its CAP_NET_RAW is that of a user namespace, which does not own this network.",
			"Run it outside of the user namespace, or with a network in it:",
			"  unshare --user --map-root-user --net",
		}
	case e.effective:
		return []string{
			"It has CAP_NET_RAW, and yet the system refuses: a seccomp filter or a security",
			"module (SELinux, AppArmor) forbids such sockets to it.",
		}
	case e.permitted:
		return []string{
			"CAP_NET_RAW is permitted, and yet the system refuses to make it effective",
			"(capset): a seccomp filter or a security module (SELinux, AppArmor) forbids it.",
		}
	case !e.bounding && e.inContainer:
		return []string{
			"The container was started without CAP_NET_RAW. Start it with",
			"  Docker, Podman:  --cap-add NET_RAW",
			"  Kubernetes:      securityContext: {capabilities: {add: [NET_RAW]}}",
			"and run it as root in there, since only root is given what was added.",
		}
	case !e.bounding:
		return []string{
			"Whoever started it took CAP_NET_RAW out of its bounding set, and even sudo does",
			"not bring that back. In a systemd unit it needs",
			"  CapabilityBoundingSet=CAP_NET_RAW",
			"  AmbientCapabilities=CAP_NET_RAW",
		}
	case e.noNewPrivs && e.inContainer:
		return []string{
			"An ordinary user is given nothing of what the container may do. Run it as root:",
			"  Docker, Podman:  --user 0",
			"  Kubernetes:      securityContext: {runAsUser: 0}",
			"or give CAP_NET_RAW to the file, in the image, and allow the file to have it:",
			"  Dockerfile:      RUN setcap cap_net_raw+p " + self,
			"  Docker, Podman:  without --security-opt no-new-privileges",
			"  Kubernetes:      securityContext: {allowPrivilegeEscalation: true}",
		}
	case e.noNewPrivs:
		return []string{
			"With no_new_privs only an ambient capability reaches it. In a systemd unit:",
			"  AmbientCapabilities=CAP_NET_RAW",
			"or from a shell that has no such restriction:",
			fmt.Sprintf(`  sudo setpriv --reuid %d --regid %d --clear-groups \`, e.uid, e.gid),
			"    --inh-caps +net_raw --ambient-caps +net_raw " + self + " HOST:PORT",
		}
	case e.nosuid:
		return []string{
			"Run it with sudo:",
			"  sudo " + self + " HOST:PORT",
			"or move it: its file system is mounted nosuid, where setcap is without effect.",
		}
	}
	fix := []string{
		"Give it CAP_NET_RAW, for one run or for good:",
		"  sudo " + self + " HOST:PORT",
		"  sudo setcap cap_net_raw+p " + self,
	}
	if e.inContainer {
		fix = append(fix,
			"or start the container as root, who alone is given what a container may do:",
			"  Docker, Podman:  --user 0",
			"  Kubernetes:      securityContext: {runAsUser: 0}",
		)
	}
	return fix
}
