package serve

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"tcpprobe/probe"
)

// Kept is a result that is kept, with all its packets. Nobody changes it.
type Kept struct {
	ID     string // by which it is found: letters, digits and a hyphen
	Module string
	Result *probe.Result
}

// History is the latest results, and apart from them the latest of handshakes that failed. Its methods may be called from any
// goroutine.
type History struct {
	prefix string // of the IDs, so that those of before a restart name nothing else
	most   int

	mu       sync.Mutex
	number   uint64 // of the latest
	latest   []Kept // the oldest first
	failures []Kept
}

// NewHistory returns a History for so many results of each kind, that begins at a time.
func NewHistory(most int, now time.Time) *History {
	return &History{prefix: strconv.FormatInt(now.Unix(), 36) + "-", most: most}
}

// Add keeps a result, and returns its ID.
func (h *History) Add(module string, r *probe.Result) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.number++
	k := Kept{ID: h.prefix + strconv.FormatUint(h.number, 10), Module: module, Result: r}
	h.latest = h.keep(h.latest, k)
	if r.Outcome != probe.OutcomeEstablished {
		h.failures = h.keep(h.failures, k)
	}
	return k.ID
}

// keep appends a result to a list, and drops the oldest of those that are too many.
func (h *History) keep(list []Kept, k Kept) []Kept {
	if h.most == 0 {
		return nil
	}
	if len(list) == h.most {
		copy(list, list[1:])
		list = list[:h.most-1]
	}
	return append(list, k)
}

// Latest returns the latest results, the newest first.
func (h *History) Latest() []Kept { return h.newestFirst(&h.latest) }

// Failures returns the latest results of handshakes that failed, the newest first.
func (h *History) Failures() []Kept { return h.newestFirst(&h.failures) }

func (h *History) newestFirst(list *[]Kept) []Kept {
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := slices.Clone(*list)
	slices.Reverse(newest)
	return newest
}

// Find returns the result of an ID, if it is still kept.
func (h *History) Find(id string) (Kept, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, list := range [][]Kept{h.latest, h.failures} {
		if i := slices.IndexFunc(list, func(k Kept) bool { return k.ID == id }); i >= 0 {
			return list[i], true
		}
	}
	return Kept{}, false
}
