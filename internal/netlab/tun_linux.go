package netlab

import (
	"os"

	"golang.org/x/sys/unix"
)

// Tun makes a TUN interface, which is down. A read from the file returns one IP datagram that the kernel sent into the
// interface, a write hands it one as if received. Closing the file takes the interface away.
func (h *Host) Tun(ifname string) (*os.File, error) {
	var tun *os.File
	err := h.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
		}
		request, err := unix.NewIfreq(ifname)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			unix.Close(fd)
			return os.NewSyscallError("ioctl", err)
		}
		// Only now: the runtime's poller cannot take a descriptor that is no interface yet.
		tun = os.NewFile(uintptr(fd), ifname)
		return nil
	})
	if err != nil {
		return nil, opError("tun "+ifname, h.name, err)
	}
	return tun, nil
}
