package target

// Selection says which of the targets that the user named are taken, and in which order. The zero Selection is all of them.
type Selection struct {
	Exclude Exclusion
	Shard   Shard
	Seed    uint64 // of the order of prefixes with many targets
}

// mostInOrder is how many targets of a prefix are taken in the order of their addresses. More of them are a burst to each of
// its subnets, one after the other, if they are.
const mostInOrder = 256

// selected is the targets of a set that are taken.
type selected struct {
	set
	first, step int // numbers in the set
	count       int
	scattered   bool
	order       permutation // if they are scattered
}

// without returns a set without those targets of it that are left out. A host that is a name may be left out when its address
// is known.
func (s Selection) without(of set) set {
	switch {
	case len(s.Exclude) == 0:
	case !of.prefix.IsValid():
		if s.Exclude.Contains(of.first.Address) {
			of.count = 0
		}
	default:
		var hosts uint64
		of.hosts, hosts = s.Exclude.subtractFrom(of.prefix)
		of.count = int(hosts) * of.portCount()
	}
	return of
}

// of returns what is taken of a set, from which what is left out was taken already, and whose first target has a number among
// those of all.
func (s Selection) of(all set, number int) selected {
	taken := selected{set: all}
	taken.first, taken.step, taken.count = s.Shard.within(number, all.count)
	if taken.scattered = all.prefix.IsValid() && taken.count > mostInOrder; taken.scattered {
		taken.order = newPermutation(taken.count, s.Seed)
	}
	return taken
}

// at returns the target at a place among those taken.
func (s selected) at(place int) Target {
	if s.scattered {
		place = s.order.at(place)
	}
	return s.set.at(s.first + place*s.step)
}
