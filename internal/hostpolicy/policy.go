package hostpolicy

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Policy is what the kernel does to the segments of applications, and not to frames that a packet socket sends and receives.
// What could not be asked for is as if it were not there: nothing in a Policy may be taken for a statement that something
// is absent.
type Policy struct {
	// Chains are the places where netfilter looks at segments: "nftables input", "iptables nat". They are in order, and
	// none comes twice.
	Chains []string
	IPsec  bool // there are policies that demand ESP or AH, or forbid
}

// Bypassed returns what frames pass by, for a person: the chains, and "IPsec".
func (p Policy) Bypassed() []string {
	if !p.IPsec {
		return p.Chains
	}
	return append(slices.Clone(p.Chains), "IPsec")
}

// add adds a chain, unless it is there.
func (p *Policy) add(chain string) {
	if i, found := slices.BinarySearch(p.Chains, chain); !found {
		p.Chains = slices.Insert(p.Chains, i, chain)
	}
}

// Families, hooks and verdicts of netfilter (linux/netfilter.h).
const (
	familyInet = 1
	familyIPv4 = 2
	familyIPv6 = 10

	hookForward = 2

	policyAccept = 1
)

// hookName returns the word for the number of a hook, or "" if it has none.
func hookName(n uint32) string {
	names := [...]string{"prerouting", "input", "forward", "output", "postrouting"}
	if int(n) < len(names) {
		return names[n]
	}
	return ""
}

// chain is what NFT_MSG_GETCHAIN says of one chain of nftables.
type chain struct {
	family uint8
	isBase bool   // it stands on a hook
	hook   uint32 // which
	kind   string // "filter", "nat" or "route"
	policy uint32 // of a base chain: what becomes of that about which no rule says anything
	uses   uint32 // rules in it
}

// word returns what a chain is called in Chains, and "" for one that does nothing to the segments of an application: it has
// no rule and accepts all, or it is for what others send through this host.
func (c chain) word() string {
	inert := c.uses == 0 && c.policy == policyAccept
	foreign := c.family != familyInet && c.family != familyIPv4 && c.family != familyIPv6
	if !c.isBase || inert || foreign || c.hook == hookForward || hookName(c.hook) == "" {
		return ""
	}
	if c.kind == "nat" {
		return "nftables nat"
	}
	return "nftables " + hookName(c.hook)
}

// tableNames returns the tables that /proc/net/ip_tables_names lists.
func tableNames(text string) []string {
	var names []string
	for name := range strings.FieldsSeq(text) {
		names = append(names, "iptables "+name)
	}
	return names
}

// policies reports whether a struct xfrmu_spdinfo (linux/xfrm.h) counts any policy for what comes in or goes out.
func policies(info []byte) bool {
	return len(info) >= 8 && (binary.NativeEndian.Uint32(info) > 0 || binary.NativeEndian.Uint32(info[4:]) > 0)
}
