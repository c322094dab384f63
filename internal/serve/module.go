package serve

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
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

// compile reads what stands in a module.
func (f moduleFile) compile() (Module, error) {
	m := newModule()
	if err := f.supported(); err != nil {
		return m, err
	}
	s, h := &m.Spec, &m.Spec.Handshake
	for _, setting := range []struct {
		name  string
		value scalar
		set   func(string) error
	}{
		{"timeout", f.Timeout, func(v string) (err error) { m.Timeout, err = parseDuration(v); return err }},
		{"source_ip_address", f.TCP.SourceIPAddress, func(v string) (err error) { s.Source, err = target.Rules{}.ParseSource(v); return err }},
		{"send", f.TCP.Send, func(v string) error { s.Send = prober.Send(v); return oneOf(v, "ip", "link", "auto", "connect") }},
		{"close", f.TCP.Close, func(v string) error {
			if err := oneOf(v, "fin", "half", "rst"); err != nil {
				return err
			}
			var err error
			h.Close, err = probe.ParseClose(v)
			return err
		}},
		{"syn", f.TCP.SYN, func(v string) (err error) { h.SYN, err = probe.ParseSYN(v); return err }},
		{"icmp", f.TCP.ICMP, func(v string) (err error) { h.ICMP, err = probe.ParseICMPPolicy(v); return err }},
		{"retries", f.TCP.Retries, number(0, 30, func(n int) { h.Retries = n })},
		{"ttl", f.TCP.TTL, number(1, 255, func(n int) { s.TTL = uint8(n) })},
		{"dscp", f.TCP.DSCP, number(0, 63, func(n int) { s.TOS = uint8(n) << 2 })},
		{"mss", f.TCP.MSS, number(1, 65535, func(n int) { h.MSS = uint16(n) })},
		{"window", f.TCP.Window, number(0, 65535, func(n int) { h.Window = n })},
	} {
		if setting.value.IsZero() {
			continue
		}
		if err := setting.set(setting.value.text); err != nil {
			return m, setting.value.wrong(fmt.Errorf("%s: %w", setting.name, err))
		}
	}
	var err error
	if s.Family, err = f.TCP.family(s.Source); err != nil {
		return m, err
	}
	return m, f.TCP.agree(m)
}

// supported returns an error for what is asked for beyond a handshake.
func (f moduleFile) supported() error {
	others := map[string]yaml.Node{"http": f.HTTP, "dns": f.DNS, "icmp": f.ICMP, "grpc": f.GRPC, "unix": f.Unix}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if node := others[name]; node.Kind != 0 {
			return &LineError{node.Line, fmt.Errorf("%s is not supported: only TCP handshakes are made here (prober: tcp)", name)}
		}
	}
	if p := f.Prober; !p.IsZero() && p.text != "tcp" {
		return p.wrong(fmt.Errorf("prober %s is not supported: only TCP handshakes are made here (prober: tcp)", text.Printable(p.text)))
	}
	for name, node := range map[string]yaml.Node{"query_response": f.TCP.QueryResponse, "tls_config": f.TCP.TLSConfig, "tls": f.TCP.TLS} {
		if node.Kind != 0 && !(name == "tls" && node.Value == "false") {
			return &LineError{node.Line, fmt.Errorf("%s is not supported: nothing is said or read behind the handshake", name)}
		}
	}
	return nil
}

// family returns which addresses of a name a module wants.
func (f tcpFile) family(source netip.Addr) (prober.Family, error) {
	fallback := true
	if v := f.IPProtocolFallback; !v.IsZero() {
		var err error
		if fallback, err = strconv.ParseBool(v.text); err != nil {
			return 0, v.wrong(fmt.Errorf("ip_protocol_fallback: true or false is wanted"))
		}
	}
	preferred := f.PreferredIPProtocol
	switch {
	case preferred.IsZero() && source.Is4():
		return prober.FamilyIPv4, nil
	case preferred.IsZero() && source.Is6():
		return prober.FamilyIPv6, nil
	case preferred.IsZero() && fallback:
		return prober.FamilyAny, nil
	case preferred.text == "ip4" && fallback:
		return prober.FamilyIPv4First, nil
	case preferred.text == "ip4":
		return prober.FamilyIPv4, nil
	case (preferred.IsZero() || preferred.text == "ip6") && !fallback: // ip6 is the default of the blackbox exporter
		return prober.FamilyIPv6, nil
	case preferred.text == "ip6":
		return prober.FamilyIPv6First, nil
	}
	return 0, preferred.wrong(fmt.Errorf("preferred_ip_protocol: %s: one of ip4, ip6 is wanted", text.Printable(preferred.text)))
}

// agree returns an error if a module asks for what cannot go together.
func (f tcpFile) agree(m Module) error {
	if m.Spec.Send != prober.SendConnect {
		return nil
	}
	h := m.Spec.Handshake
	switch {
	case h.Close != probe.CloseFIN && h.Close != probe.CloseRST:
		return f.Close.wrong(errors.New("close: half is no way of close(2), which send: connect has the kernel do"))
	case !f.SYN.IsZero() && h.SYN != probe.SYNLinux:
		return f.SYN.wrong(errors.New("syn: it is the kernel's with send: connect"))
	case !f.Window.IsZero():
		return f.Window.wrong(errors.New("window: it is the kernel's with send: connect"))
	case h.ICMP == probe.ICMPReport:
		return f.ICMP.wrong(errors.New("icmp: send: connect ends at an ICMP error"))
	case h.Retries < 1:
		return f.Retries.wrong(errors.New("retries: send: connect takes 1 at the least"))
	}
	return nil
}

// number returns what reads a number within limits.
func number(low, high int, set func(int)) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%s: a number from %d to %d is wanted", text.Printable(s), low, high)
		}
		set(n)
		return nil
	}
}

// oneOf returns an error for what is not among words.
func oneOf(s string, words ...string) error {
	if slices.Contains(words, s) {
		return nil
	}
	return fmt.Errorf("%s: one of %s is wanted", text.Printable(s), strings.Join(words, ", "))
}

// checkTarget returns an error if a literal address is not one that the module sends to.
func (m Module) checkTarget(t target.Target) error {
	a := t.Address
	switch {
	case !a.IsValid():
		return nil
	case m.Spec.Source.IsValid() && m.Spec.Source.Is4() != a.Is4():
		return fmt.Errorf("%v cannot be reached from %v, the source_ip_address of the module", a, m.Spec.Source)
	case m.Spec.Family == prober.FamilyIPv4 && !a.Is4(), m.Spec.Family == prober.FamilyIPv6 && a.Is4():
		return fmt.Errorf("%v is not of the preferred_ip_protocol of the module, which has no ip_protocol_fallback", a)
	}
	return nil
}
