package exposition

import (
	"strconv"
	"strings"
	"time"
)

// The types of metrics.
const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// text is metrics in the text format of Prometheus, version 0.0.4.
type text []byte

// head begins a metric. Its help has neither line breaks nor backslashes.
func (t *text) head(name, kind, help string) {
	b := append(*t, "# HELP "...)
	b = append(b, name...)
	b = append(b, ' ')
	b = append(b, help...)
	b = append(b, "\n# TYPE "...)
	b = append(b, name...)
	b = append(b, ' ')
	b = append(b, kind...)
	*t = append(b, '\n')
}

// gauge adds a metric of a single series without labels.
func (t *text) gauge(name, help string, value float64) {
	t.head(name, gauge, help)
	*t = appendValue(append(*t, name...), value)
}

// labelled adds a series with one label, the value of which needs no escaping.
func (t *text) labelled(name, label, is string, value float64) {
	b := append(*t, name...)
	b = append(b, '{')
	b = append(b, label...)
	b = append(b, `="`...)
	b = append(b, is...)
	b = append(b, `"}`...)
	*t = appendValue(b, value)
}

// appendValue appends the value of a series, and ends its line.
func appendValue(b []byte, value float64) []byte {
	b = append(b, ' ')
	if i := int64(value); float64(i) == value && i > -1e6 && i < 1e6 {
		b = strconv.AppendInt(b, i, 10)
	} else {
		b = strconv.AppendFloat(b, value, 'g', -1, 64)
	}
	return append(b, '\n')
}

// seconds returns a duration in the unit of all metrics.
func seconds(d time.Duration) float64 { return float64(d) / float64(time.Second) }

// boolean returns 1 for true.
func boolean(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// appendLabelValue appends the value of a label, escaped.
func appendLabelValue(b []byte, value string) []byte {
	if !strings.ContainsAny(value, "\\\"\n") {
		return append(b, value...)
	}
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, c)
		}
	}
	return b
}
