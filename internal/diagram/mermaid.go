package diagram

import (
	"fmt"
	"io"
	"strings"

	"tcpprobe/internal/text"
)

// Mermaid writes the exchange as a sequence diagram in the language of Mermaid, which many trackers of issues render. The
// error is the writer's.
func Mermaid(w io.Writer, s *Scene) error {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	declare := func(id string, p party) {
		fmt.Fprintf(&b, "    participant %s as %s", id, mermaidText(p.name()))
		if p.label != "" {
			b.WriteString("<br/>" + mermaidText(p.label))
		}
		b.WriteString("\n")
	}
	declare("host", s.host)
	for i, p := range s.peers {
		declare(peerID(i), p)
	}
	for _, step := range s.steps {
		text := mermaidText(step.time()+" "+step.protocol+" "+step.what) + mermaidLine(step.numbers) +
			mermaidLine(strings.Join(step.details, ", "))
		switch {
		case step.peer == nobody:
			fmt.Fprintf(&b, "    Note over host: %s\n", text)
		case step.lost:
			fmt.Fprintf(&b, "    host-x%s: %s\n", peerID(step.peer), text)
		case step.out:
			fmt.Fprintf(&b, "    host->>%s: %s\n", peerID(step.peer), text)
		default:
			fmt.Fprintf(&b, "    %s->>host: %s\n", peerID(step.peer), text)
		}
		if step.state != "" {
			fmt.Fprintf(&b, "    Note left of host: %s\n", step.state)
		}
	}
	over := "host"
	if n := len(s.peers); n > 0 {
		over += "," + peerID(n-1)
	}
	fmt.Fprintf(&b, "    Note over %s: %s", over, mermaidText(s.verdict))
	for _, note := range s.notes {
		b.WriteString(mermaidLine("note: " + note))
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// peerID returns what a peer is called in the text.
func peerID(i int) string { return fmt.Sprintf("peer%d", i+1) }

// mermaidLine begins a line of its own, unless there is nothing to say.
func mermaidLine(s string) string {
	if s == "" {
		return ""
	}
	return "<br/>" + mermaidText(s)
}

// mermaidText escapes what has a meaning in Mermaid or HTML. All of ASCII that is not known to be harmless is written by
// its number.
func mermaidText(s string) string {
	var b strings.Builder
	for _, c := range text.Printable(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= 0x80, strings.ContainsRune(" .,:?()[]/_+-'", c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, "#%d;", c)
		}
	}
	return b.String()
}
