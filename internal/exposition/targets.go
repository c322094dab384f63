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
	t := targetText{w: w, scrape: s}
	for i := range families {
		f := &families[i]
		t.head(f.name, f.kind, f.help)
		for n := range s.figures {
			f.text(&t, s.labels[n], &s.figures[n])
			t.flush(flushed)
		}
	}
	t.flush(1)
	return t.err
}

// scrape is the targets of which metrics are written, as they were at one time: each metric is about all of them.
type scrape struct {
	figures []monitor.Figures
	labels  [][]byte // of each, as they stand in a series: the brace, and no comma behind them
	codes   []probe.Finding
}

// newScrape returns the scrape of those targets that are watched.
func newScrape(targets []*monitor.Target, now time.Time) scrape {
	s := scrape{figures: make([]monitor.Figures, 0, len(targets)), labels: make([][]byte, 0, len(targets)), codes: probe.Findings()}
	for _, t := range targets {
		if f := t.Figures(now); f.Watched {
			s.figures, s.labels = append(s.figures, f), append(s.labels, labelsOf(&f))
		}
	}
	return s
}

// labelsOf returns the labels of all series of a target.
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

// targetText is metrics of targets on their way out.
type targetText struct {
	text
	scrape
	w   io.Writer
	err error
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

// begin begins a series with a target's labels, and perhaps one of its own.
func (t *text) begin(name, suffix string, labels []byte, label, is string) {
	b := append(*t, name...)
	b = append(b, suffix...)
	b = append(b, labels...)
	if label != "" {
		b = append(b, ',')
		b = append(b, label...)
		b = append(b, `="`...)
		b = append(b, is...)
		b = append(b, '"')
	}
	*t = append(b, '}')
}

// count adds a series that counts.
func (t *text) count(name string, labels []byte, label, is string, n uint64) {
	t.begin(name, "", labels, label, is)
	*t = appendCount(*t, n)
}

// value adds a series with any value.
func (t *text) value(name string, labels []byte, label, is string, value float64) {
	t.begin(name, "", labels, label, is)
	*t = appendValue(*t, value)
}

// appendCount appends a number as the value of a series, and ends its line.
func appendCount(b []byte, n uint64) []byte {
	return append(strconv.AppendUint(append(b, ' '), n, 10), '\n')
}

// family is a metric of all targets.
type family struct {
	name, kind, help string
	text             func(t *targetText, labels []byte, f *monitor.Figures)
}

// families are the metrics of targets that are watched.
var families = []family{
	{"tcpprobe_handshakes_total", counter, "Handshakes that have ended, by outcome", func(t *targetText, labels []byte, f *monitor.Figures) {
		for _, o := range outcomes {
			t.count("tcpprobe_handshakes_total", labels, "outcome", o.String(), f.Outcomes[o])
		}
	}},
	{"tcpprobe_findings_total", counter, "Handshakes in which something noteworthy was found that did not decide the outcome", func(t *targetText, labels []byte, f *monitor.Figures) {
		for i, code := range t.codes {
			t.count("tcpprobe_findings_total", labels, "finding", string(code), f.Findings[i])
		}
	}},
	{"tcpprobe_syns_sent_total", counter, "SYN segments sent, retransmissions included", func(t *targetText, labels []byte, f *monitor.Figures) {
		t.count("tcpprobe_syns_sent_total", labels, "", "", f.SYNs)
	}},
	{"tcpprobe_syns_lost_total", counter, "SYN segments that nothing answered", func(t *targetText, labels []byte, f *monitor.Figures) {
		t.count("tcpprobe_syns_lost_total", labels, "", "", f.SYNsLost)
	}},
	{"tcpprobe_rtt_seconds", histogram, "Time from the SYN that was answered to its SYN-ACK, of established handshakes", (*targetText).rtts},
	{"tcpprobe_connect_seconds", gauge, "Time from the first SYN to our ACK of the last handshake: what an application waits", func(t *targetText, labels []byte, f *monitor.Figures) {
		if f.Phases.Connect.Known {
			t.value("tcpprobe_connect_seconds", labels, "", "", seconds(f.Phases.Connect.Duration))
		}
	}},
	{"tcpprobe_phase_duration_seconds", gauge, "Duration of the last handshake by phase; a phase that did not complete is absent", func(t *targetText, labels []byte, f *monitor.Figures) {
		for _, phase := range named(f.Phases) {
			if phase.Known {
				t.value("tcpprobe_phase_duration_seconds", labels, "phase", phase.name, seconds(phase.Duration))
			}
		}
	}},
	{"tcpprobe_target_up", gauge, "Whether the last handshake was established; absent before the first has ended", func(t *targetText, labels []byte, f *monitor.Figures) {
		if f.Handshakes > 0 {
			t.value("tcpprobe_target_up", labels, "", "", boolean(f.Up()))
		}
	}},
	{"tcpprobe_outages_total", counter, "Outages that have begun: times without an established handshake", func(t *targetText, labels []byte, f *monitor.Figures) {
		t.count("tcpprobe_outages_total", labels, "", "", f.Outages)
	}},
	{"tcpprobe_outage_seconds_total", counter, "Duration of all outages", func(t *targetText, labels []byte, f *monitor.Figures) {
		t.value("tcpprobe_outage_seconds_total", labels, "", "", f.OutageSeconds)
	}},
	{"tcpprobe_outage_start_timestamp_seconds", gauge, "When the outage began that goes on; absent if there is none", func(t *targetText, labels []byte, f *monitor.Figures) {
		if !f.OutageStart.IsZero() {
			t.value("tcpprobe_outage_start_timestamp_seconds", labels, "", "", timestamp(f.OutageStart))
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

// rtts adds the histogram of a target's round-trip times.
func (t *targetText) rtts(labels []byte, f *monitor.Figures) {
	const name = "tcpprobe_rtt_seconds"
	seen := uint64(0)
	for i, end := range bucketEnds {
		seen += f.Buckets[i]
		t.begin(name, "_bucket", labels, "le", end)
		t.text = appendCount(t.text, seen)
	}
	t.begin(name, "_sum", labels, "", "")
	t.text = appendValue(t.text, seconds(f.RTTSum))
	t.begin(name, "_count", labels, "", "")
	t.text = appendCount(t.text, seen)
}
