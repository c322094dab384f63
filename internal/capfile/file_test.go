package capfile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/capfile"
)

// orders are both octet orders.
var orders = []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

// file is a capture file that is put together octet by octet.
type file struct {
	order binary.ByteOrder
	b     []byte
}

func (f *file) u16(values ...uint16) *file {
	for _, v := range values {
		f.b = append(f.b, 0, 0)
		f.order.PutUint16(f.b[len(f.b)-2:], v)
	}
	return f
}

func (f *file) u32(values ...uint32) *file {
	for _, v := range values {
		f.b = append(f.b, 0, 0, 0, 0)
		f.order.PutUint32(f.b[len(f.b)-4:], v)
	}
	return f
}

func (f *file) u64(v uint64) *file {
	f.b = append(f.b, make([]byte, 8)...)
	f.order.PutUint64(f.b[len(f.b)-8:], v)
	return f
}

func (f *file) octets(b string) *file {
	f.b = append(f.b, b...)
	return f
}

// pcap begins a pcap file.
func pcap(order binary.ByteOrder, magic uint32, minor uint16, snap, link uint32) *file {
	f := &file{order: order}
	return f.u32(magic).u16(2, minor).u32(0, 0, snap, link)
}

// block appends a block of pcapng with a body.
func (f *file) block(kind uint32, body func(*file)) *file {
	inner := &file{order: f.order}
	body(inner)
	for len(inner.b)%4 != 0 {
		inner.b = append(inner.b, 0)
	}
	length := uint32(12 + len(inner.b))
	return f.u32(kind, length).octets(string(inner.b)).u32(length)
}

// option appends an option of a block.
func (f *file) option(code uint16, value string) *file {
	f.u16(code, uint16(len(value))).octets(value)
	return f.octets(strings.Repeat("\x00", -len(value)&3))
}

// section begins a section of a pcapng file.
func (f *file) section() *file {
	return f.block(capfile.BlockSectionHeader, func(b *file) { b.u32(capfile.ByteOrderMagic).u16(1, 0).u64(math.MaxUint64) })
}

// on describes an interface, with options.
func (f *file) on(link uint16, snap uint32, options func(*file)) *file {
	return f.block(capfile.BlockInterfaceDescription, func(b *file) {
		b.u16(link, 0).u32(snap)
		if options != nil {
			options(b)
		}
	})
}

// packet appends an Enhanced Packet Block.
func (f *file) packet(on uint32, units uint64, length uint32, data string, options func(*file)) *file {
	return f.block(capfile.BlockEnhancedPacket, func(b *file) {
		b.u32(on, uint32(units>>32), uint32(units), uint32(len(data)), length).octets(data)
		b.octets(strings.Repeat("\x00", -len(data)&3))
		if options != nil {
			options(b)
		}
	})
}

// all reads a file to its end, and returns copies of its packets.
func all(t *testing.T, r io.Reader) (*capfile.Reader, []capfile.Packet, error) {
	t.Helper()
	f, err := capfile.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	var packets []capfile.Packet
	for {
		var p capfile.Packet
		if err := f.Next(&p); err != nil {
			if again := f.Next(&p); again != err {
				t.Errorf("after %v the file goes on with %v", err, again)
			}
			return f, packets, err
		}
		p.Data = slices.Clone(p.Data)
		packets = append(packets, p)
	}
}

const second = int64(time.Second)

// TestPCAP reads the variants of pcap in both octet orders.
func TestPCAP(t *testing.T) {
	for _, order := range orders {
		for _, test := range []struct {
			name          string
			magic         uint32
			minor         uint16
			fraction      uint32
			first, second uint32 // the lengths, as they stand there
			extra         string // octets of the record's header behind the lengths
			link          uint32
			length        int
			want          int64
			wantLink      capfile.LinkType
		}{
			{name: "microseconds", magic: capfile.MagicMicroseconds, minor: 4, fraction: 123456, first: 4, second: 1500, length: 1500, want: 7*second + 123456000, link: 1, wantLink: 1},
			{name: "nanoseconds", magic: capfile.MagicNanoseconds, minor: 4, fraction: 123456789, first: 4, second: 4, length: 4, want: 7*second + 123456789, link: 113, wantLink: 113},
			{name: "check sequences", magic: capfile.MagicMicroseconds, minor: 4, first: 4, second: 4, length: 4, want: 7 * second, link: 0x24000001, wantLink: 1},
			{name: "a patched libpcap", magic: 0xa1b2cd34, minor: 4, fraction: 1, first: 4, second: 60, extra: "\x00\x00\x00\x01\x08\x00\x00\x00", length: 60, want: 7*second + 1000, link: 1, wantLink: 1},
			{name: "version 2.2", magic: capfile.MagicMicroseconds, minor: 2, first: 60, second: 4, length: 60, want: 7 * second, link: 1, wantLink: 1},
			{name: "version 2.3", magic: capfile.MagicMicroseconds, minor: 3, first: 60, second: 4, length: 60, want: 7 * second, link: 1, wantLink: 1},
			{name: "shorter on the wire", magic: capfile.MagicMicroseconds, minor: 4, first: 4, second: 0, length: 4, want: 7 * second, link: 1, wantLink: 1},
			{name: "after 2038", magic: capfile.MagicMicroseconds, minor: 4, first: 4, second: 4, length: 4, want: 7 * second, link: 1, wantLink: 1},
		} {
			f := pcap(order, test.magic, test.minor, 65535, test.link)
			f.u32(7, test.fraction, test.first, test.second).octets(test.extra).octets("abcd")
			f.u32(math.MaxUint32, 0, test.first, test.second).octets(test.extra).octets("efgh")
			r, packets, err := all(t, bytes.NewReader(f.b))
			if err != io.EOF || len(packets) != 2 {
				t.Errorf("%s, %v: %d packets, %v", test.name, order, len(packets), err)
				continue
			}
			p := packets[0]
			if p.Time != test.want || !p.Timed || p.Length != test.length || string(p.Data) != "abcd" || p.LinkType != test.wantLink || p.Number != 1 || p.Offset != 24 {
				t.Errorf("%s, %v: %+v", test.name, order, p)
			}
			if p := packets[1]; p.Time != math.MaxUint32*second || string(p.Data) != "efgh" {
				t.Errorf("%s, %v: %+v", test.name, order, p)
			}
			if i := r.Interfaces(); len(i) != 1 || i[0].SnapLength != 65535 || i[0].LinkType != test.wantLink || r.Format() != capfile.PCAP {
				t.Errorf("%s, %v: %v, %+v", test.name, order, r.Format(), i)
			}
		}
	}
}

// TestPCAPNG reads a file with sections of both octet orders, several interfaces, and every kind of block.
func TestPCAPNG(t *testing.T) {
	f := &file{order: binary.BigEndian}
	f.section()
	f.on(1, 65535, func(b *file) {
		b.option(capfile.OptionInterfaceName, "eth0").option(capfile.OptionInterfaceDescription, "outside\x00")
		b.option(capfile.OptionInterfaceFilter, "\x00tcp").option(capfile.OptionEnd, "")
	})
	f.on(113, 3, func(b *file) {
		b.option(capfile.OptionInterfaceResolution, "\x09").option(capfile.OptionInterfaceTimeOffset, string(new(file).set(f.order).u64(100).b))
	})
	f.packet(1, 5e9+7, 1500, "abcde", func(b *file) {
		b.option(capfile.OptionComment, "first").option(capfile.OptionPacketFlags, string(new(file).set(f.order).u32(capfile.FlagOutbound|capfile.FlagChecksumNotReady).b))
		b.option(capfile.OptionComment, "second").option(capfile.OptionPacketDropCount, string(new(file).set(f.order).u64(3).b)).option(capfile.OptionEnd, "")
	})
	f.block(capfile.BlockNameResolution, func(b *file) {
		b.option(capfile.RecordIPv4, "\xc0\x00\x02\x50example.com\x00www.example.com\x00")
		b.option(capfile.RecordIPv6, string(netip.MustParseAddr("2001:db8::1").AsSlice())+"six.example\x00").option(capfile.RecordEnd, "")
	})
	f.block(0x0bad, func(b *file) { b.octets("a custom block, or one of later") })
	f.block(capfile.BlockPacket, func(b *file) { b.u16(0, 2).u32(0, 9_000_001, 4, 4).octets("obso") })

	f.order = binary.LittleEndian
	f.section()
	f.on(101, 3, nil)
	f.block(capfile.BlockSimplePacket, func(b *file) { b.u32(60).octets("simp") }) // padding: three octets are kept
	f.packet(0, 1, 2, "xy", nil)
	f.block(capfile.BlockInterfaceStatistics, func(b *file) {
		b.u32(0, 0, 0).option(capfile.OptionStatisticsReceived, string(new(file).set(f.order).u64(1000).b))
		b.option(capfile.OptionStatisticsInterfaceDrops, string(new(file).set(f.order).u64(7).b)).option(capfile.OptionStatisticsSystemDrops, string(new(file).set(f.order).u64(5).b))
	})

	r, packets, err := all(t, bytes.NewReader(f.b))
	if err != io.EOF || len(packets) != 4 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	for i, want := range []capfile.Packet{
		{Number: 1, Timed: true, Time: 105*second + 7, Interface: 1, LinkType: 113, Direction: capfile.Outbound, Length: 1500, Data: []byte("abcde"), Drops: 3, Comments: []string{"first", "second"}},
		{Number: 2, Timed: true, Time: 9*second + 1000, LinkType: 1, Length: 4, Data: []byte("obso"), Drops: 2},
		{Number: 3, Interface: 2, LinkType: 101, Length: 60, Data: []byte("sim")},
		{Number: 4, Timed: true, Time: 1000, Interface: 2, LinkType: 101, Length: 2, Data: []byte("xy")},
	} {
		want.Offset = packets[i].Offset
		if diff := cmp.Diff(want, packets[i]); diff != "" || want.Offset%4 != 0 || want.Offset == 0 {
			t.Errorf("packet %d at octet %d: %s", i+1, want.Offset, diff)
		}
	}
	interfaces := r.Interfaces()
	if len(interfaces) != 3 {
		t.Fatalf("%d interfaces", len(interfaces))
	}
	if i := interfaces[0]; i.Name != "eth0" || i.Description != "outside" || i.Filter != "tcp" || i.SnapLength != 65535 || i.Counted {
		t.Errorf("%+v", i)
	}
	if i := interfaces[2]; !i.Counted || i.Received != 1000 || i.Dropped != 12 {
		t.Errorf("%+v", i)
	}
	if a, b := r.Name(netip.MustParseAddr("192.0.2.80")), r.Name(netip.MustParseAddr("2001:db8::1")); a != "example.com" || b != "six.example" {
		t.Errorf("names %q and %q", a, b)
	}
	if r.Format() != capfile.PCAPNG || r.Name(netip.MustParseAddr("192.0.2.81")) != "" {
		t.Errorf("%v", r.Format())
	}
}

// set sets the octet order.
func (f *file) set(order binary.ByteOrder) *file {
	f.order = order
	return f
}

// TestResolutions reads times in every unit that a file may have.
func TestResolutions(t *testing.T) {
	for _, test := range []struct {
		resolution byte
		units      uint64
		offset     int64
		want       int64
		timed      bool
	}{
		{0, 7, 0, 7 * second, true},
		{3, 7001, 0, 7*second + 1e6, true},
		{6, 7_000_001, 0, 7*second + 1000, true},
		{9, 1795348800_123456789, 0, 1795348800_123456789, true},
		{12, 7_000_000_000_001, 0, 7 * second, true},
		{12, 7_000_000_002_999, 0, 7*second + 2, true},
		{19, 15_000_000_000_000_000_000, 0, second + second/2, true},
		{0x80, 7, 0, 7 * second, true},
		{0x80 | 1, 15, 0, 7*second + second/2, true},
		{0x80 | 32, 7<<32 | 1<<31, 0, 7*second + second/2, true},
		{0x80 | 63, 3 << 62, 0, second + second/2, true},
		{6, 7_000_001, -8, -second + 1000, true},
		{6, 1, 1_700_000_000, 1_700_000_000*second + 1000, true},
		{20, 1, 0, 0, false},        // units that no number can count for a second
		{0x80 | 64, 1, 0, 0, false}, // so do these
		{0, math.MaxUint64, 0, 0, false},
		{6, 1, math.MaxInt64, 0, false},
		{6, 1, math.MinInt64, 0, false},
	} {
		f := (&file{order: binary.LittleEndian}).section()
		f.on(1, 0, func(b *file) {
			b.option(capfile.OptionInterfaceResolution, string([]byte{test.resolution}))
			b.option(capfile.OptionInterfaceTimeOffset, string(new(file).set(b.order).u64(uint64(test.offset)).b))
		})
		f.packet(0, test.units, 1, "a", nil)
		_, packets, err := all(t, bytes.NewReader(f.b))
		if err != io.EOF || len(packets) != 1 || packets[0].Time != test.want || packets[0].Timed != test.timed {
			t.Errorf("%#x, %d units, offset %d: %+v, %v; want %d", test.resolution, test.units, test.offset, packets, err, test.want)
		}
	}
}

// compress returns content as gzip has it.
func compress(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// twoPackets is a pcap file.
func twoPackets() []byte {
	return pcap(binary.LittleEndian, capfile.MagicNanoseconds, 4, 262144, 1).
		u32(1, 0, 4, 4).octets("abcd").u32(2, 0, 4, 4).octets("efgh").b
}

// TestGzip reads what gzip has compressed, also in several members, as they are after `cat A.gz B.gz`.
func TestGzip(t *testing.T) {
	content := twoPackets()
	for name, compressed := range map[string][]byte{
		"one":     compress(t, content),
		"several": slices.Concat(compress(t, content[:30]), compress(t, content[30:])),
	} {
		r, packets, err := all(t, bytes.NewReader(compressed))
		if err != io.EOF || len(packets) != 2 || string(packets[1].Data) != "efgh" || !r.Compressed() {
			t.Errorf("%s: %+v, %v", name, packets, err)
		}
	}
	damaged := compress(t, content)
	damaged[len(damaged)-8] ^= 1 // the check sum
	_, packets, err := all(t, bytes.NewReader(damaged))
	var corrupt *capfile.CorruptError
	if !errors.As(err, &corrupt) || len(packets) != 2 || corrupt.Offset != int64(len(content)) || !errors.Is(err, gzip.ErrChecksum) {
		t.Errorf("a wrong check sum: %d packets, %v", len(packets), err)
	}
}

// TestAsItComes delivers each packet as soon as its last octet is there, compressed or not.
func TestAsItComes(t *testing.T) {
	content := twoPackets()
	for _, compressed := range []bool{false, true} {
		in, out := io.Pipe()
		go func() {
			w := io.Writer(out)
			flush := func() error { return nil }
			if compressed {
				z := gzip.NewWriter(out)
				w, flush = z, z.Flush
			}
			for _, part := range [][]byte{content[:44], content[44:]} {
				if _, err := w.Write(part); err != nil {
					return
				}
				if err := flush(); err != nil {
					return
				}
			}
			// It stays open: nothing more comes, and no end.
		}()
		r, err := capfile.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		var p capfile.Packet
		for _, want := range []string{"abcd", "efgh"} {
			if err := r.Next(&p); err != nil || string(p.Data) != want {
				t.Errorf("compressed %t: %q, %v; want %q", compressed, p.Data, err, want)
			}
		}
		in.Close()
	}
}

// TestOctetByOctet reads files that come one octet at a time, and with their end at once.
func TestOctetByOctet(t *testing.T) {
	content := twoPackets()
	for name, r := range map[string]io.Reader{
		"one octet": iotest.OneByteReader(bytes.NewReader(content)), "the end at once": iotest.DataErrReader(bytes.NewReader(content)),
	} {
		if _, packets, err := all(t, r); err != io.EOF || len(packets) != 2 || string(packets[1].Data) != "efgh" {
			t.Errorf("%s: %+v, %v", name, packets, err)
		}
	}
}

// TestSourceFails hands on the error of the reader below, with what came before.
func TestSourceFails(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 3, 10, 44, 50} {
		_, packets, err := all(t, io.MultiReader(bytes.NewReader(twoPackets()[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || len(packets) != max(0, (n-24)/20) {
			t.Errorf("after %d octets: %d packets, %v", n, len(packets), err)
		}
	}
}
