package exposition_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protodelim"

	"tcpprobe/internal/exposition"
	"tcpprobe/internal/monitor"
	"tcpprobe/probe"
)

// messages reads what WriteProtobuf wrote.
func messages(t *testing.T, b []byte) map[string]*dto.MetricFamily {
	t.Helper()
	read := make(map[string]*dto.MetricFamily)
	for r := bufio.NewReader(bytes.NewReader(b)); ; {
		f := new(dto.MetricFamily)
		err := protodelim.UnmarshalFrom(r, f)
		if errors.Is(err, io.EOF) {
			return read
		} else if err != nil {
			t.Fatal(err)
		}
		read[f.GetName()] = f
	}
}

// TestProtobuf: as messages there is what there is as text, and native buckets.
func TestProtobuf(t *testing.T) {
	var b, asText bytes.Buffer
	now := zero.Add(5 * time.Second)
	if err := errors.Join(exposition.WriteProtobuf(&b, store().Targets(), now), exposition.WriteText(&asText, store().Targets(), now)); err != nil {
		t.Fatal(err)
	}
	read := messages(t, b.Bytes())
	parser := expfmt.NewTextParser(model.UTF8Validation)
	want, err := parser.TextToMetricFamilies(&asText)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range read {
		for _, m := range f.Metric {
			if h := m.Histogram; h != nil {
				if h.GetSchema() != 4 || len(h.PositiveSpan) == 0 {
					t.Errorf("%s is not native: %v", name, h)
				}
				h.Schema, h.ZeroThreshold, h.ZeroCount, h.PositiveSpan, h.PositiveDelta = nil, nil, nil, nil, nil
				// As text the last bucket has no end.
				h.Bucket = append(h.Bucket, &dto.Bucket{CumulativeCount: h.SampleCount, UpperBound: ptr(math.Inf(1))})
			}
		}
	}
	for name := range want {
		if got, want := fmt.Sprint(read[name]), fmt.Sprint(want[name]); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s\n%s\nwant\n%s", name, got, want)
		}
	}
	if len(read) != len(want) {
		t.Errorf("%d metrics, want %d", len(read), len(want))
	}
}

func ptr[T any](v T) *T { return &v }

// bucketsOf returns the buckets that the spans and differences of a native histogram stand for.
func bucketsOf(h *dto.Histogram) map[int]int64 {
	buckets := make(map[int]int64)
	number, deltas, count := 0, h.PositiveDelta, int64(0)
	for _, span := range h.PositiveSpan {
		number += int(span.GetOffset())
		for range span.GetLength() {
			count += deltas[0]
			deltas = deltas[1:]
			buckets[number] = count
			number++
		}
	}
	return buckets
}

// TestNative: the native buckets hold each round-trip time once, between their bounds, and there are never too many.
func TestNative(t *testing.T) {
	for _, test := range []struct {
		times  int
		factor float64 // from one to the next
		schema int32
	}{
		{0, 1, 4}, {1, 1, 4}, {100, 1.03, 4}, {300, 1.03, 3}, {800, 1.03, 2}, {1000, 1.03, 1},
	} {
		s := monitor.New(monitor.Options{}, zero)
		target := s.Watch("a:1")
		all := make([]time.Duration, test.times)
		rtt := float64(time.Microsecond)
		for i := range all {
			all[i] = time.Duration(rtt)
			target.Result(handshake(probe.OutcomeEstablished, i, all[i]))
			rtt *= test.factor
		}
		var b bytes.Buffer
		if err := exposition.WriteProtobuf(&b, s.Targets(), zero); err != nil {
			t.Fatal(err)
		}
		h := messages(t, b.Bytes())["tcpprobe_rtt_seconds"].Metric[0].Histogram
		got, want := bucketsOf(h), make(map[int]int64)
		for _, d := range all {
			want[int(math.Ceil(math.Log2(d.Seconds())*math.Exp2(float64(h.GetSchema()))))]++
		}
		if h.GetSchema() != test.schema || len(got) > 160 || !maps.Equal(got, want) || h.GetSampleCount() != uint64(test.times) {
			t.Errorf("%d times: schema %d, %d buckets\n%v\nwant\n%v", test.times, h.GetSchema(), len(got), got, want)
		}
	}
}

// TestOwn: the metrics of the exporter itself are the same in both formats.
func TestOwn(t *testing.T) {
	own := []exposition.Metric{
		{Name: "a_total", Help: "What is counted", Counter: true, Series: []exposition.Sample{{Label: "reason", Is: `d"b\`, Value: 3}, {Label: "reason", Is: "x", Value: 1e9}}},
		{Name: "b", Help: "What is measured", Series: []exposition.Sample{{Value: 0.5}}},
		{Name: "c", Help: "What is not there"},
	}
	var b, asText bytes.Buffer
	if err := errors.Join(exposition.WriteOwnProtobuf(&b, own), exposition.WriteOwnText(&asText, own)); err != nil {
		t.Fatal(err)
	}
	checkMetrics(t, asText.Bytes())
	parser := expfmt.NewTextParser(model.UTF8Validation)
	want, err := parser.TextToMetricFamilies(&asText)
	if err != nil {
		t.Fatal(err)
	}
	read := messages(t, b.Bytes())
	for _, name := range []string{"a_total", "b"} {
		if got, want := strings.Fields(fmt.Sprint(read[name])), strings.Fields(fmt.Sprint(want[name])); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if len(read) != 2 {
		t.Errorf("%d metrics", len(read))
	}
}

// BenchmarkProtobuf is a scrape of ten thousand targets.
func BenchmarkProtobuf(b *testing.B) {
	targets := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		var size counting
		if err := exposition.WriteProtobuf(&size, targets, zero.Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(size))
	}
}
