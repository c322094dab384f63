package text_test

import (
	"fmt"
	"testing"
	"unicode"
	"unicode/utf8"

	"tcpprobe/internal/text"
)

// TestPrintable: nothing that a terminal could take for a command is printed raw.
func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"text", `a "b" 'c' \d <e> ~`, `a "b" 'c' \d <e> ~`},
		{"letters beyond ASCII", "bücher.例え", "bücher.例え"},
		{"title", "\x1b]0;owned\x07", `\x1b]0;owned\x07`},
		{"NUL, CR, LF, tab, DEL", "\x00\r\n\t\x7f", `\x00\x0d\x0a\x09\x7f`},
		{"C1 as an octet", "\x9b31m", `\x9b31m`},
		{"C1 as UTF-8", "\u009b31m", `\u009b31m`},
		{"cut UTF-8", "a\xe2\x80", `a\xe2\x80`},
		{"surrogate in UTF-8", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"right-to-left override", "a\u202egnp", `a\u202egnp`},
		{"isolates and marks", "\u2066\u2069\u200f\u200b\ufeff", `\u2066\u2069\u200f\u200b\ufeff`},
		{"spaces that are not", "\u00a0\u2028\u3000", `\u00a0\u2028\u3000`},
		{"tag character", "\U000e0041", `\U000e0041`},
		{"private use", "\ue000\U00100000", `\ue000\U00100000`},
		{"replacement character", "\ufffd", "\ufffd"},
	} {
		if got := text.Printable(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"evil\x1b[2J\r\n\u202e", "", "example.com", "bücher", "\xff\xfe", "\u2028", "\U0010ffff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := text.Printable(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q holds %U", got, r)
			}
		}
		if again := text.Printable(got); again != got {
			t.Fatalf("%q becomes %q the second time", got, again)
		}
	})
}

func ExamplePrintable() {
	fmt.Println(text.Printable("evil.example\r\x1b[2J\u202emoc.knab"))
	// Output: evil.example\x0d\x1b[2J\u202emoc.knab
}
