//go:build linux

package demo

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// filesDir is a directory that nearly every system has, and that nobody in the demo needs: a file system in memory
// covers it, and vanishes with the mount namespace.
const filesDir = "/dev/shm"

const resolvConf = filesDir + "/resolv.conf"

// mountFiles makes, for this process and those that it starts, a directory with this program under its name, and with
// a resolv.conf that names the server of the demo.
func mountFiles() error {
	if err := mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", filesDir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=64k"); err != nil {
		return err
	}
	// A link, since the path to the program may be closed to others than those who started it. This process outlives the
	// shell.
	if err := os.Symlink(fmt.Sprintf("/proc/%d/exe", os.Getpid()), filesDir+"/tcpprobe"); err != nil {
		return err
	}
	// Without a search list, or else names that do not exist would be asked for with others behind them.
	return os.WriteFile(resolvConf, []byte("nameserver "+dnsServer+"\nsearch .\n"), 0o644)
}

// coverResolvConf lets the demo's resolv.conf stand in the place of the system's, which must have one.
func coverResolvConf() error {
	return mount(resolvConf, "/etc/resolv.conf", "", unix.MS_BIND, "")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return &os.PathError{Op: "mount", Path: target, Err: err}
	}
	return nil
}
