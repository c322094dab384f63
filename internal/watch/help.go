package watch

import "tcpprobe/internal/text"

// keys are what the keys do, for the page of help.
var keys = [...][2]string{
	{"j k, arrows", "the next target, the one before; further down, further up"},
	{"Page Up, Page Down, g G", "a screen up or down, to the first, to the last"},
	{"Enter", "one target: history, ladder, last failure and its lesson, histogram, outages"},
	{"t", "the path to it, traced again and again"},
	{"Esc, Backspace", "back"},
	{"s", "sort by trouble, list, name, loss, last"},
	{"+ -", "history: more or fewer handshakes"},
	{"n", "path: names of routers"},
	{"f", "path: several flows"},
	{"w", "write capture and diagram of the selected target into new files"},
	{"p, Space", "hold the screen; handshakes go on, and a replay stops"},
	{"r", "forget everything, and count from now on"},
	{", .", "replay: 10 s back, 10 s on"},
	{"[ ]", "replay: half as fast, twice as fast"},
	{"Ctrl-L", "draw the screen anew"},
	{"Ctrl-Z", "to the shell, and back by fg"},
	{"q, Ctrl-C", "quit, with the statistics of all targets"},
}

// drawHelp draws what the keys do, and what the marks mean.
func (v *View) drawHelp(c *Canvas) {
	c.Put(1, 0, "tcpprobe watch: keys", Look{Bold: true})
	var lines []drawn
	column := 26
	if c.Width < 60 {
		column = 3
	}
	for _, key := range keys {
		meaning := text.Wrap(key[1], max(c.Width-column-1, 2))
		if column < 26 {
			lines = append(lines, func(c *Canvas, y int) { c.Put(1, y, key[0], Look{Color: Accent, Bold: true}) })
		}
		for i, part := range meaning {
			lines = append(lines, func(c *Canvas, y int) {
				if i == 0 && column == 26 {
					c.Put(1, y, key[0], Look{Color: Accent, Bold: true})
				}
				c.Put(column, y, part, Look{})
			})
		}
	}
	lines = append(lines, func(*Canvas, int) {}, v.legend)
	v.scrollTo(v.scroll, len(lines), c.Height-2)
	for i, line := range lines[v.scroll:] {
		if 1+i >= c.Height-1 {
			break
		}
		line(c, 1+i)
	}
}

// legend draws what the marks mean.
func (v *View) legend(c *Canvas, y int) {
	x := 1
	levels := c.levels()
	for _, mark := range []struct {
		text    string
		look    Look
		meaning string
	}{
		{levels[1] + levels[4], Look{Color: Good}, "established"},
		{levels[1] + levels[4], Look{Color: Warn}, "with a loss or a finding"},
		{c.Style.Glyph("×", "x"), Look{Color: Bad}, "no answer"},
		{"r", Look{Color: Bad}, "RST"},
		{"!", Look{Color: Bad}, "ICMP"},
	} {
		x = c.Put(x, y, mark.text, mark.look)
		x = c.Put(x+1, y, mark.meaning, Look{}) + 2
	}
}
