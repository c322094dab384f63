package ndp

// Verdict is what a packet was taken for.
type Verdict uint8

const (
	Unrelated       Verdict = iota // not about the target nor ours
	Accepted                       // the answer
	Repeated                       // the answer again
	Stronger                       // an answer with Override after one without, of a proxy or for an anycast address: no conflict
	Conflict                       // a valid answer with another MAC than the one before, which claims to count more
	Moved                          // the target is at another MAC now, and says so without being asked
	AddressConflict                // another station says that our own address is its own
	NotSolicited                   // told without being asked, before there is an answer: a hint that the target is there, and no more
	NotForUs                       // an answer to another station
	Weaker                         // another MAC without Override, which does not count against what is known (RFC 4861 7.2.5)
	NoMAC                          // there is no MAC in it: it answers a question that was not asked of all
	Invalid                        // a packet that RFC 4861 7.1 has discarded: for its code, or its addresses
	NotOfLink                      // the hop limit is not 255: it comes from beyond the link
	BadChecksum                    // the checksum is wrong
	Unasked                        // an answer from before the question
)

// String returns the verdict as a clause for a person.
func (v Verdict) String() string {
	switch v {
	case Accepted:
		return "the answer"
	case Repeated:
		return "the answer again"
	case Stronger:
		return "the owner's answer after that of a proxy"
	case Conflict:
		return "another MAC for the same address"
	case Moved:
		return "at another MAC from now on"
	case AddressConflict:
		return "another station claims our address"
	case NotSolicited:
		return "not an answer"
	case NotForUs:
		return "an answer to another station"
	case Weaker:
		return "another MAC that does not claim to count more"
	case NoMAC:
		return "there is no MAC in it"
	case Invalid:
		return "its code or addresses are against RFC 4861"
	case NotOfLink:
		return "its hop limit is not 255"
	case BadChecksum:
		return "its checksum is wrong"
	case Unasked:
		return "answered before it was asked"
	}
	return "about other addresses"
}

// Ignored reports whether the packet claimed to come from the target, and yet nothing of it was believed.
func (v Verdict) Ignored() bool { return v >= NotSolicited }
