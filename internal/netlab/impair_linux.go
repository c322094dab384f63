package netlab

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tcpprobe/internal/socket"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// An Impairer is a bad cable between two interfaces of a host: what arrives at one leaves by the other, but for what its
// rules do to it.
type Impairer struct {
	host   *Host
	ports  [2]*port // those towards A and towards B
	waiter *socket.Waiter
	cancel context.CancelFunc
	done   chan struct{} // closed when no frame will pass any more
	close  func() error
	err    error // of the loop; to be read when it is done

	// Of the loop alone.
	chooser *chooser
	pending schedule
	number  int            // of frames that were ever pending
	held    [2]*crossing   // by port that it will leave by
	leaving [2][]*crossing // written out and not heard yet, by port

	mu  sync.Mutex // for the log, and for what it points to
	log []*Passage
}

// A Passage is the record of one frame.
type Passage struct {
	From     Direction
	Rule     int         // the number of the rule that acted on it, from 0; -1 if none did
	Received time.Time   // the kernel's stamp of its arrival
	Sent     []time.Time // the kernel's stamps of its departure: none if it was dropped, two if it was duplicated or answered
	Frame    []byte      // as it arrived, with its Ethernet header
}

// Segment returns the headers of the TCP segment in the frame, which they alias. It is not ok if there is none.
func (p *Passage) Segment() (ip rawip.Header, tcp tcphdr.Header, ok bool) {
	return segment(p.Frame)
}

// segment returns the headers of the TCP segment in a frame.
func segment(frame []byte) (ip rawip.Header, tcp tcphdr.Header, ok bool) {
	const etherType = ethernetHeader - 2
	if len(frame) < ethernetHeader || frame[etherType] != 0x08 || frame[etherType+1] != 0x00 {
		return ip, tcp, false
	}
	ip, payload, err := rawip.Parse(frame[ethernetHeader:])
	if err != nil || ip.Protocol != rawip.ProtocolTCP || ip.FragmentOffset != 0 {
		return ip, tcp, false
	}
	tcp, _, err = tcphdr.Parse(payload)
	return ip, tcp, err == nil
}

// A crossing is a frame on its way through.
type crossing struct {
	passage *Passage
	frame   []byte // as it will leave
	to      int    // the port
	due     time.Time
	number  int
}

// Impair joins two interfaces of the host by an Impairer, which goes by the first rule that acts on a frame, and passes on
// the frames that none acts on. What it draws by lot depends on the seed alone, for the same frames in the same order.
//
// The host stands apart from what it passes on: its interfaces are to have no address, and it does not forward. The links on
// both sides are to be made with NoChecksumOffload, or else the frames leave with the checksums that they came with, which
// are not filled in. Close the Impairer before the Lab.
func (h *Host) Impair(aIfname, bIfname string, seed uint64, rules ...Impairment) (*Impairer, error) {
	if err := h.Sysctl("net/ipv4/ip_forward", "0"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	i := &Impairer{host: h, chooser: newChooser(seed, slices.Clone(rules)), cancel: cancel, done: make(chan struct{})}
	i.close = sync.OnceValue(i.shut)
	err := h.Do(func() (err error) {
		for n, ifname := range []string{aIfname, bIfname} {
			if i.ports[n], err = openPort(ifname); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		i.waiter, err = socket.NewWaiter(ctx, i.ports[0].in, i.ports[1].in)
	}
	if err != nil {
		cancel()
		return nil, opError("impair", h.name, errors.Join(err, i.closePorts()))
	}
	go func() {
		defer close(i.done)
		i.err = i.run(ctx)
	}()
	return i, nil
}

// Log returns what has passed so far, in order of arrival. Once the Impairer is closed it is complete.
func (i *Impairer) Log() []Passage {
	i.mu.Lock()
	defer i.mu.Unlock()
	passages := make([]Passage, 0, len(i.log))
	for _, p := range i.log {
		c := *p
		c.Sent = slices.Clone(p.Sent)
		passages = append(passages, c)
	}
	return passages
}

// Close stops passing frames on. Those that are delayed or held are lost. The error says if any frame could not be passed on,
// or was not heard for want of room. Close may be called more than once.
func (i *Impairer) Close() error { return i.close() }

func (i *Impairer) shut() error {
	i.cancel()
	<-i.done
	return opError("impair", i.host.name, errors.Join(i.err, i.waiter.Close(), i.closePorts()))
}

// closePorts closes the ports side by side, for the kernel takes its time over each packet socket.
func (i *Impairer) closePorts() error {
	errs := make(chan error)
	for _, p := range i.ports {
		go func() {
			if p == nil {
				errs <- nil
				return
			}
			errs <- p.close()
		}()
	}
	return errors.Join(<-errs, <-errs)
}

// run passes frames on until the context ends.
func (i *Impairer) run(ctx context.Context) error {
	var failed error // the first of the frames that could not be passed on
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	for {
		for len(i.pending) > 0 && !time.Now().Before(i.pending[0].due) {
			note(i.write(heap.Pop(&i.pending).(*crossing)))
		}
		heardAny := false
		for n, p := range i.ports {
			h, ok, err := p.hear()
			if err != nil {
				return errors.Join(failed, err)
			}
			heardAny = heardAny || ok
			switch {
			case ok && h.outgoing:
				i.left(n, h)
			case ok:
				note(i.arrived(n, h))
			}
		}
		if heardAny {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(failed, i.ports[0].checkDrops(), i.ports[1].checkDrops())
		}
		var until time.Time
		if len(i.pending) > 0 {
			until = i.pending[0].due
		}
		if err := i.waiter.Wait(until); err != nil {
			return errors.Join(failed, err)
		}
	}
}

// arrived does with a frame what its rule says.
func (i *Impairer) arrived(at int, h heard) error {
	from := FromA + Direction(at)
	p := &Passage{From: from, Received: time.Unix(0, h.at), Frame: bytes.Clone(h.frame)}
	var tcp *tcphdr.Header
	if _, header, ok := segment(p.Frame); ok {
		tcp = &header
	}
	p.Rule = i.chooser.choose(from, tcp)
	i.mu.Lock()
	i.log = append(i.log, p)
	i.mu.Unlock()

	c := &crossing{passage: p, frame: p.Frame, to: 1 - at}
	if p.Rule < 0 {
		return i.write(c)
	}
	switch rule := &i.chooser.rules[p.Rule]; rule.Action {
	case Delay:
		i.postpone(c, rule.Time)
		return nil
	case Drop:
		return nil
	case Duplicate:
		second := *c
		i.postpone(&second, rule.Time)
	case Swap:
		if i.held[c.to] == nil {
			i.held[c.to] = c
			return nil
		}
	case Corrupt:
		c.frame = bytes.Clone(c.frame)
		i.chooser.corrupt(p.Rule, c.frame)
	case Replace:
		on, back := rule.Replacement(c.frame)
		return errors.Join(i.replace(p, on, 1-at), i.replace(p, back, at))
	}
	return i.write(c)
}

// replace writes out a frame that came about by another, if there is one.
func (i *Impairer) replace(p *Passage, frame []byte, to int) error {
	if frame == nil {
		return nil
	}
	return i.write(&crossing{passage: p, frame: frame, to: to})
}

// postpone has a frame written out later.
func (i *Impairer) postpone(c *crossing, by time.Duration) {
	c.due = time.Now().Add(by)
	c.number = i.number
	i.number++
	heap.Push(&i.pending, c)
}

// write writes a frame out, and behind it the one that was held back.
func (i *Impairer) write(c *crossing) error {
	err := i.writeAlone(c)
	if held := i.held[c.to]; held != nil {
		i.held[c.to] = nil
		err = errors.Join(err, i.writeAlone(held))
	}
	return err
}

func (i *Impairer) writeAlone(c *crossing) error {
	if err := i.ports[c.to].send(c.frame); err != nil {
		return err
	}
	i.leaving[c.to] = append(i.leaving[c.to], c)
	return nil
}

// left takes down when a frame has left.
func (i *Impairer) left(by int, h heard) {
	for n, c := range i.leaving[by] {
		if bytes.Equal(c.frame, h.frame) {
			i.leaving[by] = slices.Delete(i.leaving[by], n, n+1)
			i.mu.Lock()
			c.passage.Sent = append(c.passage.Sent, time.Unix(0, h.at))
			i.mu.Unlock()
			return
		}
	}
}

// A schedule is a heap of frames, the first due on top. Those due at once keep their order.
type schedule []*crossing

func (s schedule) Len() int { return len(s) }

func (s schedule) Less(a, b int) bool {
	if s[a].due.Equal(s[b].due) {
		return s[a].number < s[b].number
	}
	return s[a].due.Before(s[b].due)
}

func (s schedule) Swap(a, b int) { s[a], s[b] = s[b], s[a] }

func (s *schedule) Push(x any) { *s = append(*s, x.(*crossing)) }

func (s *schedule) Pop() any {
	last := len(*s) - 1
	c := (*s)[last]
	*s = (*s)[:last]
	return c
}
