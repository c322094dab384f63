package watch

import (
	"github.com/gdamore/tcell/v3"

	"tcpprobe/internal/text"
)

// Screen shows cells on a terminal, and takes its keys.
type Screen struct {
	tcell  tcell.Screen
	canvas *Canvas
	shown  []Cell // as they are on the terminal
	width  int    // of what is shown
}

// OpenScreen takes the whole screen of a terminal. It asks the terminal nothing: over a slow line an answer may come when nobody
// waits for it any more.
func OpenScreen(terminal tcell.Tty, style text.Style) (*Screen, error) {
	options := []tcell.TerminfoScreenOption{tcell.OptNegotiation(false)}
	if !style.Color {
		options = append(options, tcell.OptColors(0))
	}
	screen, err := tcell.NewTerminfoScreenFromTty(terminal, options...)
	if err != nil {
		return nil, err
	}
	if err := screen.Init(); err != nil {
		return nil, err
	}
	return &Screen{tcell: screen, canvas: NewCanvas(0, 0, style)}, nil
}

// Close gives the terminal back.
func (s *Screen) Close() { s.tcell.Fini() }

// Suspend gives the terminal back until Resume.
func (s *Screen) Suspend() error { return s.tcell.Suspend() }

// Resume takes the terminal again.
func (s *Screen) Resume() error {
	s.shown = nil
	return s.tcell.Resume()
}

// Redraw has all cells drawn anew, whatever the terminal shows.
func (s *Screen) Redraw() { s.tcell.Sync() }

// Events returns what comes from the terminal.
func (s *Screen) Events() <-chan tcell.Event { return s.tcell.EventQ() }

// Show shows what a function draws, of which those cells alone reach the terminal that have changed.
func (s *Screen) Show(draw func(*Canvas)) {
	width, height := s.tcell.Size()
	s.canvas.Resize(width, height)
	draw(s.canvas)
	same := s.width == width && len(s.shown) == len(s.canvas.cells)
	for i, cell := range s.canvas.cells {
		if cell.Text == "" || same && s.shown[i] == cell {
			continue // the terminal draws both halves of a wide character, or has it
		}
		s.tcell.Put(i%width, i/width, cell.Text, style(cell.Look))
	}
	s.shown, s.width = append(s.shown[:0], s.canvas.cells...), width
	s.tcell.Show()
}

// style returns how a terminal makes a look. The colors are its own sixteen.
func style(l Look) tcell.Style {
	st := tcell.StyleDefault.Bold(l.Bold).Reverse(l.Reverse)
	switch l.Color {
	case Dim:
		return st.Dim(true)
	case Good:
		return st.Foreground(tcell.PaletteColor(2))
	case Warn:
		return st.Foreground(tcell.PaletteColor(3))
	case Bad:
		return st.Foreground(tcell.PaletteColor(1))
	case Accent:
		return st.Foreground(tcell.PaletteColor(6))
	}
	return st
}

// special are the keys of a terminal that are no characters.
var special = map[tcell.Key]Key{
	tcell.KeyEnter: KeyEnter, tcell.KeyEscape: KeyEscape, tcell.KeyBackspace: KeyEscape, tcell.KeyBackspace2: KeyEscape, tcell.KeyUp: KeyUp, tcell.KeyDown: KeyDown,
	tcell.KeyPgUp: KeyPageUp, tcell.KeyPgDn: KeyPageDown, tcell.KeyHome: KeyHome, tcell.KeyEnd: KeyEnd,
	tcell.KeyCtrlC: KeyInterrupt, tcell.KeyCtrlZ: KeySuspend, tcell.KeyCtrlL: KeyRedraw,
	tcell.KeyLeft: '-', tcell.KeyRight: '+',
}

// keyOf returns the key of an event; 0 if it means nothing here.
func keyOf(e *tcell.EventKey) Key {
	if k, ok := special[e.Key()]; ok {
		return k
	}
	if e.Key() == tcell.KeyRune {
		for _, r := range e.Str() {
			return Key(r)
		}
	}
	return 0
}
