package capfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"

	"tcpprobe/internal/capfile"
)

// packet is a packet as this package and pcapgo both tell it.
type packet struct {
	at     int64
	length int
	data   string
}

// read returns the packets of a file, and the error that ended it.
func read(content []byte) (packets []packet, err error) {
	r, err := capfile.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for p := new(capfile.Packet); ; {
		if err := r.Next(p); err != nil {
			return packets, err
		}
		packets = append(packets, packet{p.Time, p.Length, string(p.Data)})
		if p.Number != len(packets) {
			return packets, fmt.Errorf("packet %d has the number %d", len(packets), p.Number)
		}
	}
}

// readPcapgo is read by pcapgo.
func readPcapgo(content []byte) (packets []packet, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic of pcapgo: %v", p)
		}
	}()
	var source gopacket.PacketDataSource
	if len(content) >= 4 && binary.BigEndian.Uint32(content) == capfile.BlockSectionHeader {
		source, err = pcapgo.NewNgReader(bytes.NewReader(content), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	} else {
		source, err = pcapgo.NewReader(bytes.NewReader(content))
	}
	if err != nil {
		return nil, err
	}
	for {
		data, info, err := source.ReadPacketData()
		if err != nil {
			return packets, err
		}
		packets = append(packets, packet{info.Timestamp.UnixNano(), info.Length, string(data)})
	}
}

// captures calls f for every capture in the folders of others' captures beside the module: the file's name, and its contents.
func captures(t *testing.T, f func(name string, content []byte)) {
	t.Helper()
	files := 0
	for _, folder := range []string{"corpus", "captures", "vectors"} {
		root, err := filepath.EvalSymlinks(filepath.Join("..", "..", "..", "shared", folder))
		if err != nil {
			t.Skipf("SKIPPED: there are no captures of others: %v", err)
		}
		err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := capfile.NewReader(bytes.NewReader(content)); !errors.Is(err, capfile.ErrNotCapture) {
				files++
				f(name, content)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("only %d captures were found", files)
	}
}

// overflows are captures with microseconds that make more than a second, for which pcapgo has no room.
var overflows = map[string]bool{"rx_serviceid_oobr.pcap": true, "timestamp_invalid_micro.pcap": true}

// TestCaptures reads the captures of others, and compares every packet with what pcapgo reads.
func TestCaptures(t *testing.T) {
	total := 0
	captures(t, func(name string, content []byte) {
		ours, err := read(content)
		theirs, theirErr := readPcapgo(content)
		if err != io.EOF || theirErr != io.EOF {
			t.Logf("%s: %d packets, %v; pcapgo: %d packets, %v", name, len(ours), err, len(theirs), theirErr)
		}
		total += len(ours)
		if len(ours) < len(theirs) {
			t.Errorf("%s: %d packets and %v; pcapgo has %d", name, len(ours), err, len(theirs))
		}
		for i := range min(len(ours), len(theirs)) {
			if overflows[filepath.Base(name)] && ours[i].data == theirs[i].data && ours[i].length == theirs[i].length {
				continue
			}
			if ours[i] != theirs[i] {
				t.Errorf("%s, packet %d: at %v, %d of %d octets; pcapgo has %v, %d of %d", name, i+1,
					time.Unix(0, ours[i].at), len(ours[i].data), ours[i].length,
					time.Unix(0, theirs[i].at), len(theirs[i].data), theirs[i].length)
				break
			}
		}
	})
	t.Logf("%d packets", total)
}
