package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	"github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// restrictFiles lets nothing be opened but these files, and them for reading alone, and new ones in a folder, if there is one (Landlock).
// What is open stays so.
//
// The rights are named one by one. Those to bind and to connect are not among them: guards bind, and probes, name servers and
// guards of one connection connect, to any port. Nor is the scope of signals: on kernels before 6.14 it would keep threads
// from interrupting each other; of signals to others the filter of system calls takes care.
func restrictFiles(read []string, create string) error {
	if _, err := landlockVersion(); err != nil {
		return err
	}
	config := landlock.Config{HandledAccessFS: landlock.V9.HandledAccessFS, Scoped: syscall.ScopeAbstractUnixSocket}
	const right = landlock.AccessFSSet(syscall.AccessFSReadFile)
	rules := []landlock.Rule{landlock.PathAccess(right, readable(read)...).IgnoreIfMissing()}
	if create != "" {
		rules = append(rules, landlock.PathAccess(syscall.AccessFSMakeReg|syscall.AccessFSWriteFile, create).IgnoreIfMissing())
	}
	return config.BestEffort().Restrict(rules...)
}

// readable returns those of the files that are there, and of those that are links the folders in which they lie: whoever
// manages such a file puts another in its place, and a rule for the file alone is about the one that is gone.
func readable(read []string) (paths []string) {
	for _, name := range read {
		_, err := os.Readlink(name)
		if errors.Is(err, unix.EINVAL) { // it is there, and no link
			paths = append(paths, name)
		}
		if err != nil {
			continue
		}
		if to, err := filepath.EvalSymlinks(name); err == nil {
			paths = append(paths, to)
			if folder := filepath.Dir(to); folder != filepath.Dir(name) && isDeep(folder) {
				paths = append(paths, folder)
			}
		}
	}
	return paths
}

// isDeep reports whether a folder is for one program alone, as /run/systemd/resolve is, and /etc or /run/user are not.
func isDeep(folder string) bool { return strings.Count(folder, "/") >= 3 }

// landlockVersion returns the version of Landlock's ABI, or an error where the kernel does not have it.
func landlockVersion() (int, error) {
	version, err := syscall.LandlockGetABIVersion()
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return 0, errors.ErrUnsupported
	case err != nil:
		return 0, os.NewSyscallError("landlock_create_ruleset", err)
	}
	return version, nil
}
