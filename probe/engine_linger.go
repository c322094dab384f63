package probe

// lingering is the flows that are over, and whose machines answer a peer that repeats itself: the latest ones. Their results
// were given out, and nobody waits for them.
type lingering struct {
	flows  map[flowKey]*flow
	latest []*flow // as a ring
	next   int     // place in it
}

// maximumLingering is how many flows linger at once. It bounds what a long run takes of memory: some 2 MB.
const maximumLingering = 1024

// keep takes a flow that is over. It returns one that gives way to it, or nil.
func (l *lingering) keep(f *flow) (old *flow) {
	if l.flows == nil {
		l.flows = make(map[flowKey]*flow)
	}
	if f.past == nil {
		f.past = new(Flow)
	}
	*f.past = *f.Flow
	f.past.Result, f.past.Record, f.past.Observe, f.past.Done = nil, false, nil, nil
	f.Flow = f.past
	if len(l.latest) < maximumLingering {
		l.latest = append(l.latest, f)
	} else {
		old = l.latest[l.next]
		if key := old.key(); l.flows[key] == old {
			delete(l.flows, key)
		}
		l.latest[l.next] = f
		l.next = (l.next + 1) % maximumLingering
	}
	l.flows[f.key()] = f
	return old
}

// forget ends what lingers of a connection, because another with the same addresses and ports begins.
func (l *lingering) forget(key flowKey) { delete(l.flows, key) }
