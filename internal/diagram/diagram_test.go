package diagram_test

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tcpprobe/internal/diagram"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// document is what the tests read of a drawing.
type document struct {
	elements map[string]int // how many, by name
	text     string         // all text that is shown, a line for each element
}

// parse reads a drawing, which must be well-formed.
func parse(t *testing.T, svg string) document {
	t.Helper()
	d := document{elements: map[string]int{}}
	decoder := xml.NewDecoder(strings.NewReader(svg))
	var within []string
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return d
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			d.elements[token.Name.Local]++
			within = append(within, token.Name.Local)
		case xml.EndElement:
			if token.Name.Local == "text" {
				d.text += "\n"
			}
			within = within[:len(within)-1]
		case xml.CharData:
			if n := len(within); n > 0 && (within[n-1] == "text" || within[n-1] == "tspan") {
				d.text += string(token) + " "
			}
		}
	}
}

// elements are all that a drawing may be made of: nothing that runs, loads or links.
var elements = []string{"svg", "title", "desc", "style", "rect", "path", "circle", "g", "text", "tspan"}

func TestSVGIsHarmless(t *testing.T) {
	for _, c := range cases {
		for _, rendering := range renderings {
			got, err := rendering.render(c.make().Result)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(got) {
				if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("%s%s: not printable: %q", c.name, rendering.suffix, line[i:])
				}
			}
			if rendering.suffix == ".mmd" {
				if strings.Contains(strings.ReplaceAll(got, "<br/>", ""), "<") {
					t.Errorf("%s: HTML in\n%s", c.name, got)
				}
				continue
			}
			d := parse(t, got)
			for _, name := range elements {
				delete(d.elements, name)
			}
			if len(d.elements) > 0 || strings.Contains(got, "href") || strings.Contains(got, "url(") {
				t.Errorf("%s: %v in the drawing", c.name, d.elements)
			}
		}
	}
}

// TestEverySegmentAppears checks that no event is left out, and that what was lost has a cross.
func TestEverySegmentAppears(t *testing.T) {
	s := cases[1].make() // second_syn
	for _, o := range []diagram.Options{{}, {ToScale: true}} {
		got, err := svg(o)(s.Result)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(parse(t, got).text), " ")
		at := 0
		for _, want := range []string{
			"TCP handshake with example.com:80", "2026-11-22 12:00:00.123 UTC",
			"this host", "198.51.100.15", "DNS server", "203.0.113.53", "gateway", "198.51.100.1", "example.com", "192.0.2.80:80",
			"0.000", "A? example.com", "ask 203.0.113.53",
			"1.912", "A 192.0.2.80", "after 1.912 ms",
			"1.930", "via 198.51.100.1 on eth0",
			"1.951", "who has 198.51.100.1",
			"2.240", "198.51.100.1 is at 02:00:00:00:00:01",
			"2.301", "SYN_SENT", "SYN [000010]", "seq 0", "mss 1460 ws 7 sack ts",
			"1002.644", "SYN [000010]", "again (1 of 2, after 1 s)",
			"1014.285", "SYN,ACK [010010]", "seq 0 ack 1", "answers SYN 2 of 2, rtt 11.641 ms",
			"1014.313", "ESTABLISHED", "ACK [010000]", "seq 1 ack 1",
			"1014.342", "FIN,ACK [010001]", "seq 1 ack 1",
			"1025.891", "FIN,ACK [010001]", "seq 1 ack 2",
			"1025.901", "TIME_WAIT", "ACK [010000]", "seq 2 ack 2",
			"ESTABLISHED", "example.com:80 · rtt 11.641 ms", "note: SYN 2 of 2 was answered",
			"only the times at this host are known", "A cross: no answer came.",
		} {
			i := strings.Index(text[at:], want)
			if i < 0 {
				t.Fatalf("%+v: no %q after %q", o, want, text[:at])
			}
			at += i + len(want)
		}
		if n := strings.Count(got, `class="cross"`); n != 1 {
			t.Errorf("%d crosses, want one", n)
		}
		if n := strings.Count(got, `class="arrow `); n != 11 {
			t.Errorf("%d arrows, want 11", n)
		}
	}
}

// TestCrosses checks what is drawn as lost: only what nothing answered, and not what may have been answered.
func TestCrosses(t *testing.T) {
	want := map[string]int{
		"second_syn": 1, "timeout": 2 + 1, "dns_error": 1 + 1, "arp_timeout": 2 + 1, "noise": 1, // the silence itself has one, too
	}
	for _, c := range cases {
		got, err := svg(diagram.Options{})(c.make().Result)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(got, `class="cross"`); n != want[c.name] {
			t.Errorf("%s: %d crosses, want %d", c.name, n, want[c.name])
		}
		mermaid, err := renderings[2].render(c.make().Result)
		if err != nil {
			t.Fatal(err)
		}
		silences := strings.Count(mermaid, "nothing came back") + strings.Count(mermaid, "no answer from") + strings.Count(mermaid, "nobody answered")
		if n := strings.Count(mermaid, "host-xpeer"); n != want[c.name]-silences {
			t.Errorf("%s: %d crosses in Mermaid, want %d", c.name, n, want[c.name]-silences)
		}
	}
}

// TestToScale checks that the round-trip time is as tall as the time between FIN and FIN, which is about as long.
func TestToScale(t *testing.T) {
	s := cases[0].make() // established
	for _, test := range []struct {
		options diagram.Options
		syn     string // where the arrow of the SYN begins
		synACK  string
	}{
		{diagram.Options{}, `translate(112 383)`, `translate(112 444)`},
		{diagram.Options{ToScale: true}, `translate(112 383)`, `translate(112 603)`}, // 220 pixels for the round-trip time
	} {
		got, err := svg(test.options)(s.Result)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, test.syn) || !strings.Contains(got, test.synACK) {
			t.Errorf("%+v: no %s or no %s in\n%s", test.options, test.syn, test.synACK, got)
		}
	}
}

// paint renders a drawing with librsvg.
func paint(t *testing.T, svg string) image.Image {
	t.Helper()
	program, err := exec.LookPath("rsvg-convert")
	if err != nil {
		t.Fatalf("rsvg-convert is needed, of the Debian package librsvg2-bin: %v", err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(svg), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("rsvg-convert: %v\n%s", err, &stderr)
	}
	picture, err := png.Decode(&stdout)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// count returns how many pixels are of each color, as 0xrrggbb.
func count(picture image.Image) map[uint32]int {
	plain := image.NewRGBA(picture.Bounds())
	draw.Draw(plain, plain.Rect, picture, plain.Rect.Min, draw.Src)
	pixels := map[uint32]int{}
	for p := range slices.Chunk(plain.Pix, 4) {
		pixels[binary.BigEndian.Uint32(p)>>8]++
	}
	return pixels
}

// darken makes the rules for dark pages hold on any page, since librsvg knows no pages.
func darken(t *testing.T, svg string) string {
	t.Helper()
	before, dark, ok := strings.Cut(svg, "@media (prefers-color-scheme: dark) {")
	rules, after, closed := strings.Cut(dark, "}\n}\n")
	if !ok || !closed {
		t.Fatal("no rules for dark pages")
	}
	return before + rules + "}\n" + after
}

// TestPainted checks that a drawing shows something in the colors that it is to have, on light and dark pages.
func TestPainted(t *testing.T) {
	drawn, err := svg(diagram.Options{})(cases[1].make().Result)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, svg                  string
		page, text, out, in, cross uint32
	}{
		{"light", drawn, 0xffffff, 0x1f2328, 0x0969da, 0x1a7f37, 0xcf222e},
		{"dark", darken(t, drawn), 0x0d1117, 0xe6edf3, 0x4493f8, 0x3fb950, 0xf85149},
	} {
		picture := paint(t, test.svg)
		if w := picture.Bounds().Dx(); w != 800 {
			t.Errorf("%s: %d pixels wide", test.name, w)
		}
		pixels := count(picture)
		all := picture.Bounds().Dx() * picture.Bounds().Dy()
		if n := pixels[test.page]; n < all*3/4 || n > all*97/100 {
			t.Errorf("%s: %d of %d pixels are of the page", test.name, n, all)
		}
		for c, least := range map[uint32]int{test.text: 500, test.out: 500, test.in: 200, test.cross: 10} {
			if n := pixels[c]; n < least {
				t.Errorf("%s: %d pixels are of color %06x, want %d at least", test.name, n, c, least)
			}
		}
	}
}

// TestPaintedAll checks that librsvg takes every drawing.
func TestPaintedAll(t *testing.T) {
	for _, c := range cases {
		for _, o := range []diagram.Options{{}, {ToScale: true}} {
			drawn, err := svg(o)(c.make().Result)
			if err != nil {
				t.Fatal(err)
			}
			if pixels := count(paint(t, drawn)); len(pixels) < 50 {
				t.Errorf("%s, %+v: %d colors", c.name, o, len(pixels))
			}
		}
	}
}

// FuzzNames draws names and errors that someone else chose: the drawing stays XML, and prints.
func FuzzNames(f *testing.F) {
	f.Add(hostile, "eth0")
	f.Add("example.com", "]]>")
	f.Add("\xf0\x9f\x92\xa9\uffff\u00a0", "&#0;")
	f.Fuzz(func(t *testing.T, name, text string) {
		s := newExchange(name, 80, name+":80")
		s.dns(probe.EventDNSQuery, 0, probe.DNSMessage{Attempt: 1, Note: text})
		s.routed(1.930, probe.Route{Interface: text, NextHop: gateway})
		s.arp(probe.EventNeighborRequest, 1.951, probe.NeighborPacket{Attempt: 1, Note: name})
		s.Outcome, s.Err, s.Findings = probe.OutcomeDNSError, errors.New(text), []probe.Finding{probe.Finding(text)}
		for _, rendering := range renderings {
			got, err := rendering.render(s.Result)
			if err != nil {
				t.Fatal(err)
			}
			if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(got) {
				t.Errorf("%s: not printable: %q", rendering.suffix, got[max(i, 0):])
			}
			if rendering.suffix != ".mmd" {
				parse(t, got)
			}
		}
	})
}

// TestRoles checks that a party that is several things has one line, and says what matters.
func TestRoles(t *testing.T) {
	byGateway := arrived(443, "192.0.2.80:443")
	byGateway.Host = "192.0.2.80"
	byGateway.syn(2.301)
	byGateway.rejected(2.5, 0.199, gateway, 64)

	byTarget := arrived(443, "192.0.2.80:443")
	byTarget.Host = "192.0.2.80"
	byTarget.syn(2.301)
	byTarget.rejected(14, 11.699, remote, 57)

	home := newExchange("example.com", 80, "example.com:80")
	home.dns(probe.EventDNSQuery, 0, probe.DNSMessage{Attempt: 1})
	home.routed(1.930, probe.Route{Interface: "eth0", NextHop: server.Addr()})
	home.arp(probe.EventNeighborRequest, 1.951, probe.NeighborPacket{Attempt: 1})
	home.Outcome, home.Err = probe.OutcomeARPTimeout, errors.New("no answer")

	for _, test := range []struct {
		name     string
		exchange *exchange
		want     string
	}{
		{"gateway rejects", byGateway, "DNS server 203.0.113.53 gateway 198.51.100.1 target 192.0.2.80:443"},
		{"target rejects", byTarget, "DNS server 203.0.113.53 gateway 198.51.100.1 target 192.0.2.80:443"},
		{"gateway resolves", home, "this host 198.51.100.15 DNS server, gateway 203.0.113.53 0.000"},
	} {
		got, err := svg(diagram.Options{})(test.exchange.Result)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(strings.Fields(parse(t, got).text), " "); !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in %q", test.name, test.want, text)
		}
	}
}

// full refuses to be written to.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	r := cases[0].make().Result
	if err := diagram.SVG(full{}, diagram.Handshake(r), diagram.Options{}); err != errFull {
		t.Errorf("SVG: %v", err)
	}
	if err := diagram.Mermaid(full{}, diagram.Handshake(r)); err != errFull {
		t.Errorf("Mermaid: %v", err)
	}
}

// TestManyRouters checks that there is room for more parties than a page is wide.
func TestManyRouters(t *testing.T) {
	s := arrived(443, "example.com:443")
	s.syn(2.301)
	a := router
	for i := range 9 {
		s.rejected(8+float64(i), 5, a, uint8(63-i))
		a = a.Next()
	}
	s.Outcome = probe.OutcomeInterrupted
	got, err := svg(diagram.Options{})(s.Result)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, `width="1624"`) || !strings.Contains(got, "from router, 9 or 10 hops.") {
		t.Errorf("in the drawing:\n%s", got)
	}
}

// TestChallengedSYN: a SYN that a connection which the peer takes for open answers is not drawn as lost.
func TestChallengedSYN(t *testing.T) {
	s := arrived(80, "example.com:80")
	s.syn(2.301)
	s.in(2.9, tcphdr.ACK, 77, 78, probe.VerdictACKUnacceptable)
	s.out(2.95, tcphdr.RST, 78, 0)
	s.syn(1002.644)
	s.answered(1014.285, 11.641)
	s.closed(1014.285)
	got, err := svg(diagram.Options{})(s.Result)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got, `class="cross"`); n != 0 {
		t.Errorf("%d crosses", n)
	}
}
