package serve

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
)

// request is what is asked for by /probe.
type request struct {
	target target.Target
	name   string // of the module
	module Module
	limit  time.Duration // of everything
	debug  bool
}

// refusal is an answer that is no result.
type refusal struct {
	status int
	err    error // for whoever asked
	reason string
}

// Why probes are refused, as a metric has them, beside the bounds.
const (
	refusedRequest    = "bad_request"
	refusedModule     = "module_unknown"
	refusedNotAllowed = "not_allowed"
	refusedForeign    = "cross_site"
)

// bad returns a refusal of a request that cannot be understood.
func bad(reason, format string, a ...any) *refusal {
	return &refusal{http.StatusBadRequest, fmt.Errorf(format, a...), reason}
}

// The parameters of /probe. Prometheus sends others too, if it is told to.
const (
	paramTarget = "target"
	paramModule = "module"
	paramDebug  = "debug"
)

// scrapeTimeout is the header by which Prometheus says how long it waits, in seconds.
const scrapeTimeout = "X-Prometheus-Scrape-Timeout-Seconds"

// defaultScrapeTimeout is how long those wait who do not say.
const defaultScrapeTimeout = 10 * time.Second

// longestTimeout is how long a probe may take at the most.
const longestTimeout = 2 * time.Minute

// readRequest reads a request for a probe.
func readRequest(r *http.Request, modules map[string]Module, offset time.Duration) (q request, _ *refusal) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, bad(refusedRequest, "The parameters cannot be read: %s", text.Printable(err.Error()))
	}
	for _, name := range []string{paramTarget, paramModule, paramDebug} {
		if len(values[name]) > 1 {
			return q, bad(refusedRequest, "%s is given more than once", name)
		}
	}
	if q.name = values.Get(paramModule); q.name == "" {
		q.name = defaultModule
	}
	var ok bool
	if q.module, ok = modules[q.name]; !ok {
		return q, bad(refusedModule, "Unknown module %q", text.Printable(q.name))
	}
	wanted := values.Get(paramTarget)
	if wanted == "" {
		return q, bad(refusedRequest, "Target parameter is missing")
	}
	if q.target, err = target.Parse(wanted); err == nil {
		err = q.module.checkTarget(q.target)
	}
	// A group is among what may not be probed, and is told so, although nobody could have a connection with it.
	if _, group := errors.AsType[target.MulticastError](err); group {
		return q, &refusal{http.StatusForbidden, err, refusedNotAllowed}
	}
	if err != nil {
		return q, bad(refusedRequest, "%w", err)
	}
	if q.limit, err = limitOf(r.Header, q.module.Timeout, offset); err != nil {
		return q, bad(refusedRequest, "%w", err)
	}
	q.debug = values.Get(paramDebug) == "true"
	return q, nil
}

// limitOf returns how long a probe may take: as long as who asks waits, less an offset for the way back, or as its module says if that is
// less.
func limitOf(h http.Header, ofModule, offset time.Duration) (time.Duration, error) {
	wait := defaultScrapeTimeout
	if said := strings.TrimSpace(h.Get(scrapeTimeout)); said != "" {
		seconds, err := strconv.ParseFloat(said, 64)
		if err != nil || !(seconds > 0) || math.IsInf(seconds, 0) {
			return 0, errors.New(scrapeTimeout + ": a number of seconds is wanted")
		}
		wait = time.Duration(min(seconds, longestTimeout.Seconds()) * float64(time.Second))
	}
	if wait > offset {
		wait -= offset
	} else {
		wait /= 2
	}
	if ofModule > 0 && ofModule < wait {
		wait = ofModule
	}
	return min(wait, longestTimeout), nil
}
