// Package netlab builds small real networks out of Linux network namespaces: hosts and routers with the kernel's own TCP/IP,
// joined by virtual Ethernet links.
//
// It needs no tool and leaves no file. A namespace exists only as a file descriptor of this process, everything is asked of
// the kernel through system calls and rtnetlink, and the processes started inside are killed with the thread that started
// them. So nothing outlives the process, not even when it is ended by SIGKILL.
//
// Building a network takes CAP_SYS_ADMIN and CAP_NET_ADMIN in the user namespace of the process. An ordinary user has both in
// a user namespace of their own: see UserNamespace.
package netlab
