package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tcpprobe/internal/text"
)

func TestColumns(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       int
	}{
		{"nothing", "", 0},
		{"ASCII", "example.com:80", 14},
		{"letters of Latin", "bücher.example", 14},
		{"Japanese", "例え.テスト", 2*2 + 1 + 3*2},
		{"Hangul syllables", "한글", 4},
		{"Hangul of consonants and vowels", "\u1112\u1161\u11ab", 2},
		{"fullwidth", "ＡＢ", 4},
		{"halfwidth", "ｱｲ", 2},
		{"a mark that combines", "e\u0301", 1},
		{"marks alone", "\u0301\u20dd", 0},
		{"vowel signs of Thai", "\u0e17\u0e35\u0e48", 1},
		{"emoji", "\U0001f4a9", 2},
		{"arrows and dots, which are ambiguous", "──▶…✗×", 6},
		{"not UTF-8", "a\xff", 2},
	} {
		if got := text.Columns(test.text); got != test.want {
			t.Errorf("%s: %d columns, want %d", test.name, got, test.want)
		}
	}
}

func TestPad(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{text.PadRight("例", 4), "例  "},
		{text.PadLeft("例", 4), "  例"},
		{text.PadRight("e\u0301", 3), "e\u0301  "},
		{text.PadLeft("12345", 3), "12345"},
		{text.PadRight("12345", 5), "12345"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// TestShorten checks what is taken out, and that neither half of a wide character nor a mark without its character stays.
func TestShorten(t *testing.T) {
	utf8Style, ascii := text.Style{UTF8: true}, text.Style{}
	for _, test := range []struct{ name, got, want string }{
		{"end", utf8Style.Cut("abcdef", 4), "abc…"},
		{"end in ASCII", ascii.Cut("abcdef", 5), "ab..."},
		{"end, wide", utf8Style.Cut("一二三", 4), "一…"},
		{"end, marks", utf8Style.Cut("a\u0301bc\u0301d", 3), "a\u0301b…"},
		{"end fits", utf8Style.Cut("abc", 3), "abc"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		name, text string
		columns    int
		want       string // the lines, with | between them
	}{
		{"nothing", "  ", 10, ""},
		{"one line", "a quick fox", 11, "a quick fox"},
		{"between words", "a quick fox", 10, "a quick|fox"},
		{"spaces", "a  b\n c", 10, "a b c"},
		{"a long word", "ab abcdefghijkl m", 5, "ab|abcde|fghij|kl m"},
		{"wide", "一二三 四五", 6, "一二三|四五"},
		{"a long word, wide", "一二三四", 5, "一二|三四"},
		{"narrower than a wide character", "一二", 1, "一|二"},
	} {
		if got := strings.Join(text.Wrap(test.text, test.columns), "|"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// FuzzLines checks that no line is wider than was asked for, that nothing is lost between lines, and that nothing is cut
// within a character.
func FuzzLines(f *testing.F) {
	f.Add("example.com 例え.テスト e\u0301\u0301 \u1112\u1161", uint8(9))
	f.Add("\u0301\u0301 一", uint8(2))
	f.Add("\u0301 \xb2", uint8(2))
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		s = text.Printable(s)
		columns := max(int(n), 2)
		lines := text.Wrap(s, columns)
		for _, line := range lines {
			if text.Columns(line) > columns || !utf8.ValidString(line) {
				t.Errorf("%q of %d columns, want %d at most", line, text.Columns(line), columns)
			}
		}
		if got := strings.Join(strings.Fields(strings.Join(lines, "")), ""); got != strings.Join(strings.Fields(s), "") {
			t.Errorf("%q became of %q", got, s)
		}
		for _, style := range []text.Style{{}, {UTF8: true}} {
			if short := style.Cut(s, columns+1); text.Columns(short) > columns+1 || !utf8.ValidString(short) {
				t.Errorf("%q of %d columns, want %d at most", short, text.Columns(short), columns+1)
			}
		}
		filled := text.Fill("begin ", 2, 1, strings.Fields(s))
		for _, line := range filled {
			if text.Columns(line) > text.Width {
				t.Errorf("%q is too wide", line)
			}
		}
		if got, want := strings.Join(strings.Fields(strings.Join(filled, "")), ""), "begin"+strings.Join(strings.Fields(s), ""); got != want {
			t.Errorf("%q became of %q", got, want)
		}
	})
}
