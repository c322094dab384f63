//go:build linux

package cli

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/explain"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// rehearse builds and explains the packets that a probe would begin with, up to the first that needs an answer to go on:
// the query for a name, or else the ARP request and the SYN. It asks the kernel for the route, and sends nothing.
func rehearse(c *cli.Context, o options, targets *target.List) error {
	stdout, stderr := outputsOf(c)
	queue := stdout.Queue()
	p, err := prober.Open(prober.Options{
		Interface: o.iface, Mark: o.mark, Resolver: o.resolver, Targets: 1, Record: true, InOrder: true, Rehearse: true,
		Full: queue.Full,
	})
	if err != nil {
		return exit.With(exit.System, err)
	}
	defer p.Close()
	queue.OnRoom(p.Wake)
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	all := &rehearsals{prober: p, spec: &o.spec, targets: targets, out: stdout, options: o.display(stdout)}
	stopInterim := onQuit(stderr, all.interim)
	defer stopInterim()
	all.next()
	if err := p.Run(c.Context); err != nil {
		return exit.With(exit.System, err)
	}
	if !all.finished {
		return &exit.Error{Code: exit.Interrupted}
	}
	return all.err
}

// rehearsals observes the rehearsal of one target after the other.
type rehearsals struct {
	prober  *prober.Prober
	spec    *prober.Spec
	targets *target.List
	out     *display.Output
	options display.Options
	lesson  *explain.Lesson // of the target that is rehearsed

	ended    atomic.Int64 // targets
	finished bool         // nothing is left to be rehearsed
	err      error        // that ended it
}

// next begins with the next target, if there is one.
func (r *rehearsals) next() {
	t, ok := r.targets.Next()
	if !ok || r.err != nil || r.out.Err() != nil {
		r.finished = true
		r.prober.Finish()
		return
	}
	r.lesson = explain.New(r.out, r.options.Style, r.options.Checksums)
	r.prober.Submit(prober.One(prober.Request{Target: t, Spec: r.spec, Observer: r, Permit: r.options.Permit}))
}

// Event explains a packet.
func (r *rehearsals) Event(result *probe.Result, e *probe.Event) { r.lesson.Event(result, e) }

// Result says that nothing was sent, or takes note of why it cannot be.
func (r *rehearsals) Result(result *probe.Result) {
	name := r.options.Style.Printable(result.Target)
	if result.Outcome == probe.OutcomeInterrupted {
		r.err = &exit.Error{Code: exit.Interrupted}
		return
	}
	if result.Outcome != probe.OutcomePending {
		r.err = exit.With(exit.CodeOf(result), fmt.Errorf("%s: %w", name, result.Err))
		return
	}
	fmt.Fprintln(r.out, strings.Join(text.Fill("DRY_RUN  ", 2, 2, []string{name, "nothing was sent"}), "\n"))
}

// Over goes on with the next target.
func (r *rehearsals) Over() {
	r.ended.Add(1)
	r.next()
}

// interim returns a line about how far it has come. It may be called by any goroutine.
func (r *rehearsals) interim() string {
	return fmt.Sprintf("%d of %s rehearsed", r.ended.Load(), text.Count(r.targets.Len(), "target"))
}
