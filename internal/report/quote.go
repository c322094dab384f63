package report

import (
	"fmt"

	"tcpprobe/internal/text"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// quoteDetails adds the fields of our datagram as an ICMP error quotes them, as far as it does.
func (p *page) quoteDetails(quoted []byte) {
	q, err := rawip.ParseQuoted(quoted)
	if err != nil {
		return
	}
	h := q.Header
	p.detail("", fmt.Sprintf("id %d tos 0x%02x, %s quoted", h.ID, h.TOS, text.Count(len(quoted), "octet")))
	if s, err := tcphdr.ParseQuoted(q.Payload); err == nil {
		p.detail("", fmt.Sprintf("%d %s %d seq %d", s.SrcPort, p.Glyph("→", "->"), s.DstPort, s.Seq))
	}
}
