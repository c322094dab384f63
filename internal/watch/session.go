package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/gdamore/tcell/v3"
)

// Session is a live view that is under way. All but its methods is set before Run.
type Session struct {
	Screen *Screen
	View   *View
	Source Source

	// Trace begins to trace the path to a target, of one flow or of several, until it is stopped. What becomes known it hands to
	// the function, from any goroutine. It is nil where there is no network.
	Trace func(target string, flows bool, known func(*Path)) (stop func())
	// Names says whether names of routers are wanted. It is nil where Trace is.
	Names func(wanted bool)
	// Write writes what is known of a target, and of the path to it if that is not nil, into new files, and returns their names.
	Write func(target string, e Evidence, p *Path) (string, error)

	Stopped   <-chan struct{} // tells that the process is to stop
	Continued <-chan struct{} // tells that it goes on after it was stopped otherwise
	Stop      func()          // stops it, and returns when it goes on

	frame     Targets
	moment    Moment     // of the frame
	paths     chan *Path // of the trace that is under way
	stopTrace func()
}

// Source is where the targets of a Session come from: the network, or a recording.
type Source interface {
	// At returns what is known now, whatever time that is here, and that time.
	At(now time.Time) (Targets, Moment)
	// Reset forgets what was counted so far.
	Reset(now time.Time)
	// Do takes a command about the time of a recording.
	Do(Command)
}

// frames is how often the screen is drawn at the most while no key is pressed.
const frames = 250 * time.Millisecond

// Run shows the targets until the user wants to quit, or the context ends.
func (s *Session) Run(ctx context.Context) error {
	defer func() {
		if s.stopTrace != nil {
			s.stopTrace()
		}
	}()
	s.paths = make(chan *Path, 1)
	ticker := time.NewTicker(frames)
	defer ticker.Stop()
	if s.View.Page == PageTrace {
		s.draw()
		s.trace()
	}
	for s.draw(); ; {
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-s.Screen.Events():
			quit, err := s.take(event)
			if quit || err != nil || !ok {
				return err
			}
			s.draw()
		case p := <-s.paths:
			s.show(p)
		case <-s.Stopped:
			if err := s.suspend(); err != nil {
				return err
			}
		case <-s.Continued:
			if err := s.again(); err != nil {
				return err
			}
		case <-ticker.C:
			s.draw()
		}
	}
}

// draw draws the screen as it is to be now. While it is held, the targets stay as they were.
func (s *Session) draw() {
	if s.frame == nil || !s.View.Paused {
		s.frame, s.moment = s.Source.At(time.Now())
	}
	s.Screen.Show(func(c *Canvas) { s.View.Draw(c, s.frame, s.moment) })
}

// take takes what comes from the terminal.
func (s *Session) take(event tcell.Event) (quit bool, err error) {
	switch e := event.(type) {
	case *tcell.EventKey:
		return s.press(keyOf(e))
	case *tcell.EventError:
		return true, fmt.Errorf("the terminal: %w", e)
	}
	return false, nil
}

// press does what a key asks for.
func (s *Session) press(k Key) (quit bool, err error) {
	page := s.View.Page
	switch c := s.View.Press(k); c {
	case CommandQuit:
		return true, nil
	case CommandSuspend:
		return false, s.suspend()
	case CommandRedraw:
		s.Screen.Redraw()
	case CommandReset:
		s.Source.Reset(time.Now())
		s.frame, s.View.Message = nil, "counting from now on"
	case CommandWrite:
		s.write()
	case CommandTrace:
		s.trace()
	case CommandNames:
		if s.Names != nil {
			s.Names(s.View.Names)
		}
	case CommandNone:
	default:
		s.Source.Do(c)
		s.frame = nil
	}
	if page == PageTrace && s.View.Page != PageTrace && s.stopTrace != nil {
		s.stopTrace()
		s.stopTrace = nil
	}
	return false, nil
}

// write writes the files about the selected target, or says why it cannot.
func (s *Session) write() {
	if s.Write == nil || s.frame.Len() == 0 {
		s.View.Message = "nothing can be written here"
		return
	}
	var path *Path
	if s.View.Page == PageTrace {
		path = s.View.Path
	}
	names, err := s.Write(s.frame.Brief(s.View.Selected).Name, s.frame.Evidence(s.View.Selected), path)
	if err != nil {
		s.View.Message = err.Error()
		return
	}
	s.View.Message = "wrote " + names
}

// trace begins to trace the path to the selected target, in place of one before.
func (s *Session) trace() {
	if s.stopTrace != nil {
		s.stopTrace()
		s.stopTrace = nil
	}
	if s.Trace == nil || s.frame.Len() == 0 {
		s.View.Path = &Path{Failed: "there is no path to trace"}
		return
	}
	paths := make(chan *Path, 1)
	s.paths = paths
	s.stopTrace = s.Trace(s.frame.Brief(s.View.Selected).Name, s.View.Flows, func(p *Path) {
		select { // the latest alone is of interest
		case <-paths:
		default:
		}
		paths <- p
	})
}

// show shows what has become known of a path.
func (s *Session) show(p *Path) {
	if s.View.Page == PageTrace && !s.View.Paused {
		s.View.Path = p
	}
}

// suspend gives the terminal back, stops the process, and takes the terminal again when it goes on.
func (s *Session) suspend() error {
	if err := s.Screen.Suspend(); err != nil {
		return err
	}
	s.Stop()
	return s.resume()
}

// again takes the terminal anew after the process was stopped without a word: whoever had it meanwhile has set it otherwise.
func (s *Session) again() error {
	if err := s.Screen.Suspend(); err != nil {
		return err
	}
	return s.resume()
}

func (s *Session) resume() error {
	if err := s.Screen.Resume(); err != nil {
		return err
	}
	s.draw()
	return nil
}
