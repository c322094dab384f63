package netlab

import (
	"os"
	"syscall"
)

// UserNamespace returns the attributes with which an os/exec process is born in a user namespace, a network namespace and a
// mount namespace of its own. There it is root, holds every capability and may build networks, while towards the rest of the
// system it is the user it was. It sees no interface but a loopback that is down. Start fails with an error that is
// os.ErrPermission where the system lets no ordinary user do this.
func UserNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
}
