package rawip_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
)

// FuzzParse checks that any octets can be read, and that what was read and may be sent is written as it was.
func FuzzParse(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.octets)
		f.Add(append(slices.Clone(g.octets), 0, 0, 0))
		f.Add(edited(g.octets, 2, 0, 0))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		known := func(err error) {
			if err != nil && err != io.ErrUnexpectedEOF && !errors.Is(err, rawip.ErrMalformed) {
				t.Fatalf("error of no known kind: %v", err)
			}
		}
		_, err := rawip.ParseQuoted(b)
		known(err)
		_, _, err = rawip.ParseUnsized(b)
		known(err)
		h, payload, err := rawip.Parse(b)
		known(err)
		if err != nil {
			return
		}

		got, err := h.Append(nil, payload)
		if h.ReservedFlag != (err != nil) {
			t.Fatalf("reserved flag %v, error %v", h.ReservedFlag, err)
		}
		if err != nil {
			return
		}
		if state := rawip.VerifyHeader(got); state != checksum.Valid {
			t.Fatalf("checksum of % x is %v", got, state)
		}
		want := slices.Clone(b[:len(got)])
		copy(want[10:12], got[10:12])
		if !bytes.Equal(got, want) {
			t.Fatalf("\nread  % x\nwrote % x", want, got)
		}
	})
}
