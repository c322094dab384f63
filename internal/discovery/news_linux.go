package discovery

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// news is what the kernel tells of changes in folders (inotify(7)). Files are not watched themselves: whoever replaces one puts another in
// its place, of which the kernel would tell nothing.
type news struct{ file *os.File }

// listen has changes in folders told.
func listen(folders []string) (*news, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	for _, folder := range folders {
		const changes = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO // by then a file is whole
		if _, err := unix.InotifyAddWatch(fd, folder, changes); err != nil {
			unix.Close(fd)
			return nil, os.NewSyscallError("inotify_add_watch", err)
		}
	}
	return &news{os.NewFile(uintptr(fd), "inotify")}, nil
}

// told returns a channel that says when something has changed, until the context ends or the news are closed.
func (n *news) told(ctx context.Context) <-chan struct{} {
	told := make(chan struct{}, 1)
	go func() {
		var b [4096]byte // what is in it does not matter: all files are looked at
		for {
			if _, err := n.file.Read(b[:]); err != nil || ctx.Err() != nil {
				return
			}
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	return told
}

func (n *news) close() error { return n.file.Close() }
