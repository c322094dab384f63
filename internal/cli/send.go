//go:build linux

package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/connect"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/probe"
)

// chooseSend settles by which way auto sends where the process lacks CAP_NET_RAW: the kernel makes the handshake then. It returns
// an error for flags that ask for what the kernel does not do.
func (o *options) chooseSend(c *cli.Context) error {
	fixed := o.kernelDecides(c)
	if o.compare {
		return o.comparable(c, fixed)
	}
	switch o.spec.Send {
	case prober.SendConnect:
		if fixed != nil {
			return exit.UsageError("--send connect has the kernel make the handshake: %v", fixed)
		}
		return nil
	case prober.SendAuto:
		if o.dryRun {
			return nil
		}
	default:
		return nil
	}
	if err := prober.Permitted(); !errors.Is(err, os.ErrPermission) {
		return nil
	}
	if fixed != nil || o.mark != 0 {
		return nil // what lacks the right will say so
	}
	o.spec.Send, o.fellBack = prober.SendConnect, true
	return nil
}

// kernelDecides returns an error for flags that ask for what is the kernel's to decide, or to know, if it makes the handshake.
func (o *options) kernelDecides(c *cli.Context) error {
	h := o.spec.Handshake
	switch {
	case o.mark != 0 && !o.noSandbox:
		return errors.New("--mark takes a right at each call, and --no-sandbox to keep it")
	case c.IsSet("window"):
		return errors.New("--window is for SYNs of our own")
	case h.SYN != probe.SYNLinux:
		return fmt.Errorf("--syn %v is for SYNs of our own", h.SYN)
	case h.ICMP == probe.ICMPReport:
		return errors.New("it ends at an ICMP error, and --icmp report does not")
	case h.Close != probe.CloseFIN && h.Close != probe.CloseRST:
		return fmt.Errorf("--close %v is no way of close(2): fin and rst are", h.Close)
	case h.Retries < 1 || h.Retries > connect.MostRetries:
		return fmt.Errorf("--retries %d is not within 1 to %d (TCP_SYNCNT)", h.Retries, connect.MostRetries)
	case h.MSS != 0 && (h.MSS < connect.LeastMSS || h.MSS > connect.MostMSS):
		return fmt.Errorf("--mss %d is not within %d to %d (TCP_MAXSEG)", h.MSS, connect.LeastMSS, connect.MostMSS)
	case o.explain:
		return errors.New("there are no octets to --explain")
	case o.pcap != "":
		return errors.New("there are no packets for --pcap")
	case o.dryRun:
		return errors.New("there is nothing for --dry-run to show")
	}
	return nil
}

// comparable returns an error for flags that --compare-send does not go with. fixed is why connect(2) cannot be one of its ways.
func (o *options) comparable(c *cli.Context, fixed error) error {
	for _, name := range []string{"send", "all", "diagram", "pcap", "explain", "dry-run", "assert", "fail-on", "require", "wait", "only", "timestamps"} {
		if c.IsSet(name) {
			return exit.UsageError("--compare-send is one handshake by each way: it does not go with --%s", name)
		}
	}
	switch {
	case fixed != nil:
		return exit.UsageError("--compare-send calls connect(2) too: %v", fixed)
	case o.spec.Count != 1:
		return exit.UsageError("--compare-send is one handshake by each way: it does not go with --count")
	case o.output != "text":
		return exit.UsageError("--compare-send is text or --json: it does not go with --output %s", o.output)
	}
	return nil
}

// fallback is the line that says why the kernel makes the handshake although nobody asked for that.
const fallback = "No CAP_NET_RAW: the kernel makes the handshake (connect). See tcpprobe doctor."
