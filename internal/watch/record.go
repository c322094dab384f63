package watch

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Recorder is the file of a recording. If it is bounded, what is more goes into a second one, name.old, in place of what is there:
// both together hold the latest lines.
type Recorder struct {
	file *os.File
	old  *os.File // nil unless it is bounded
	most int64    // octets of one; 0: any number
	size int64
}

// OpenRecorder creates the file of a recording, and the second one if most, in octets, is not 0.
func OpenRecorder(name string, most int64) (*Recorder, error) {
	r := &Recorder{most: most}
	const flags = os.O_RDWR | os.O_CREATE | os.O_TRUNC
	var err error
	if r.file, err = os.OpenFile(name, flags, 0o666); err != nil {
		return nil, err
	}
	if most > 0 {
		if r.old, err = os.OpenFile(name+".old", flags, 0o666); err != nil {
			return nil, errors.Join(err, r.file.Close())
		}
	}
	return r, nil
}

// Write writes whole lines.
func (r *Recorder) Write(b []byte) (int, error) {
	if r.most > 0 && r.size > 0 && r.size+int64(len(b)) > r.most {
		if err := r.turn(); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(b)
	r.size += int64(n)
	return n, err
}

// turn moves what is in the file to the second one. Both stay open, since the sandbox lets none be opened any more.
func (r *Recorder) turn() error {
	for _, file := range []*os.File{r.file, r.old} {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if err := r.old.Truncate(0); err != nil {
		return err
	}
	// Without the shortcuts of package io: the sandbox knows read and write.
	if _, err := io.Copy(struct{ io.Writer }{r.old}, struct{ io.Reader }{r.file}); err != nil {
		return err
	}
	if err := r.file.Truncate(0); err != nil {
		return err
	}
	_, err := r.file.Seek(0, io.SeekStart)
	r.size = 0
	return err
}

// Close closes the files.
func (r *Recorder) Close() error {
	err := r.file.Close()
	if r.old != nil {
		err = errors.Join(err, r.old.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot write the recording: %w", err)
	}
	return nil
}
