package serve

import (
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/probe"
)

// Module is a kind of handshake that may be asked for by name.
type Module struct {
	Timeout time.Duration // of everything; 0: as long as who asks waits
	Spec    prober.Spec   // of the handshake, but for its timeout
}

// defaultModule is that of a request that names none.
const defaultModule = "tcp_handshake"

// builtIn returns the modules that there are without a configuration.
func builtIn() map[string]Module {
	wire := newModule()
	wire.Spec.Send = prober.SendLink
	return map[string]Module{defaultModule: newModule(), "tcp_wire": wire}
}

// newModule returns a module in which nothing was set.
func newModule() Module {
	return Module{Spec: prober.Spec{
		Count: 1, Interval: time.Second, Send: prober.SendIP, TTL: 64,
		Handshake: probe.Config{Retries: 2, Window: 64240, Linger: probe.Linger},
	}}
}
