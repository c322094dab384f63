//go:build linux

package cli

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/internal/watch"
)

// folderFor returns the folder for new files: the one that is asked for, or else the current one, or that for temporary files where
// root, without its capabilities, may not write into the current one.
func (o options) folderFor(asked string) string {
	if asked != "" {
		return asked
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if o.user != nil {
		uid, gid = o.user.uid, o.user.gid
	}
	if mayCreate(".", uid, gid) {
		return "."
	}
	return os.TempDir()
}

// onScreen runs a session on a terminal, and gives that back whole. If this process dies, its guard does.
func onScreen(ctx context.Context, tty *terminal.TTY, style text.Style, session *watch.Session) error {
	job := terminal.ControlJob()
	defer job.End()
	session.Stopped, session.Continued, session.Stop = job.Stops, job.Continued, job.Stop
	screen, err := watch.OpenScreen(tty, style)
	if err != nil {
		return err
	}
	defer screen.Close()
	session.Screen = screen
	return session.Run(ctx)
}

// mayCreate reports whether a user without capabilities may make files in a folder, by its permissions.
func mayCreate(folder string, uid, gid int) bool {
	var s unix.Stat_t
	if unix.Stat(folder, &s) != nil {
		return false
	}
	const write = 0o3 // and search
	switch {
	case int(s.Uid) == uid:
		return s.Mode>>6&write == write
	case int(s.Gid) == gid:
		return s.Mode>>3&write == write
	}
	return s.Mode&write == write
}
