package report

import (
	"fmt"

	"tcpprobe/internal/text"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// quoteDetails adds the fields of our datagram as an ICMP error quotes them, as far as it does.
func (p *page) quoteDetails(quoted []byte) {
	var d rawip.Datagram
	if d.ParseQuoted(quoted) != nil {
		return
	}
	number := fmt.Sprintf("id %d", d.ID)
	if d.Is6() {
		number = fmt.Sprintf("label 0x%05x", d.FlowLabel)
	}
	p.detail("", fmt.Sprintf("%s tos 0x%02x, %s quoted", number, d.TrafficClass, text.Count(len(quoted), "octet")))
	if s, err := tcphdr.ParseQuoted(d.Payload); err == nil {
		p.detail("", fmt.Sprintf("%d %s %d seq %d", s.SrcPort, p.Glyph("→", "->"), s.DstPort, s.Seq))
	}
}
