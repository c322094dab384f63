package exposition

import (
	"encoding/binary"
	"io"
	"math"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stats"
)

// What native histograms have: bounds that are the powers of 2^(1/16), which is a factor of 1.044, as long as there are no more
// buckets than so many; half as many powers then, and so on.
const (
	nativeSchema = 4
	mostNative   = 160
)

// The fields of the messages of Prometheus (io.prometheus.client, metrics.proto).
const (
	familyName, familyHelp, familyType, familyMetric      = 1, 2, 3, 4
	metricLabel, metricGauge, metricCounter               = 1, 2, 3
	metricHistogram                                       = 7
	labelPairName, labelPairValue                         = 1, 2
	scalarValue                                           = 1 // of a gauge, and of a counter
	sampleCount, sampleSum, classicBucket, schemaNumber   = 1, 2, 3, 5
	zeroThreshold, zeroCount, positiveSpan, positiveDelta = 6, 7, 12, 13
	cumulativeCount, upperBound                           = 1, 2
	spanOffset, spanLength                                = 1, 2
)

// typeNumbers are the values of familyType.
var typeNumbers = map[string]uint64{counter: 0, gauge: 1, histogram: 4}

// WriteProtobuf writes what WriteText does, as messages with their lengths in front, and the round-trip times as native histograms
// too: a server that can take them asks for this format.
func WriteProtobuf(w io.Writer, targets []*monitor.Target, now time.Time) error {
	s := newScrape(targets, now)
	labels := make([][]byte, len(s.figures))
	for n := range s.figures {
		f := &s.figures[n]
		labels[n] = appendPair(nil, "target", f.Name)
		for _, l := range f.Labels {
			labels[n] = appendPair(labels[n], labelName(l.Name), l.Value)
		}
	}
	var m messages
	for i := range families {
		f := &families[i]
		m.begin(f.name, f.kind, f.help)
		for n := range s.figures {
			m.labels = labels[n]
			f.add(&m, &s, n)
		}
		if err := m.write(w); err != nil {
			return err
		}
	}
	return nil
}

// messages is a metric on its way out as a message.
type messages struct {
	family []byte
	head   int    // octets of it in front of the first series
	kind   int    // the field of a value
	labels []byte // of the target
	metric []byte // the latest
	part   []byte // of it
}

// begin begins a metric.
func (m *messages) begin(name, kind, help string) {
	m.family = appendText(m.family[:0], familyName, name)
	m.family = appendText(m.family, familyHelp, help)
	m.family = appendNumber(m.family, familyType, typeNumbers[kind])
	m.head, m.kind = len(m.family), metricGauge
	if kind == counter {
		m.kind = metricCounter
	}
}

// write writes the metric behind its length. One without a series is none.
func (m *messages) write(w io.Writer) error {
	if len(m.family) == m.head {
		return nil
	}
	if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(m.family)))); err != nil {
		return err
	}
	_, err := w.Write(m.family)
	return err
}

// series begins a series with the target's labels, and perhaps one of its own.
func (m *messages) series(label, is string) {
	m.metric = append(m.metric[:0], m.labels...)
	if label != "" {
		m.metric = appendPair(m.metric, label, is)
	}
}

// end adds the series with what it says.
func (m *messages) end(kind int, says []byte) {
	m.metric = appendMessage(m.metric, kind, says)
	m.family = appendMessage(m.family, familyMetric, m.metric)
}

func (m *messages) count(label, is string, n uint64) { m.value(label, is, float64(n)) }

func (m *messages) value(label, is string, value float64) {
	m.series(label, is)
	m.part = appendFloat(m.part[:0], scalarValue, value)
	m.end(m.kind, m.part)
}

func (m *messages) rtts(t *monitor.Target, f *monitor.Figures) {
	m.series("", "")
	distribution := t.RTTs()
	b := appendNumber(m.part[:0], sampleCount, distribution.Len())
	b = appendFloat(b, sampleSum, seconds(distribution.Sum()))
	seen := uint64(0)
	for i := range monitor.Buckets {
		seen += f.Buckets[i]
		bucket := appendNumber(make([]byte, 0, 32), cumulativeCount, seen)
		b = appendMessage(b, classicBucket, appendFloat(bucket, upperBound, seconds(monitor.BucketEnd(i))))
	}
	m.part = appendNative(b, &distribution)
	m.end(metricHistogram, m.part)
}

// appendNative appends a distribution as the native part of a histogram: spans of buckets that follow each other, and by how much
// each holds more than the one before.
func appendNative(b []byte, distribution *stats.Histogram) []byte {
	schema := schemaOf(distribution)
	b = appendNumber(b, schemaNumber, zigzag(int64(schema)))
	b = appendFloat(b, zeroThreshold, 0)
	b = appendNumber(b, zeroCount, distribution.Zeros())
	offset, length, next := 0, 0, 0
	for number := range distribution.Buckets(schema) {
		if length > 0 && number != next {
			b = appendSpan(b, offset, length)
			length = 0
		}
		if length == 0 {
			offset = number - next
		}
		length, next = length+1, number+1
	}
	b = appendSpan(b, offset, length) // an empty one says that it is native, where there is no other
	before := int64(0)
	for _, count := range distribution.Buckets(schema) {
		b = appendNumber(b, positiveDelta, zigzag(int64(count)-before))
		before = int64(count)
	}
	return b
}

// schemaOf returns the finest schema in which a distribution has no more than mostNative buckets.
func schemaOf(distribution *stats.Histogram) int {
	for schema := nativeSchema; schema > 0; schema-- {
		buckets := 0
		for range distribution.Buckets(schema) {
			buckets++
		}
		if buckets <= mostNative {
			return schema
		}
	}
	return 0
}

func appendSpan(b []byte, offset, length int) []byte {
	span := appendNumber(make([]byte, 0, 16), spanOffset, zigzag(int64(offset)))
	return appendMessage(b, positiveSpan, appendNumber(span, spanLength, uint64(length)))
}

func appendPair(b []byte, name, value string) []byte {
	pair := appendText(make([]byte, 0, 64), labelPairName, name)
	return appendMessage(b, metricLabel, appendText(pair, labelPairValue, value))
}

// The kinds of a field (protobuf.dev, "Encoding").
const (
	wireVarint = 0
	wireFixed  = 1 // of 64 bits
	wireLength = 2 // the length in front
)

// appendTag begins a field.
func appendTag(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field)<<3|uint64(wire))
}

func appendText(b []byte, field int, s string) []byte {
	b = binary.AppendUvarint(appendTag(b, field, wireLength), uint64(len(s)))
	return append(b, s...)
}

func appendMessage(b []byte, field int, message []byte) []byte {
	b = binary.AppendUvarint(appendTag(b, field, wireLength), uint64(len(message)))
	return append(b, message...)
}

func appendNumber(b []byte, field int, n uint64) []byte {
	return binary.AppendUvarint(appendTag(b, field, wireVarint), n)
}

func appendFloat(b []byte, field int, value float64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(b, field, wireFixed), math.Float64bits(value))
}

// zigzag returns a number with a sign as one without, so that small ones stay small.
func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }
