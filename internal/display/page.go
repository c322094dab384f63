package display

import (
	"io"
	"slices"
)

// pages are the outputs for several handshakes that are shown one below the other.
type pages struct {
	w     io.Writer
	blank bool // a blank line stands between two
	open  []*page
	begun bool // there was a page
}

// page is the output for one handshake. What is said of it before its turn has come is kept until then.
type page struct {
	w    io.Writer
	kept []byte
	turn bool
	over bool
}

// Write writes b when the page's turn has come.
func (p *page) Write(b []byte) (int, error) {
	if p.turn {
		return p.w.Write(b)
	}
	p.kept = append(p.kept, b...)
	return len(b), nil
}

// add returns the page behind another, or behind all that there are.
func (s *pages) add(behind *page) *page {
	p := &page{w: s.w}
	if s.begun && s.blank {
		p.kept = []byte{'\n'}
	}
	s.begun = true
	at := slices.Index(s.open, behind) + 1
	if at == 0 {
		at = len(s.open)
	}
	s.open = slices.Insert(s.open, at, p)
	if len(s.open) == 1 {
		p.show()
	}
	return p
}

// show gives a page its turn.
func (p *page) show() {
	p.turn = true
	p.w.Write(p.kept) // which remembers that it failed
	p.kept = nil
}

// close closes a page, and gives the turn to the next that is not complete.
func (s *pages) close(closed *page) {
	closed.over = true
	for len(s.open) > 0 && s.open[0].over {
		s.open = s.open[1:]
		if len(s.open) > 0 {
			s.open[0].show()
		}
	}
}
