//go:build linux

package cli

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// inherited is how a socket is named that the process was started with.
var inherited = regexp.MustCompile(`^fd:([3-9]|[1-9][0-9]{1,3})$`)

// openListener returns a socket that listens at an address, or one that does so already, and that whoever started this process has
// opened: outside of its network, or at a port that takes a right.
func openListener(address string) (net.Listener, error) {
	if !inherited.MatchString(address) {
		return net.Listen("tcp", address)
	}
	fd, err := strconv.Atoi(strings.TrimPrefix(address, "fd:"))
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), address)
	defer file.Close() // the listener is another descriptor of the socket
	return net.FileListener(file)
}
