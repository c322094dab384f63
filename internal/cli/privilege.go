//go:build linux

package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"tcpprobe/internal/doctor"
	"tcpprobe/internal/exit"
)

// foreign is why CAP_NET_RAW does not help in a network of another user namespace.
const foreign = "this user namespace does not own the network that it is in, so that its CAP_NET_RAW does not count there, nor sudo within it"

// notOpened returns the error of a Prober that did not open. For the lack of CAP_NET_RAW it has what would help: what was typed
// with sudo, or a file capability; and where neither would, why.
func notOpened(err error) error {
	if !errors.Is(err, os.ErrPermission) {
		return exit.With(exit.System, err)
	}
	typed := typedAgain(os.Args)
	examine := quoted(os.Args[0]) + " doctor"
	if doctor.ForeignNetwork() {
		return exit.With(exit.NotPermitted, fmt.Errorf("%s: run \"%s\" outside of it, or with a network of its own (unshare --user --map-root-user --net); \"%s\" says more",
			foreign, typed, examine))
	}
	return exit.With(exit.NotPermitted, fmt.Errorf("no CAP_NET_RAW, which raw sockets need: run \"sudo %s\", or once \"sudo setcap cap_net_raw+p %s\"; \"%s\" says more",
		typed, quoted(executable()), examine))
}

// checkNotPermitted is the line for those who lack CAP_NET_RAW. A monitoring system has no sudo.
func checkNotPermitted() string {
	if doctor.ForeignNetwork() {
		return fmt.Sprintf("%s; \"%s doctor\" says more", foreign, quoted(executable()))
	}
	return fmt.Sprintf("no CAP_NET_RAW, which raw sockets need: run once \"sudo setcap cap_net_raw+p %s\"; \"%[1]s doctor\" says more", quoted(executable()))
}

// executable returns the file of this program.
func executable() string {
	self, err := os.Executable()
	if err != nil {
		return "tcpprobe"
	}
	return self
}

// typedAgain returns the arguments of a process as they may be typed again.
func typedAgain(args []string) string {
	var words []string
	for _, arg := range args {
		words = append(words, quoted(arg))
	}
	return strings.Join(words, " ")
}

// quoted returns a word for a shell.
func quoted(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._:/,=+@%[]", c)
	}
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
