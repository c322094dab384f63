package sandbox

import (
	"errors"
	"time"
)

// Options say what is still needed in the sandbox.
type Options struct {
	// Read are the files that are read again. Links are followed, now; those that are not there are left out.
	Read []string
	// Create is a folder in which new files may be made; none if it is empty. What is there already is not opened for writing.
	Create string
	// LowPorts keeps CAP_NET_BIND_SERVICE, where it is effective: ports below net.ipv4.ip_unprivileged_port_start are bound
	// when it is known from which address.
	LowPorts bool
}

// State is what the sandbox is made of: for each layer nil, or why this kernel does not have it. The others hold.
type State struct {
	Capabilities error // none is left, but for that of LowPorts
	NoNewPrivs   error // programs that are started get none
	Landlock     error // files cannot be opened, but those that are named
	Seccomp      error // no system calls are let through but those that are needed
}

// Enter takes the rights away, for good. Sockets and files that are open stay so.
func Enter(o Options) State {
	_, _ = time.Now().Zone() // which is in a file that is read when it is first asked for
	var s State
	s.Capabilities = dropCapabilities(o.LowPorts)
	if s.Landlock = restrictFiles(o.Read, o.Create); s.Landlock != nil { // else it has taken no_new_privs too
		s.NoNewPrivs = refuseNewPrivileges()
	}
	s.Seccomp = restrictCalls(o.Create != "")
	return s
}

// Err returns the errors of all layers.
func (s State) Err() error {
	return errors.Join(s.Capabilities, s.NoNewPrivs, s.Landlock, s.Seccomp)
}
