package capfile

// Magic numbers with which pcap files begin, in the octet order of all numbers in them (draft-ietf-opsawg-pcap 4).
const (
	MagicMicroseconds = 0xa1b2c3d4
	MagicNanoseconds  = 0xa1b23c4d
	magicKuznetzov    = 0xa1b2cd34 // of a patched libpcap of the 1990s: its records have 8 octets more
)

// Lengths in octets (draft-ietf-opsawg-pcap 4 and 5).
const (
	fileHeaderLength      = 24
	recordHeaderLength    = 16
	kuznetzovHeaderLength = 24
)

// Block types of pcapng (draft-ietf-opsawg-pcapng 4).
const (
	BlockSectionHeader        = 0x0a0d0d0a
	BlockInterfaceDescription = 1
	BlockPacket               = 2 // obsolete
	BlockSimplePacket         = 3
	BlockNameResolution       = 4
	BlockInterfaceStatistics  = 5
	BlockEnhancedPacket       = 6
)

// ByteOrderMagic stands in every Section Header Block, in the octet order of the section (draft-ietf-opsawg-pcapng 4.1).
const ByteOrderMagic = 0x1a2b3c4d

// Options of blocks (draft-ietf-opsawg-pcapng 3.5 and 4.1 to 4.6).
const (
	OptionEnd     = 0
	OptionComment = 1

	OptionSectionOS          = 3
	OptionSectionApplication = 4

	OptionInterfaceName        = 2
	OptionInterfaceDescription = 3
	OptionInterfaceResolution  = 9
	OptionInterfaceFilter      = 11
	OptionInterfaceTimeOffset  = 14

	OptionPacketFlags     = 2
	OptionPacketDropCount = 4

	OptionNamesDNSIPv4 = 3
	OptionNamesDNSIPv6 = 4

	OptionStatisticsReceived       = 4
	OptionStatisticsInterfaceDrops = 5
	OptionStatisticsSystemDrops    = 7
)

// Bits of the option that has the flags of a packet (draft-ietf-opsawg-pcapng 4.3.1).
const (
	FlagInbound          = 1
	FlagOutbound         = 2
	FlagDirection        = 3 // both bits: what they say together
	FlagChecksumNotReady = 1 << 9
	FlagChecksumValid    = 1 << 10
)

// Records of names, each an address and its names (draft-ietf-opsawg-pcapng 4.5).
const (
	RecordEnd  = 0
	RecordIPv4 = 1
	RecordIPv6 = 2
)
