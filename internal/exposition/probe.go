package exposition

import (
	"hash/fnv"
	"net/netip"
	"strconv"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/probe"
)

// Probe is one handshake that was asked for.
type Probe struct {
	Result   *probe.Result
	Duration time.Duration // from the request to the end
	Timeout  time.Duration // that the request had
}

// Append appends the metrics of a handshake in the text format: those of the blackbox exporter with its words, then our own. What
// did not happen is absent.
func (p Probe) Append(b []byte) []byte {
	t, r := text(b), p.Result
	t.gauge("probe_success", "Displays whether or not the probe was a success", boolean(r.Outcome == probe.OutcomeEstablished))
	t.gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds", seconds(p.Duration))
	t.gauge("probe_timeout_seconds", "Returns how long the probe timeout is in seconds", seconds(p.Timeout))
	if d := r.DNS; d != nil {
		lookup := d.Duration
		if d.Known {
			lookup = 0
		}
		t.gauge("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds", seconds(lookup))
	}
	t.address(r.Address)
	t.phases(monitor.PhasesOf(r))
	t.outcome(r.Outcome)
	t.findings(r.Findings)
	t.tcp(r.TCP)
	t.icmp(r)
	return t
}

// address adds of which family the address is, and a number that is the same for the same address: FNV-1a, 32 bits.
func (t *text) address(a netip.Addr) {
	if !a.IsValid() {
		return
	}
	version := 6.0
	if a.Is4() {
		version = 4
	}
	hash := fnv.New32a()
	hash.Write(a.AsSlice())
	t.gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6", version)
	t.gauge("probe_ip_addr_hash", "Specifies the hash of IP address. It's useful to detect if the IP address changes.", float64(hash.Sum32()))
}

func (t *text) phases(p monitor.Phases) {
	const name = "probe_tcp_duration_seconds"
	head := false
	for _, phase := range named(p) {
		if !phase.Known {
			continue
		}
		if !head {
			t.head(name, gauge, "Duration of the TCP probe by phase; a phase that did not complete is absent")
			head = true
		}
		t.labelled(name, "phase", phase.name, seconds(phase.Duration))
	}
	if p.Connect.Known {
		t.gauge("probe_tcp_connect_seconds", "Time from the first SYN to our ACK: what an application waits", seconds(p.Connect.Duration))
	}
}

// namedPhase is a phase with the value of its label.
type namedPhase struct {
	name string
	monitor.Phase
}

// named returns the phases that follow one another.
func named(p monitor.Phases) [4]namedPhase {
	return [...]namedPhase{{"resolve", p.Resolve}, {"neighbor", p.Neighbor}, {"rtt", p.RTT}, {"ack", p.ACK}}
}

// outcomes are those that a handshake may have in the end.
var outcomes = []probe.Outcome{
	probe.OutcomeEstablished, probe.OutcomeRefused, probe.OutcomeUnreachable, probe.OutcomeTimeout, probe.OutcomeDNSError, probe.OutcomeNoRoute,
	probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout, probe.OutcomeLocalError,
}

func (t *text) outcome(is probe.Outcome) {
	const name = "probe_tcp_outcome"
	t.head(name, gauge, "Which outcome the probe had; exactly one is 1")
	for _, o := range outcomes {
		t.labelled(name, "outcome", o.String(), boolean(o == is))
	}
}

func (t *text) findings(all []probe.Finding) {
	const name = "probe_tcp_finding"
	if len(all) == 0 {
		return
	}
	t.head(name, gauge, "What was noteworthy and did not decide the outcome; what was not found is absent")
	for _, f := range all {
		t.labelled(name, "finding", string(f), 1)
	}
}

func (t *text) tcp(tcp *probe.TCP) {
	if tcp == nil || tcp.SYNSent == 0 {
		return
	}
	t.gauge("probe_tcp_syn_transmissions", "SYN segments sent, the first included", float64(tcp.SYNSent))
	if tcp.TTL > 0 {
		t.gauge("probe_tcp_reply_hop_limit", "TTL (IPv4) or hop limit (IPv6) of the first reply", float64(tcp.TTL))
	}
	peer := tcp.Peer
	if peer == nil {
		return
	}
	if peer.HasMSS {
		t.gauge("probe_tcp_peer_mss_bytes", "MSS the peer announced", float64(peer.MSS))
	}
	t.gauge("probe_tcp_peer_window_bytes", "Receive window in the SYN-ACK, unscaled", float64(peer.Window))
}

// icmp adds what the ICMP error says that ended the handshake. Whom it is from is no label: there may be any number of routers.
func (t *text) icmp(r *probe.Result) {
	const name = "probe_icmp_error_info"
	if len(r.ICMP) == 0 || r.Outcome != probe.OutcomeUnreachable {
		return
	}
	m := r.ICMP[len(r.ICMP)-1]
	t.head(name, gauge, "The ICMP error that quoted our SYN")
	b := append(*t, name...)
	b = append(b, `{type="`...)
	b = strconv.AppendUint(b, uint64(m.Type), 10)
	b = append(b, `",code="`...)
	b = strconv.AppendUint(b, uint64(m.Code), 10)
	*t = appendValue(append(b, `"}`...), 1)
	if hops := m.Hops(); hops > 0 {
		t.gauge("probe_tcp_hops", "How many hops away our SYN was rejected, by the hop limit that the ICMP error quotes", float64(hops))
	}
}
