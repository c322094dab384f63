package exposition

import (
	"io"
	"slices"
	"strconv"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/probe"
)

// The labels that our own series have: one that a target brings by the same name is called exported_ and that, as Prometheus does.
var ownLabels = []string{"target", "outcome", "finding", "phase", "le"}

// flushed is how many octets are collected before they are written.
const flushed = 64 << 10

// WriteText writes the metrics of targets that are watched, in the text format. Every counter is there from the beginning, with 0 for
// what has not happened: increase() sees the first time of a series that was there before. now is the time.
func WriteText(w io.Writer, targets []*monitor.Target, now time.Time) error {
	s := newScrape(targets, now)
	t := targetText{w: w}
	labels := make([][]byte, len(s.figures))
	for n := range s.figures {
		labels[n] = labelsOf(&s.figures[n])
	}
	for i := range families {
		f := &families[i]
		t.head(f.name, f.kind, f.help)
		t.name = f.name
		for n := range s.figures {
			t.labels = labels[n]
			f.add(&t, &s, n)
			t.flush(flushed)
		}
	}
	t.flush(1)
	return t.err
}

// scrape is the targets of which metrics are written, as they were at one time: each metric is about all of them.
type scrape struct {
	targets []*monitor.Target
	figures []monitor.Figures // of each
	codes   []probe.Finding
}

// newScrape returns the scrape of those targets that are watched.
func newScrape(targets []*monitor.Target, now time.Time) scrape {
	s := scrape{figures: make([]monitor.Figures, 0, len(targets)), codes: probe.Findings()}
	for _, t := range targets {
		if f := t.Figures(now); f.Watched {
			s.figures, s.targets = append(s.figures, f), append(s.targets, t)
		}
	}
	return s
}

// labelsOf returns the labels of all series of a target as they stand in a series: the brace, and no comma behind them.
func labelsOf(f *monitor.Figures) []byte {
	b := append(make([]byte, 0, 64), `{target="`...)
	b = append(appendLabelValue(b, f.Name), '"')
	for _, l := range f.Labels {
		b = append(b, ',')
		b = append(b, labelName(l.Name)...)
		b = append(b, `="`...)
		b = append(appendLabelValue(b, l.Value), '"')
	}
	return b
}

// labelName returns what a target's own label is called.
func labelName(name string) string {
	if slices.Contains(ownLabels, name) {
		return "exported_" + name
	}
	return name
}

// series takes the series of one metric of one target, in a format.
type series interface {
	// count adds one that counts, and value one with any value. A label of their own may have none, nor a value then.
	count(label, is string, n uint64)
	value(label, is string, value float64)
	// rtts adds a histogram, that of the round-trip times.
	rtts(t *monitor.Target, f *monitor.Figures)
}

// targetText is metrics of targets on their way out as text.
type targetText struct {
	text
	name   string // of the metric
	labels []byte // of the target
	w      io.Writer
	err    error
}

// flush writes what was collected, if there is so much. After the first error nothing is written any more.
func (t *targetText) flush(least int) {
	if len(t.text) < least {
		return
	}
	if t.err == nil {
		_, t.err = t.w.Write(t.text)
	}
	t.text = t.text[:0]
}

// begin begins a series with the target's labels, and perhaps one of its own.
func (t *targetText) begin(suffix, label, is string) {
	b := append(t.text, t.name...)
	b = append(b, suffix...)
	b = append(b, t.labels...)
	if label != "" {
		b = append(b, ',')
		b = append(b, label...)
		b = append(b, `="`...)
		b = append(b, is...)
		b = append(b, '"')
	}
	t.text = append(b, '}')
}

func (t *targetText) count(label, is string, n uint64) {
	t.begin("", label, is)
	t.text = appendCount(t.text, n)
}

func (t *targetText) value(label, is string, value float64) {
	t.begin("", label, is)
	t.text = appendValue(t.text, value)
}

// appendCount appends a number as the value of a series, and ends its line.
func appendCount(b []byte, n uint64) []byte {
	return append(strconv.AppendUint(append(b, ' '), n, 10), '\n')
}

// family is a metric of all targets.
type family struct {
	name, kind, help string
	add              func(to series, s *scrape, n int) // the series of the nth target
}

// families are the metrics of targets that are watched.
var families = []family{
	{"tcpprobe_handshakes_total", counter, "Handshakes that have ended, by outcome", func(to series, s *scrape, n int) {
		for _, o := range outcomes {
			to.count("outcome", o.String(), s.figures[n].Outcomes[o])
		}
	}},
	{"tcpprobe_findings_total", counter, "Handshakes in which something noteworthy was found that did not decide the outcome", func(to series, s *scrape, n int) {
		for i, code := range s.codes {
			to.count("finding", string(code), s.figures[n].Findings[i])
		}
	}},
	{"tcpprobe_syns_sent_total", counter, "SYN segments sent, retransmissions included", func(to series, s *scrape, n int) {
		to.count("", "", s.figures[n].SYNs)
	}},
	{"tcpprobe_syns_lost_total", counter, "SYN segments that nothing answered", func(to series, s *scrape, n int) {
		to.count("", "", s.figures[n].SYNsLost)
	}},
	{"tcpprobe_rtt_seconds", histogram, "Time from the SYN that was answered to its SYN-ACK, of established handshakes", func(to series, s *scrape, n int) {
		to.rtts(s.targets[n], &s.figures[n])
	}},
	{"tcpprobe_connect_seconds", gauge, "Time from the first SYN to our ACK of the last handshake: what an application waits", func(to series, s *scrape, n int) {
		if s.figures[n].Phases.Connect.Known {
			to.value("", "", seconds(s.figures[n].Phases.Connect.Duration))
		}
	}},
	{"tcpprobe_phase_duration_seconds", gauge, "Duration of the last handshake by phase; a phase that did not complete is absent", func(to series, s *scrape, n int) {
		for _, phase := range named(s.figures[n].Phases) {
			if phase.Known {
				to.value("phase", phase.name, seconds(phase.Duration))
			}
		}
	}},
	{"tcpprobe_target_up", gauge, "Whether the last handshake was established; absent before the first has ended", func(to series, s *scrape, n int) {
		if s.figures[n].Handshakes > 0 {
			to.value("", "", boolean(s.figures[n].Up()))
		}
	}},
	{"tcpprobe_outages_total", counter, "Outages that have begun: times without an established handshake", func(to series, s *scrape, n int) {
		to.count("", "", s.figures[n].Outages)
	}},
	{"tcpprobe_outage_seconds_total", counter, "Duration of all outages", func(to series, s *scrape, n int) {
		to.value("", "", s.figures[n].OutageSeconds)
	}},
	{"tcpprobe_outage_start_timestamp_seconds", gauge, "When the outage began that goes on; absent if there is none", func(to series, s *scrape, n int) {
		if !s.figures[n].OutageStart.IsZero() {
			to.value("", "", timestamp(s.figures[n].OutageStart))
		}
	}},
}

// timestamp returns a time in the unit of all metrics, to the millisecond.
func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// bucketEnds are the values of the label le of the classic buckets.
var bucketEnds = [...]string{
	"5e-05", "0.0001", "0.0002", "0.0004", "0.0008", "0.0016", "0.0032", "0.0064", "0.0128", "0.0256", "0.0512", "0.1024", "0.2048", "0.4096",
	"0.8192", "1.6384", "3.2768", "6.5536", "13.1072", "26.2144", "+Inf",
}

func (t *targetText) rtts(_ *monitor.Target, f *monitor.Figures) {
	seen := uint64(0)
	for i, end := range bucketEnds {
		seen += f.Buckets[i]
		t.begin("_bucket", "le", end)
		t.text = appendCount(t.text, seen)
	}
	t.begin("_sum", "", "")
	t.text = appendValue(t.text, seconds(f.RTTSum))
	t.begin("_count", "", "")
	t.text = appendCount(t.text, seen)
}
