package prober

import (
	"context"
	"net/netip"
	"sync"

	"tcpprobe/resolver"
)

// NamesOf looks up the names of addresses by the DNS, side by side, as the names of targets are looked up. It returns the
// first name of those that have one, safe to print, as far as they are known when the context ends.
func (p *Prober) NamesOf(ctx context.Context, addresses []netip.Addr) map[netip.Addr]string {
	var mu sync.Mutex
	var all sync.WaitGroup
	names := make(map[netip.Addr]string)
	turn := make(chan struct{}, namesAtOnce)
	for _, address := range addresses {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			found, err := resolver.New(p.names.options).LookupAddress(ctx, address, nil)
			if err == nil && len(found.Pointers) > 0 {
				mu.Lock()
				defer mu.Unlock()
				names[address] = found.Pointers[0]
			}
		})
	}
	all.Wait()
	return names
}
