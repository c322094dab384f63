package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

//go:embed templates/*.html
var templates embed.FS

// Renderer makes pages. Its methods may be called side by side.
type Renderer struct {
	pages               *template.Template
	style, script, icon Asset
}

// New returns a Renderer. The error is of the templates, which a test has tried.
func New() (*Renderer, error) {
	style, errStyle := asset("page", "css", "text/css; charset=utf-8")
	script, errScript := asset("page", "js", "text/javascript; charset=utf-8")
	icon, errIcon := asset("icon", "svg", "image/svg+xml")
	if err := errors.Join(errStyle, errScript, errIcon); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	pages, err := template.New("").Funcs(template.FuncMap{
		"clock": clock, "counted": counted, "entries": newEntries, "grouped": grouped, "iso": iso, "ms": ms, "percent": percent,
		"printable": text.Printable, "segment": segment, "span": span,
		"symbol": symbol, "tone": tone,
	}).ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return &Renderer{pages: pages, style: style, script: script, icon: icon}, nil
}

// Assets returns the files that the pages refer to.
func (r *Renderer) Assets() []Asset { return []Asset{r.style, r.script, r.icon} }

// frame is what every page has around it.
type frame struct {
	Title               string
	Root                string // the way up to /, so that a proxy may serve the pages under a path of its own
	Style, Script, Icon string // names of the assets
	Here                string // which page this is, for the navigation
}

func (r *Renderer) frame(title, root, here string) frame {
	return frame{Title: title, Root: root, Style: r.style.Name, Script: r.script.Name, Icon: r.icon.Name, Here: here}
}

// render makes a page whole, so that none is ever sent in part.
func (r *Renderer) render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := r.pages.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return b.Bytes(), nil
}

// entries is what the template of a list of handshakes takes.
type entries struct {
	Entries []entry
	Root    string
	Now     time.Time
}

func newEntries(list []entry, root string, now time.Time) entries { return entries{list, root, now} }

// entry is a handshake in a list.
type entry struct {
	ID       string // of its page
	Target   string
	Time     time.Time
	Outcome  probe.Outcome
	Reason   string
	Findings []probe.Finding
	Module   string
}

// maxEntries is how many handshakes a list has at the most.
const maxEntries = 50

func entriesOf(evidence []monitor.Evidence) (list []entry) {
	for _, e := range evidence[:min(len(evidence), maxEntries)] {
		r := e.Result
		list = append(list, entry{e.ID.String(), r.Target, r.Time, r.Outcome, report.Reason(r), r.Findings, e.Module})
	}
	return list
}
