//go:build linux

package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	categoryServe  = "What is served"
	categoryBounds = "How much"
)

// defaultListen is where HTTP is answered: nobody else's host gets there.
const defaultListen = "127.0.0.1:9980"

// serveFlags returns the flags of serve.
func serveFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "listen", Value: defaultListen, Category: categoryServe, Usage: "answer HTTP on `ADDR:PORT`, or on fd:N, a socket that listens already"},
		&cli.StringFlag{Name: "config", Category: categoryServe, Usage: "take modules, targets and who may be probed from `FILE`, in YAML"},
		&cli.StringFlag{Name: "web-config", Category: categoryServe, Usage: "take TLS, users and a rate limit from `FILE`, as the exporters of Prometheus have it"},
		&cli.StringSliceFlag{Name: "targets", Category: categoryServe, Usage: "watch the targets in `FILE`, one a line, or as file_sd has them in .json and .yml; as it changes; may be repeated"},
		&cli.StringSliceFlag{Name: "http-sd", Category: categoryServe, Usage: "watch the targets that `URL` tells, as http_sd has them, every 30 s; may be repeated"},
		durationFlag("interval", "i", "1s", categoryServe, "probe each watched target every `D`, if its group does not say"),
		&cli.StringSliceFlag{Name: "allow", Category: categoryServe, Usage: "let /probe probe nothing but `PATTERN`, as 10.0.0.0/8, *.example.com, :443 or db:5432; may be repeated"},
		&cli.BoolFlag{Name: "allow-trace", Category: categoryServe, Usage: "let the pages of watched targets have the path to them traced"},
		&cli.BoolFlag{Name: "check-config", Category: categoryServe, Usage: "say what is wrong with the files, and serve nothing"},

		&cli.IntFlag{Name: "history", Value: 100, Category: categoryBounds, Usage: "keep the latest `N` probes with their packets, whatever became of them"},
		&cli.IntFlag{Name: "max-probes", Value: 1000, Category: categoryBounds, Usage: "answer 503 while `N` probes are under way"},
		&cli.IntFlag{Name: "rate", Value: 4000, Category: categoryBounds, Usage: "answer 503 beyond `N` probes a second"},
		&cli.IntFlag{Name: "rate-per-target", Value: 20, Category: categoryBounds, Usage: "answer 503 beyond `N` probes of one target a second"},
		&cli.IntFlag{Name: "max-connections", Value: 1500, Category: categoryBounds, Usage: "answer 503 beyond `N` connections at once"},
		durationFlag("timeout-offset", "", "500ms", categoryBounds, "end a probe `D` before Prometheus stops waiting for it"),
	}
	for _, f := range probeFlags() {
		if slices.Contains([]string{"interface", "dns", "dns-timeout", "resolve-every", "user", "no-sandbox"}, f.Names()[0]) {
			flags = append(flags, f)
		}
	}
	return flags
}

// serveHelpText returns the text of serve --help.
func serveHelpText(c *cli.Command) string {
	var b strings.Builder
	helpHead(&b, c)
	b.WriteString(`
Examples:
  tcpprobe serve                         on 127.0.0.1:9980, for Prometheus
  tcpprobe serve --targets hosts.txt     and what is in the file, all the time
  tcpprobe serve --allow '*.example.com' nothing else may be probed
  curl '127.0.0.1:9980/probe?target=db:5432&debug=true'

Usage:
  tcpprobe serve [flags]
  Without --allow, /probe takes any target but addresses of this host and
  loopback, link-local, metadata and multicast addresses. SIGHUP, or POST
  to /-/reload, has the files read again; a bad one changes nothing.
`)
	helpFlags(&b, c.Flags)
	b.WriteString(`
Paths:
  /probe?target=HOST:PORT[&module=M][&debug=true]
  /  /metrics  /probes/ID[.json|.svg|.pcapng]  /targets/NAME  /config
  /api/v1/probes  /api/v1/targets  /-/healthy  /-/ready  /-/reload
`)
	return b.String()
}
