package exposition

import "io"

// Metric is one of the exporter itself.
type Metric struct {
	Name, Help string
	Counter    bool // or else a gauge
	Series     []Sample
}

// Sample is a series of a Metric, with one label or none, and its value.
type Sample struct {
	Label, Is string
	Value     float64
}

// kind returns the type of a metric.
func (m *Metric) kind() string {
	if m.Counter {
		return counter
	}
	return gauge
}

// WriteOwnText writes metrics of the exporter itself in the text format.
func WriteOwnText(w io.Writer, all []Metric) error {
	var t text
	for i := range all {
		m := &all[i]
		t.head(m.Name, m.kind(), m.Help)
		for _, s := range m.Series {
			t = append(t, m.Name...)
			if s.Label != "" {
				t = append(append(append(t, '{'), s.Label...), `="`...)
				t = append(appendLabelValue(t, s.Is), `"}`...)
			}
			t = appendValue(t, s.Value)
		}
	}
	_, err := w.Write(t)
	return err
}

// WriteOwnProtobuf writes what WriteOwnText does as messages.
func WriteOwnProtobuf(w io.Writer, all []Metric) error {
	var m messages
	for i := range all {
		m.begin(all[i].Name, all[i].kind(), all[i].Help)
		for _, s := range all[i].Series {
			m.value(s.Label, s.Is, s.Value)
		}
		if err := m.write(w); err != nil {
			return err
		}
	}
	return nil
}
