package text_test

import (
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/text"
)

func TestFold(t *testing.T) {
	long := strings.Repeat("a", 45)
	for _, test := range []struct {
		line string
		want []string
	}{
		{"", []string{""}},
		{"short", []string{"short"}},
		{strings.Repeat("a", 40), []string{strings.Repeat("a", 40)}},
		{"left side                          right end", []string{"left side  right end"}},
		{"one two three four five six seven eight nine ten", []string{"one two three four five six seven eight", "  nine ten"}},
		{"    2.301  TCP  SYN,ACK  [010010]  mss 1460  ttl 57", []string{"    2.301  TCP  SYN,ACK  [010010]  mss", "                    1460  ttl 57"}},
		{"  A RST in its name: nothing listens on port 81", []string{"  A RST in its name: nothing listens on", "    port 81"}},
		{"\x1b[2m    0.134\x1b[0m  DNS  A 10.3.0.80                0.121 ms", []string{"\x1b[2m    0.134\x1b[0m  DNS  A 10.3.0.80  0.121 ms"}},
		{"\x1b[32mESTABLISHED\x1b[0m  example.com:80  rtt 1.000", []string{"\x1b[32mESTABLISHED\x1b[0m  example.com:80  rtt 1.000"}},
		{long, []string{long[:40], "  " + long[40:]}},
		{"name " + long, []string{"name", "  " + long[:38], "  " + long[38:]}},
		{strings.Repeat("界", 22), []string{strings.Repeat("界", 20), "  界界"}},
	} {
		if got := text.Fold(test.line, 40); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.line, got, test.want)
		}
	}
}
