package tcphdr

import (
	"fmt"
	"strings"
)

// Flags are the control bits of a segment (RFC 9293 3.1). The bits above AE mean nothing.
type Flags uint16

// The control bits, from the lowest bit of the header's octets 12 and 13 on.
const (
	FIN Flags = 1 << iota // no more data from the sender
	SYN                   // synchronize sequence numbers
	RST                   // reset the connection
	PSH                   // push function
	ACK                   // the acknowledgment number is significant
	URG                   // the urgent pointer is significant
	ECE                   // ECN-Echo (RFC 3168 6.1)
	CWR                   // congestion window reduced (RFC 3168 6.1)
	AE                    // Accurate ECN (RFC 9768), once a reserved bit
)

const allFlags = FIN | SYN | RST | PSH | ACK | URG | ECE | CWR | AE

// flagNames are in the order in which people write them: SYN,ACK and FIN,ACK.
var flagNames = [...]struct {
	flag Flags
	name string
}{
	{SYN, "SYN"},
	{FIN, "FIN"},
	{RST, "RST"},
	{PSH, "PSH"},
	{ACK, "ACK"},
	{URG, "URG"},
	{ECE, "ECE"},
	{CWR, "CWR"},
	{AE, "AE"},
}

// Has reports whether every one of the given control bits is set.
func (f Flags) Has(all Flags) bool { return f&all == all }

// String returns the names of the control bits that are set, such as "SYN,ACK", or "none".
func (f Flags) String() string {
	var names []string
	for _, n := range flagNames {
		if f.Has(n.flag) {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}

// Bits returns the six classic control bits as the header has them, URG ACK PSH RST SYN FIN: "010010" for SYN,ACK.
func (f Flags) Bits() string {
	return fmt.Sprintf("%06b", uint16(f&(URG|ACK|PSH|RST|SYN|FIN)))
}
