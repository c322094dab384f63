package netlab

import (
	"math/rand/v2"
	"time"

	"tcpprobe/tcphdr"
)

// A Direction says from which end of an Impairer a frame comes.
type Direction uint8

const (
	EitherWay Direction = iota // of an Impairment: frames from both ends
	FromA
	FromB
)

// An Action is what an Impairer does with a frame.
type Action uint8

const (
	Pass      Action = iota // write it out at once
	Delay                   // write it out later; frames behind it do not wait
	Drop                    // do not write it out
	Duplicate               // write it out at once, and once more later
	Swap                    // write it out right after the next frame of its direction
	Corrupt                 // invert one bit behind the Ethernet header, and leave the checksums as they were
	Replace                 // write out what Replacement makes of it
)

// An Impairment is a rule of an Impairer: what is to become of which frames.
type Impairment struct {
	// From is where the frames come from.
	From Direction
	// Set and Clear are the control bits that a segment has, and has not: SYN and ACK for the first SYN of a connection.
	// An impairment that names none is for every frame, of whatever protocol.
	Set, Clear tcphdr.Flags
	// Nth restricts it to the nth of these frames, counting from 1; 0 does not.
	Nth int
	// Chance is the probability with which it acts on each of them, up to 1; 0 stands for 1.
	Chance float64

	Action Action
	// Time is how much later a delayed frame, or the second one of a duplicated, is written out.
	Time time.Duration
	// Replacement returns, of an action to Replace, what is written out in the frame's place, and what is written back to
	// where it came from; nil for nothing. It must not write to the frame, which may have none of the headers that it expects.
	Replacement func(frame []byte) (on, back []byte)
}

// concerns reports whether the rule is for a frame; segment is nil if there is none in it.
func (r *Impairment) concerns(from Direction, segment *tcphdr.Header) bool {
	if r.From != EitherWay && r.From != from {
		return false
	}
	if r.Set == 0 && r.Clear == 0 {
		return true
	}
	return segment != nil && segment.Flags.Has(r.Set) && segment.Flags&r.Clear == 0
}

// A chooser finds the rule for each frame. Every rule has random numbers of its own, so that its decisions depend on the
// frames that it is for, and not on those in between or on the other direction.
type chooser struct {
	rules []Impairment
	state []ruleState
}

type ruleState struct {
	seen   int // frames that the rule is for
	random *rand.Rand
}

func newChooser(seed uint64, rules []Impairment) *chooser {
	c := &chooser{rules: rules}
	for i := range rules {
		c.state = append(c.state, ruleState{random: rand.New(rand.NewPCG(seed, uint64(i)))})
	}
	return c
}

// choose returns the number of the first rule that acts on a frame, or -1 if none does. A rule behind it is not asked.
func (c *chooser) choose(from Direction, segment *tcphdr.Header) int {
	for i := range c.rules {
		r, s := &c.rules[i], &c.state[i]
		if !r.concerns(from, segment) {
			continue
		}
		s.seen++
		if r.Nth != 0 && s.seen != r.Nth {
			continue
		}
		if r.Chance != 0 && s.random.Float64() >= r.Chance {
			continue
		}
		return i
	}
	return -1
}

// corrupt inverts one bit of a frame's payload, which the rule draws.
func (c *chooser) corrupt(rule int, frame []byte) {
	if payload := frame[min(ethernetHeader, len(frame)):]; len(payload) > 0 {
		bit := c.state[rule].random.IntN(8 * len(payload))
		payload[bit/8] ^= 0x80 >> (bit % 8)
	}
}
