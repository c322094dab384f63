package serve

import "testing"

// TestWantsProtobuf: what servers of several versions ask for, and others.
func TestWantsProtobuf(t *testing.T) {
	const messages = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	for accept, want := range map[string]bool{
		"":           false,
		"*/*":        false,
		"text/plain": false,
		messages + ",application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1":                   true,
		"application/openmetrics-text;version=1.0.0,application/openmetrics-text;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1": false,
		"application/openmetrics-text;q=0.6," + messages + ";q=0.3,text/plain;version=1.0.0;q=0.4,*/*;q=0.2":                      false,
		messages + ";q=high, text/plain;q=0.1":                                                  false,
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text": false,
		"text/html,;;;": false,
	} {
		if got := wantsProtobuf([]string{accept}); got != want {
			t.Errorf("%q: %t", accept, got)
		}
	}
}
