package tcphdr_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"tcpprobe/internal/checksum"
	"tcpprobe/tcphdr"
)

// FuzzParse checks that any octets can be read, and that what was read and may be sent is written as it was.
func FuzzParse(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.octets)
		f.Add(edited(g.octets, 12, 0xf6))
	}
	f.Add(edited(goldens[2].octets, 27, 77))
	f.Fuzz(func(t *testing.T, segment []byte) {
		tcphdr.ParseQuoted(segment)
		tcphdr.Verify(segment, src6, dst6)
		h, data, err := tcphdr.Parse(segment)
		if err != nil {
			if err != io.ErrUnexpectedEOF && !errors.Is(err, tcphdr.ErrMalformed) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}

		var list []byte
		for opt := range h.Options.All() {
			list = append(list, byte(opt.Kind))
			if opt.Data != nil {
				list = append(append(list, byte(2+len(opt.Data))), opt.Data...)
			}
		}
		if !bytes.HasPrefix(h.Options, list) {
			t.Fatalf("options % x were read as % x", h.Options, list)
		}
		padding := h.Options[len(list):]
		at, bad := h.Options.Malformed()
		if bad && at != len(list) {
			t.Fatalf("options % x malformed at %d, but read up to %d", h.Options, at, len(list))
		}

		got, err := h.Append(nil, src4, dst4, data)
		clean := h.Reserved == 0 && !bad && len(bytes.Trim(padding, "\x00")) == 0 && len(segment) <= 65535
		if clean != (err == nil) {
			t.Fatalf("% x may be sent: %v, error %v", segment, clean, err)
		}
		if err != nil {
			return
		}
		if state := tcphdr.Verify(got, src4, dst4); state != checksum.Valid {
			t.Fatalf("checksum of % x is %v", got, state)
		}
		want := slices.Clone(segment)
		copy(want[16:18], got[16:18])
		if !bytes.Equal(got, want) {
			t.Fatalf("\nread  % x\nwrote % x", want, got)
		}
	})
}
