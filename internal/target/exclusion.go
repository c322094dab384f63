package target

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sort"
	"strings"

	"tcpprobe/internal/openfile"
	"tcpprobe/internal/text"
)

// Exclusion is the addresses that nobody may be probed at: prefixes, none within another, in the order of their addresses. A
// nil one holds none. It is not changed any more.
type Exclusion []netip.Prefix

// OpenExclusion reads a prefix or an address a line; # begins a comment. The error is a line for the user, or it is a *ReadError, or
// that of the context, if it ends while the file is read.
func OpenExclusion(ctx context.Context, name string) (Exclusion, error) {
	return openfile.Await(ctx, func() (Exclusion, error) {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("--exclude: %w", err)
		}
		defer file.Close()
		return readExclusion(file, text.Printable(name))
	})
}

// readExclusion reads the lines of a file, whose name is for messages.
func readExclusion(r io.Reader, name string) (Exclusion, error) {
	var found []netip.Prefix
	lines := newLineReader(r)
	for {
		line, err := lines.next()
		switch err {
		case nil:
		case io.EOF:
			return newExclusion(found), nil
		case errLongLine, errUTF16:
			return nil, fmt.Errorf("%s line %d: %w", name, lines.number, err)
		default:
			return nil, &ReadError{name, err}
		}
		prefix, err := parseExcluded(line)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", name, lines.number, err)
		}
		found = append(found, prefix)
	}
}

// parseExcluded reads a prefix, or an address, with or without brackets. Any address may be left out, also one that nobody
// could probe.
func parseExcluded(s string) (netip.Prefix, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	address, err := netip.ParseAddr(bare)
	if err == nil {
		address = address.WithZone("").Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(bare)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s: a prefix or an address is wanted, as in 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1", text.Printable(s))
	}
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, fmt.Errorf("%v is an address in a prefix: %v is the prefix, and %v the address", prefix, masked, prefix.Addr())
	}
	return prefix, nil
}

// newExclusion returns the prefixes in order, without those that are within others.
func newExclusion(prefixes []netip.Prefix) Exclusion {
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var kept Exclusion
	for _, p := range prefixes {
		if last := len(kept) - 1; last < 0 || !kept[last].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return kept
}

// Contains reports whether an address is left out. The zero Addr never is.
func (e Exclusion) Contains(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	i := e.behind(a)
	return i > 0 && e[i-1].Contains(a)
}

// behind returns the place of the first prefix that begins behind an address.
func (e Exclusion) behind(a netip.Addr) int {
	return sort.Search(len(e), func(i int) bool { return e[i].Addr().Compare(a) > 0 })
}

// hostRange is addresses that follow each other.
type hostRange struct {
	first  netip.Addr
	before uint64 // addresses of the ranges in front of it
}

// subtractFrom returns what is left of a prefix of which fewer than 64 bits are open, and how many addresses that is.
func (e Exclusion) subtractFrom(p netip.Prefix) (left []hostRange, count uint64) {
	if e.Contains(p.Addr()) && e[e.behind(p.Addr())-1].Bits() <= p.Bits() {
		return nil, 0
	}
	size := uint64(1) << hostBits(p)
	at := uint64(0) // the place in the prefix up to which it is known what is left
	keep := func(from, to uint64) {
		if from < to {
			left = append(left, hostRange{first: offset(p.Addr(), from), before: count})
			count += to - from
		}
	}
	i := sort.Search(len(e), func(i int) bool { return e[i].Addr().Compare(p.Addr()) >= 0 })
	for ; i < len(e) && p.Contains(e[i].Addr()); i++ {
		out := distance(p.Addr(), e[i].Addr())
		keep(at, out)
		at = out + uint64(1)<<hostBits(e[i])
	}
	keep(at, size)
	return left, count
}
