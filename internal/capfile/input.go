package capfile

import "io"

// input is a file as it flows by: a window of it that is in memory, which grows only as far as octets come.
type input struct {
	source io.Reader
	buffer []byte
	start  int   // of the window in the buffer
	end    int   // of the window in the buffer
	offset int64 // of the window in the file
	err    error // of the source, once the window is all there is
}

// minBuffer is how many octets are read at a time: few enough for the processor's cache.
const minBuffer = 64 << 10

// buffered returns the window.
func (in *input) buffered() []byte { return in.buffer[in.start:in.end] }

// peek returns the first n octets of the window, which hold until the next call. It waits for no octet beyond them. Where the
// source ends before, it returns what there is, and the error of the source.
func (in *input) peek(n int) ([]byte, error) {
	if in.end-in.start >= n {
		return in.buffer[in.start : in.start+n : in.start+n], nil
	}
	return in.fill(n)
}

// fill is peek where the octets are not in the window.
func (in *input) fill(n int) ([]byte, error) {
	for empty := 0; in.end-in.start < n; {
		if in.err != nil {
			return in.buffered(), in.err
		}
		in.makeRoom(n)
		read, err := in.source.Read(in.buffer[in.end:])
		in.end += read
		in.err = err
		if read > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads && err == nil {
			in.err = io.ErrNoProgress
		}
	}
	return in.buffer[in.start : in.start+n : in.start+n], nil
}

// maxEmptyReads is how often a source may have neither an octet nor an error.
const maxEmptyReads = 100

// makeRoom makes room for more octets. The buffer is doubled only when it is full, so that a length that the file merely claims
// takes no memory.
func (in *input) makeRoom(n int) {
	switch {
	case in.buffer == nil:
		in.buffer = make([]byte, minBuffer)
	case in.start+n <= len(in.buffer) && in.end < len(in.buffer):
	case in.start > 0:
		in.end = copy(in.buffer, in.buffered())
		in.start = 0
	case in.end == len(in.buffer):
		grown := make([]byte, 2*len(in.buffer))
		copy(grown, in.buffer)
		in.buffer = grown
	}
}

// skip drops the first n octets of the window, which it has.
func (in *input) skip(n int) {
	in.start += n
	in.offset += int64(n)
}

// discard drops the next n octets, whether they are in the window or still to come. Where the source ends before, it returns the
// error of the source.
func (in *input) discard(n int64) error {
	for {
		have := min(int64(in.end-in.start), n)
		in.skip(int(have))
		if n -= have; n == 0 {
			return nil
		}
		if _, err := in.peek(1); err != nil {
			return err
		}
	}
}
