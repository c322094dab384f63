package report

import (
	"io"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Verdicts prints the verdict lines of very many handshakes, and nothing else of them.
type Verdicts struct {
	page page
	w    io.Writer
	b    []byte
}

// NewVerdicts returns a Verdicts that writes to w.
func NewVerdicts(w io.Writer, s Style) *Verdicts {
	s.Quiet = true
	return &Verdicts{page: newPage(w, s), w: w}
}

// Verdict prints the verdict on one handshake.
func (v *Verdicts) Verdict(r *probe.Result) error {
	if !v.plain(r) {
		v.page.verdict(r)
		return v.page.Flush()
	}
	// The same as verdict prints, without its detours: this is what there is most of.
	b := append(v.b[:0], "ESTABLISHED  "...)
	b = append(b, r.Target...)
	b = append(text.AppendMilliseconds(append(b, "  rtt "...), r.TCP.RTT), " ms"...)
	if r.TCP.Connected {
		b = append(text.AppendMilliseconds(append(b, "  connect "...), r.TCP.Connect), " ms"...)
	}
	v.b = append(b, '\n')
	_, err := v.w.Write(v.b)
	return err
}

// plain reports whether there is no more to say than that the handshake with an address was established, and how long it
// took.
func (v *Verdicts) plain(r *probe.Result) bool {
	return r.Outcome == probe.OutcomeEstablished && !v.page.style.Color && len(r.Target) <= shortTarget && isAddressAndPort(r.Target) &&
		!r.TCP.ByKernel() && !r.TCP.RTTAmbiguous && r.TCP.Clock == stamp.Kernel && r.TCP.RTT < time.Minute && r.TCP.Connect < time.Minute &&
		(r.NextHop == nil || r.NextHop.Source != "arp" && r.NextHop.Source != "ndp")
}

// isAddressAndPort reports whether there is nothing but digits, dots and colons in s.
func isAddressAndPort(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != ':' {
			return false
		}
	}
	return true
}
