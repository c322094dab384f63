//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
)

// The defaults of --rate and --max-targets.
const (
	defaultRate       = 1000
	defaultMaxTargets = 65536
)

// limitsFile is where the administrator allows more than the defaults to those whom the program's file gives CAP_NET_RAW.
const limitsFile = "/etc/tcpprobe/limits"

// limits are what may be asked for at most; 0 is any number.
type limits struct {
	rate       int // handshakes a second
	maxTargets int
}

// checkLimits returns an error if the flags ask for more than this user may. A file capability serves every user of the host:
// who is not root and has the right from there may not sweep faster or wider than by default, unless limitsFile allows it.
func (o options) checkLimits() error {
	if os.Getuid() == 0 || !privilegedByFile() {
		return nil
	}
	allowed, err := openLimits(limitsFile)
	if err != nil {
		return exit.With(exit.Configuration, err)
	}
	return o.within(allowed)
}

// within returns an error if the flags ask for more than the limits.
func (o options) within(allowed limits) error {
	for _, asked := range []struct {
		flag           string
		value, allowed int
	}{
		{"--rate", o.rate, allowed.rate},
		{"--max-targets", o.maxTargets, allowed.maxTargets},
	} {
		if asked.allowed > 0 && (asked.value == 0 || asked.value > asked.allowed) {
			return exit.With(exit.NotPermitted, fmt.Errorf("%s %d is for root: the file capability of tcpprobe allows up to %d, unless %s allows more",
				asked.flag, asked.value, asked.allowed, limitsFile))
		}
	}
	return nil
}

// privilegedByFile reports whether the program's file gave this process rights that its user does not have (getauxval(3),
// AT_SECURE). Ambient capabilities, which are given to one process, do not count.
func privilegedByFile() bool {
	const secure = 23 // AT_SECURE
	vector, err := unix.Auxv()
	if err != nil {
		return true // what is not known is not permitted
	}
	for _, entry := range vector {
		if entry[0] == secure {
			return entry[1] != 0
		}
	}
	return false
}

// openLimits reads the limits from a file, which has to be root's alone to write. Without the file they are the defaults.
func openLimits(name string) (limits, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return limits{defaultRate, defaultMaxTargets}, nil
	} else if err != nil {
		return limits{}, err
	}
	defer file.Close()
	var status unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &status); err != nil {
		return limits{}, os.NewSyscallError("fstat", err)
	}
	if status.Mode&unix.S_IFMT != unix.S_IFREG || status.Uid != 0 || status.Mode&0o022 != 0 {
		return limits{}, fmt.Errorf("%s is no regular file that root alone may write", name)
	}
	const longest = 4096
	content, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return limits{}, err
	}
	l, err := parseLimits(string(content))
	if err != nil {
		return limits{}, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// parseLimits reads lines of a flag's name and a number, as in "rate 10000"; # begins a comment.
func parseLimits(content string) (limits, error) {
	l := limits{defaultRate, defaultMaxTargets}
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		limit := map[string]*int{"rate": &l.rate, "max-targets": &l.maxTargets}[words[0]]
		if limit == nil || len(words) != 2 {
			return limits{}, fmt.Errorf("%q: rate N or max-targets N is wanted", strings.TrimSpace(line))
		}
		n, err := strconv.Atoi(words[1])
		if err != nil || n < 0 {
			return limits{}, fmt.Errorf("%q: a number is wanted, 0 for any", strings.TrimSpace(line))
		}
		*limit = n
	}
	return l, nil
}
