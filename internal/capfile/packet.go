package capfile

// Packet is a packet as a file has it.
type Packet struct {
	Number    int       // counts from 1, over all sections of the file
	Offset    int64     // octet of the file, as it is without compression, at which its record or block begins
	Timed     bool      // the file says when it was captured; a Simple Packet Block does not
	Time      int64     // nanoseconds since 1970-01-01 00:00 UTC
	Interface int       // index into the Interfaces of the reader
	LinkType  LinkType  // what Data begins with
	Direction Direction // as the file says
	Length    int       // octets that it had on the wire, more than there are of Data where a snap length cut it
	Data      []byte    // holds until the next packet is read
	Drops     uint64    // how many packets the file says were lost between the one before and this one
	Comments  []string  // as they stand there: whatever octets the writer chose
}

// Direction says which way a packet passed the interface.
type Direction uint8

const (
	DirectionUnknown Direction = iota
	Inbound
	Outbound
)

// Interface is what a file says of an interface on which packets were captured. A pcap file has one, without a name.
type Interface struct {
	Name, Description, Filter string // as they stand there: whatever octets the writer chose
	LinkType                  LinkType
	SnapLength                int // octets of a packet that were kept at the most; 0 for no limit

	// What a pcapng file counted, where Counted is set: packets that the interface received, and those of them that it or
	// the system dropped.
	Counted           bool
	Received, Dropped uint64

	clock clock
}

// Format is a file format.
type Format uint8

const (
	PCAP Format = iota
	PCAPNG
)

// String returns "pcap" or "pcapng".
func (f Format) String() string {
	if f == PCAPNG {
		return "pcapng"
	}
	return "pcap"
}
