//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/rawip"
)

// probeCommand makes handshakes with the targets, side by side.
func probeCommand(c *cli.Context) error {
	o, err := readOptions(c)
	if err != nil {
		return err
	}
	if c.NArg() == 0 && o.targets == "" {
		return exit.UsageError("a target is missing: tcpprobe HOST:PORT, or tcpprobe --help")
	}
	t, err := target.Open(c.Args().Slice(), o.targets, c.App.Reader, o.maxTargets)
	if _, unreadable := errors.AsType[*target.ReadError](err); unreadable {
		return exit.With(exit.System, err)
	} else if err != nil {
		return exit.With(exit.Usage, err)
	}
	if err := o.agree(t.Len()); err != nil {
		return errors.Join(err, t.Close())
	}
	if o.dryRun {
		return rehearse(c, o, t)
	}
	if err := rawip.Permitted(); errors.Is(err, os.ErrPermission) {
		return exit.With(exit.NotPermitted, errors.New(notPermitted(t.Argument())))
	} else if err != nil {
		return exit.With(exit.System, err)
	}
	text := c.App.Writer
	if o.pcap == "-" || o.diagram == "-" {
		text = c.App.ErrWriter // the file has stdout for itself
	}
	files, err := openArtifacts(c.App.Writer, c.App.Version, o)
	if err != nil {
		return exit.With(exit.Output, err)
	}
	out, line := text, newProgress(c.App.ErrWriter)
	if terminal.Is(text) {
		out = line.over(text)
	}
	run, err := newCampaign(c.Context, o, t, out)
	if err != nil {
		return exit.With(exit.System, err)
	}
	if t.Len() > manyTargets && o.count == 1 && terminal.MovesCursor(c.App.ErrWriter) {
		go line.draw(run.progress)
		defer line.stop()
	}
	run.show = newDisplay(run, text, c.App.ErrWriter, files)
	// Closing the sockets takes the kernel some milliseconds: it comes after everything was said.
	defer run.close()
	stopInterim := onQuit(c.App.ErrWriter, run.interim)
	err = run.run()
	stopInterim()
	if err != nil {
		return exit.With(exit.System, errors.Join(err, files.close()))
	}
	if err := files.close(); err != nil {
		return exit.With(exit.Output, err)
	}
	return run.all.Err(o.require)
}

// notPermitted is the line for those who lack CAP_NET_RAW, with both ways to get it.
func notPermitted(target string) string {
	self, err := os.Executable()
	if err != nil {
		self = "tcpprobe"
	}
	return fmt.Sprintf("no CAP_NET_RAW, which raw sockets need: run \"sudo tcpprobe %s\", or once \"sudo setcap cap_net_raw+ep %s\"",
		text.Printable(target), text.Printable(self))
}

// onQuit calls f for every SIGQUIT, and prints what it returns, until it is stopped.
func onQuit(w io.Writer, f func() string) (stop func()) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range quit {
			if line := f(); line != "" {
				if terminal.Is(w) {
					fmt.Fprintln(w) // behind the echo of the key, and what is drawn there
				}
				fmt.Fprintln(w, line)
			}
		}
	}()
	return func() {
		signal.Stop(quit)
		close(quit)
		<-ended
	}
}

// closeAll closes side by side what each takes its time to close.
func closeAll(closers ...io.Closer) error {
	errs := make(chan error, len(closers))
	for _, c := range closers {
		go func() { errs <- c.Close() }()
	}
	var joined error
	for range closers {
		joined = errors.Join(joined, <-errs)
	}
	return joined
}
