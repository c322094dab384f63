package target

import "io"

// keptChunk is how many octets of the lines of a pipe are kept together.
const keptChunk = 1 << 16

// kept is lines that cannot be read twice. They are let go as they are read again.
type kept struct{ chunks [][]byte }

// add keeps a line.
func (k *kept) add(line string) {
	last := len(k.chunks) - 1
	if last < 0 || len(k.chunks[last])+len(line)+1 > keptChunk {
		k.chunks = append(k.chunks, make([]byte, 0, max(keptChunk, len(line)+1)))
		last++
	}
	k.chunks[last] = append(append(k.chunks[last], line...), '\n')
}

// Read reads what is left of the lines, and forgets it.
func (k *kept) Read(b []byte) (int, error) {
	for len(k.chunks) > 0 && len(k.chunks[0]) == 0 {
		k.chunks[0] = nil
		k.chunks = k.chunks[1:]
	}
	if len(k.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(b, k.chunks[0])
	k.chunks[0] = k.chunks[0][n:]
	return n, nil
}
