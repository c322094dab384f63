package page

import (
	"fmt"
	"strconv"
	"strings"

	"tcpprobe/internal/monitor"
)

// pageRows is how many targets one page shows at the most.
const pageRows = 1000

// Selection is which targets an overview shows. Its zero value is the first page of all.
type Selection struct {
	Text string // a part of the name, in any case
	Down bool   // those alone that are down
	Page int    // from 0
	Rows Rows   // those alone of the page
}

// Rows is a stretch of rows of a page: from First up to, but not including, End. An End of 0 is all of them.
type Rows struct{ First, End int }

func (r Rows) contains(i int) bool { return r.End == 0 || i >= r.First && i < r.End }

// ParseSelection reads the query of the page's URL, of which get returns the first value of a parameter. The error says which
// one cannot be read.
func ParseSelection(get func(name string) string) (Selection, error) {
	s := Selection{Text: get("q"), Down: get("state") == "down"}
	if state := get("state"); state != "" && state != "down" && state != "all" {
		return Selection{}, fmt.Errorf("state is %q: it is all or down", state)
	}
	if text := get("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return Selection{}, fmt.Errorf("page is %q: it is a number from 1", text)
		}
		s.Page = n - 1
	}
	if text := get("rows"); text != "" {
		first, end, _ := strings.Cut(text, "-")
		a, errA := strconv.Atoi(first)
		b, errB := strconv.Atoi(end)
		if errA != nil || errB != nil || a < 0 || b <= a {
			return Selection{}, fmt.Errorf("rows is %q: it is FIRST-END, from 0", text)
		}
		s.Rows = Rows{a, b}
	}
	return s, nil
}

// matches reports whether a target is selected.
func (s Selection) matches(t *monitor.Figures, text string) bool {
	return (!s.Down || t.Handshakes > 0 && !t.Last.Up()) && strings.Contains(strings.ToLower(t.Name), text)
}

// choose returns the indexes of the targets that the page shows, and how many there are on all pages.
func (s Selection) choose(targets []monitor.Figures) (chosen []int, all int) {
	text := strings.ToLower(s.Text)
	first := s.Page * pageRows
	for i := range targets {
		if !s.matches(&targets[i], text) {
			continue
		}
		if all >= first && all < first+pageRows {
			chosen = append(chosen, i)
		}
		all++
	}
	return chosen, all
}
