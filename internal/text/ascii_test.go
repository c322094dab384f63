package text_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"tcpprobe/internal/text"
)

func TestASCII(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"plain\n":                    "plain\n",
		"bücher.test\n\x1b[31m→\x1b": "b\\u00fccher.test\n\x1b[31m\\u2192\x1b",
		"\xff\U0001f600":             `\xff\U0001f600`,
	} {
		var b bytes.Buffer
		n, err := fmt.Fprint(text.ASCIIWriter(&b), in)
		if b.String() != want || n != len(in) || err != nil {
			t.Errorf("%q: %q, %d, %v; want %q", in, &b, n, err, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{412 * time.Microsecond: "412us", 1500 * time.Millisecond: "1.5s", 0: "0s"} {
		if got := text.Duration(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
