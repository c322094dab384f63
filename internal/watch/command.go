package watch

// Key is a key of the keyboard: a character, or one of those below.
type Key rune

// The keys that are no characters.
const (
	KeyEnter Key = -1 - iota
	KeyEscape
	KeyUp
	KeyDown
	KeyPageUp
	KeyPageDown
	KeyHome
	KeyEnd
	KeyInterrupt // Ctrl-C
	KeySuspend   // Ctrl-Z
	KeyRedraw    // Ctrl-L
)

// Command is what a key asks for that is more than another view.
type Command uint8

// The commands.
const (
	CommandNone Command = iota
	CommandQuit
	CommandSuspend
	CommandRedraw
	CommandReset
	CommandWrite
	CommandTrace    // the path to the selected target, which goes on as long as its page is open
	CommandNames    // names of routers are wanted, or not any more
	CommandBack     // ten seconds, in a replay
	CommandForward  // ten seconds
	CommandSlower   // half the speed
	CommandFaster   // twice the speed
	CommandContinue // after a pause
)

// Press takes a key, and returns what is to be done beside drawing.
func (v *View) Press(k Key) Command {
	v.Message = ""
	switch k {
	case 'q', KeyInterrupt:
		if v.Help && k == 'q' {
			v.Help = false
			return CommandNone
		}
		return CommandQuit
	case KeySuspend:
		return CommandSuspend
	case KeyRedraw:
		return CommandRedraw
	case '?', 'h':
		v.Help, v.scroll = !v.Help, 0
	case KeyEscape:
		v.back()
	case 'p', ' ':
		if v.Paused = !v.Paused; !v.Paused {
			return CommandContinue
		}
	case 'j', KeyDown, 'k', KeyUp, KeyPageUp, KeyPageDown, KeyHome, 'g', KeyEnd, 'G':
		v.move(k)
	default:
		if v.Help {
			return CommandNone
		}
		return v.act(k)
	}
	return CommandNone
}

// act takes a key that does something about targets.
func (v *View) act(k Key) Command {
	switch k {
	case KeyEnter:
		if v.Page == PageTargets {
			v.Page, v.scroll, v.chosen = PageTarget, 0, true
		}
	case 's':
		v.Sort = (v.Sort + 1) % sorts
		v.shown, v.top = nil, 0
	case '+', '=':
		v.Zoom = min(v.Zoom+1, mostZoom)
	case '-':
		v.Zoom = max(v.Zoom-1, 0)
	case 'w':
		return CommandWrite
	case 'r':
		if v.Page == PageTrace {
			v.Path, v.scroll = nil, 0
			return CommandTrace
		}
		return CommandReset
	}
	if v.Replay {
		return v.actReplay(k)
	}
	switch k {
	case 't':
		if v.Page == PageTrace {
			break
		}
		v.Page, v.scroll, v.Path, v.chosen = PageTrace, 0, nil, true
		return CommandTrace
	case 'n':
		v.Names = !v.Names
		return CommandNames
	case 'f':
		if v.Page == PageTrace {
			v.Flows, v.Path, v.scroll = !v.Flows, nil, 0
			return CommandTrace
		}
	}
	return CommandNone
}

// actReplay takes a key that moves within a recording.
func (v *View) actReplay(k Key) Command {
	switch k {
	case ',':
		return CommandBack
	case '.':
		return CommandForward
	case '[':
		return CommandSlower
	case ']':
		return CommandFaster
	}
	return CommandNone
}

// back goes back to where the user came from.
func (v *View) back() {
	switch {
	case v.Help:
		v.Help = false
	case !v.PathAlone:
		v.Page = PageTargets
	}
	v.scroll = 0
}

// move goes through the targets, or the lines of a page.
func (v *View) move(k Key) {
	step := map[Key]int{'j': 1, KeyDown: 1, 'k': -1, KeyUp: -1, KeyPageDown: max(v.visible-1, 1), KeyPageUp: -max(v.visible-1, 1)}[k]
	if v.Help || v.Page != PageTargets {
		switch k {
		case KeyHome, 'g':
			v.scroll = 0
		case KeyEnd, 'G':
			v.scroll = v.lines
		}
		v.scrollTo(v.scroll+step, v.lines, v.visible)
		return
	}
	if len(v.shown) == 0 {
		return
	}
	place := min(max(v.place()+step, 0), len(v.shown)-1)
	switch k {
	case KeyHome, 'g':
		place = 0
	case KeyEnd, 'G':
		place = len(v.shown) - 1
	}
	v.Selected, v.chosen = v.shown[place], true
}
